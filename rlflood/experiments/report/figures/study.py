"""All printed figures of a study, as PNG (300 dots an inch) and SVG."""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, TypeAlias

from rlflood.experiments.analysis.summary import summarise
from rlflood.experiments.report.figures.canvas import check_matplotlib, house_style, rendered
from rlflood.experiments.report.figures.overall import (
    draw_budget,
    draw_equal_runs,
    draw_headline,
    draw_profiles,
)
from rlflood.experiments.report.figures.palette import Style, styles
from rlflood.experiments.report.figures.schedules import draw_schedules
from rlflood.experiments.report.figures.task import draw_flatness, draw_perturbation, draw_test_loss
from rlflood.experiments.report.text.captions import views
from rlflood.experiments.study.results import Results

FILE_TYPES = ("png", "svg")
_MOST_SCHEDULES = 12  # methods that fit a page

_Drawing: TypeAlias = tuple[str, Callable[[], Any]]


def figures(results: Results) -> Iterator[tuple[str, bytes]]:
    """Draw them one by one: names of files and what goes into them.

    Over all tasks, one of each for every kind of test labels, of the networks that are deployed, if there is
    anything to compare: ``headline-deployed-clean`` and so on, ``budget-...``, ``profiles-...``, and
    ``equal-runs-...`` where methods can be compared at several numbers of runs. For each task that has begun,
    by its number in the study and its name: ``...-schedules`` (``-2`` and on for more than twelve methods),
    and, of what was diagnosed, ``...-test-loss``, ``...-flatness`` and ``...-perturbation``.

    The same results give the same bytes with the same version of Matplotlib.

    Raises:
        MissingPackage: if matplotlib is missing.
    """
    check_matplotlib()
    looks = styles([method.name for method in results.methods])
    for name, draw in [*_overall(results, looks), *_by_task(results, looks)]:
        with house_style():
            canvas = draw()
            files = [(f"{name}.{file_type}", rendered(canvas, file_type)) for file_type in FILE_TYPES]
        yield from files


def _overall(results: Results, looks: Mapping[str, Style]) -> Iterator[_Drawing]:
    tasks, methods, repeats = results.comparable
    if not (tasks and repeats and results.study.reference in methods):
        return
    for view in views(results):
        if view.moment != "deployed":  # of each network by itself there are tables, and the page
            continue
        summary = summarise(results, view.moment, noisy=view.noisy)
        for name, draw in (
            ("headline", draw_headline),
            ("budget", draw_budget),
            ("profiles", draw_profiles),
        ):
            yield f"{name}-{view.key}", partial(draw, summary, looks)
        if summary.equal_runs is not None:
            yield f"equal-runs-{view.key}", partial(draw_equal_runs, summary, summary.equal_runs, looks)


def _by_task(results: Results, looks: Mapping[str, Style]) -> Iterator[_Drawing]:
    digits = len(str(len(results.study.tasks)))
    for number, task in enumerate(results.study.tasks, start=1):
        words = "-".join(re.findall(r"[a-z0-9.]+", task.name.lower())).strip(".")
        prefix = f"{number:0{digits}d}-{words or 'task'}"
        records = [
            results.records[task.name, method.name]
            for method in results.methods
            if (task.name, method.name) in results.records
        ]
        for page, start in enumerate(range(0, len(records), _MOST_SCHEDULES), start=1):
            yield (
                f"{prefix}-schedules{'' if page == 1 else f'-{page}'}",
                partial(
                    draw_schedules,
                    task.name,
                    records[start : start + _MOST_SCHEDULES],
                    noisy=results.study.noisy_test,
                ),
            )
        diagnoses = {
            method.name: results.diagnoses[task.name, method.name]
            for method in results.methods
            if (task.name, method.name) in results.diagnoses
        }
        if diagnoses:
            yield f"{prefix}-test-loss", partial(draw_test_loss, task.name, diagnoses, looks)
            yield f"{prefix}-flatness", partial(draw_flatness, task.name, diagnoses, looks)
            yield f"{prefix}-perturbation", partial(draw_perturbation, task.name, diagnoses, looks)
