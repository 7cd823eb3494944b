"""Parts of a benchmark that don't end well; in a module of their own, since processes import it."""

import os
import time

from benchmarks.gpu.allowance import Allowance


def right(allowance: Allowance) -> None:
    allowance.report({"device": allowance.device, "told": allowance.seconds})


def raising(allowance: Allowance) -> None:
    allowance.report({"half": 1})
    raise RuntimeError("no such thing")


def hanging(allowance: Allowance) -> None:
    allowance.report({"half": 1})
    time.sleep(600)


def crashing(allowance: Allowance) -> None:
    allowance.report({"half": 1})
    os._exit(9)
