"""Doing what is missing of a study, in one process or several."""

import multiprocessing
import os
import signal
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from queue import Empty
from typing import Any, NoReturn, TypeAlias

import numpy as np
import torch

from rlflood.errors import InputError, RlfloodWarning, warnings_told
from rlflood.experiments.runs.diagnosis import diagnose
from rlflood.experiments.runs.environment import environment
from rlflood.experiments.runs.setting import Progress
from rlflood.experiments.study.file import StudyTask
from rlflood.experiments.study.folder import open_study
from rlflood.experiments.study.locks import at_work
from rlflood.experiments.study.locks import claim as _claim
from rlflood.experiments.study.plan import Plan, StudyProgress
from rlflood.experiments.study.store import Store, Unit
from rlflood.interrupts import TERMINATED
from rlflood.training import Machine

_PATIENCE = 0.5  # seconds between looks at what other processes do
_FAREWELL = 10.0  # seconds that a process has to end in before it is killed
_TRIES, _PAUSE = 120, 5.0  # to keep a result that cannot be written: ten minutes, to make room on a disk in

UnitProgress: TypeAlias = Callable[[float, str], None]
"""Called as ``on_unit(share, what)``: what is done of the present unit, by its cost; 0 before and after."""


def run_study(folder: Path, machine: Machine, on_progress: StudyProgress, *, processes: int = 1) -> None:
    """Do what is missing of the study in ``folder``; every finished unit is kept at once.

    A unit that another process works on is left to it, and taken over if that process ends without it.

    Args:
        folder: The study's folder.
        machine: Where each process trains.
        on_progress: Told of every epoch.
        processes: How many share the work. On small networks that makes more of several cores than threads,
            which wait for each other and for Python's lock. With more than one, call this from a program
            whose main module can be imported (``if __name__ == "__main__":``).

    A result that cannot be written, as on a full disk, is a warning, and is tried again for ten minutes.

    Raises:
        InputError: if a task's data cannot be loaded or is too small for its splits, or a result cannot be
            written.
        KeyboardInterrupt: if a process that was started was ended by SIGTERM.
        RuntimeError: if a process that was started ended by itself.
    """
    plan = Plan(open_study(folder), Store(folder), machine)
    finished = 0.0
    shares = [0.0] * processes

    def tell(number: int, share: float, what: str) -> None:
        nonlocal finished
        shares[number] = share
        if not share:
            finished = plan.finished()
        # a unit that another process has just committed may be counted twice until that is heard of
        on_progress(min(plan.total, finished + sum(shares)), plan.total, what)

    with at_work(folder):
        plan.store.set_tried()
        if processes == 1:
            _work(plan, machine, lambda share, what: tell(0, share, what))
        else:
            _share_work(folder, machine, processes, tell)


def _work(plan: Plan, machine: Machine, on_unit: UnitProgress) -> None:
    """One process's part: unit after unit until all are done, whoever does them, then the diagnoses."""
    if not plan.total:
        return  # nothing is missing, and a report names only those who did something
    start = plan.store.begin(environment(machine), plan.facts)
    while pending := plan.pending():
        if not any(_attempt(unit, plan, start, on_unit) for unit in pending):
            time.sleep(_PATIENCE)
    while tasks := [task for task in plan.study.tasks if plan.undiagnosed(task)]:
        if not any(_diagnose(task, plan, on_unit) for task in tasks):
            time.sleep(_PATIENCE)


def _share_work(
    folder: Path, machine: Machine, processes: int, tell: Callable[[int, float, str], None]
) -> None:
    """Start processes that work on the study, and pass on what they tell."""
    # a fresh interpreter each: a copy of this one could inherit the locks of threads that it has not
    context = multiprocessing.get_context("spawn")
    messages = context.Queue()
    workers = [
        context.Process(target=_worker, args=(folder, machine, number, os.getpid(), messages), daemon=True)
        for number in range(processes)
    ]
    try:
        with _ctrl_c_for_the_parent():
            for worker in workers:
                worker.start()
        while True:
            alive = any(worker.is_alive() for worker in workers)
            try:
                message = messages.get(timeout=_PATIENCE) if alive else messages.get_nowait()
            except Empty:
                if not alive:  # all that they have told is heard
                    break
            else:
                if isinstance(message, str):
                    raise InputError(message)
                tell(*message)
            if failed := [worker.exitcode for worker in workers if worker.exitcode]:
                # whoever ends a whole group of processes may reach this one last
                if failed[0] in (TERMINATED, -signal.SIGTERM):
                    raise KeyboardInterrupt
                raise RuntimeError(f"a process of the study ended with exit status {failed[0]}")
    finally:
        begun = [worker for worker in workers if worker.pid is not None]
        for worker in begun:
            worker.terminate()
        for worker in begun:
            worker.join(_FAREWELL)
            worker.kill()
            worker.join()


@contextmanager
def _ctrl_c_for_the_parent() -> Iterator[None]:
    """Processes that are started within this are never told of Ctrl-C, not even while they import."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _worker(
    folder: Path, machine: Machine, number: int, parent: int, messages: "multiprocessing.Queue[Any]"
) -> None:
    """The main function of a process that was started."""
    # Ctrl-C is for the process that started this one, which then ends it
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def end(*_: Any) -> NoReturn:
        messages.cancel_join_thread()  # nobody reads them any more
        sys.exit(TERMINATED)  # so that no file that is half written stays

    signal.signal(signal.SIGTERM, end)
    torch.set_num_threads(1)
    warnings.simplefilter(
        "ignore", RlfloodWarning
    )  # of the process that started this one, which has read the files

    def tell(share: float, what: str) -> None:
        if os.getppid() != parent:  # it was killed, perhaps before this process began: nobody waits
            os._exit(1)
        messages.put((number, share, what))

    try:
        with warnings_told():
            _work(Plan(open_study(folder), Store(folder), machine), machine, tell)
    except InputError as error:
        messages.put(str(error))


def _attempt(unit: Unit, plan: Plan, start: int, on_unit: UnitProgress) -> bool:
    """Do a unit, unless another process is at it; whether it is done now."""
    with _claim(plan.store.folder, unit.key) as mine:
        if not mine or unit in plan.store.units():
            return mine
        setting = plan.setting(unit)
        began, what = time.perf_counter(), f"{unit.task}: {unit.method}"
        advance = _advance(plan.cost(unit), what, on_unit)
        record = plan.methods[unit.method].run(setting, plan.machine, advance)
        seconds = time.perf_counter() - began
        seeds = {"data_seeds": setting.data_seeds, "network_seeds": setting.network_seeds}
        _keep(lambda: plan.store.add(unit, record, **seeds, seconds=seconds, start=start))
        on_unit(0.0, what)
    return True


def _diagnose(task: StudyTask, plan: Plan, on_unit: UnitProgress) -> bool:
    """Train the runs of the first repeats again, all methods in one stack, and look at them closely.

    Returns:
        Whether that is done now; not, if another process is at it.
    """
    unit = plan.diagnosis(task)
    with _claim(plan.store.folder, f"diagnosis-{unit.key}") as mine:
        missing = plan.undiagnosed(task)
        if not mine or not missing:
            return mine
        levels = []
        for method in missing:
            found = plan.store.record(task.name, method)
            assert found is not None  # all units are done
            levels.append(found[1].levels[: unit.repeats])
        one = plan.setting(unit)
        stacked = replace(
            one,
            data_seeds=one.data_seeds * len(missing),
            network_seeds=one.network_seeds * len(missing),
        )
        what = f"{task.name}: curves of the test loss"
        advance = _advance(plan.cost(unit), what, on_unit)
        whole = diagnose(stacked, np.concatenate(levels), plan.machine, advance)
        for number, method in enumerate(missing):
            part = whole.part(slice(number * unit.repeats, (number + 1) * unit.repeats))
            _keep(partial(plan.store.add_diagnosis, task.name, method, part))
        on_unit(0.0, what)
    return True


def _keep(commit: Callable[[], None]) -> None:
    """Commit a result, trying again for a while if that fails: it may have taken hours.

    Raises:
        InputError: if it cannot be written after all.
    """
    for number in range(_TRIES):
        try:
            return commit()
        except InputError as error:
            if not number:
                told = f"{error}: make room, it is tried again for {_TRIES * _PAUSE / 60:.0f} minutes"
                warnings.warn(told, RlfloodWarning, stacklevel=2)
            time.sleep(_PAUSE)
    commit()


def _advance(cost: float, what: str, on_unit: UnitProgress) -> Progress:
    """A listener for the epochs of a unit."""
    on_unit(0.0, what)
    return lambda done, total: on_unit(cost * min(1.0, done / total), what)
