"""``python -m benchmarks.gpu``."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.gpu.allowance import Found
from benchmarks.gpu.parts import PARTS
from benchmarks.gpu.processes import Work, alone
from rlflood.errors import InputError, told
from rlflood.interrupts import INTERRUPTED, sigterm_as_ctrl_c
from rlflood.output import GrowingFile, check_output

Do = Callable[[Work, str, float, Callable[[Found], None]], str | None]


def measured(
    names: list[str], device: str, seconds: float, write: Callable[[dict[str, Any]], None], do: Do
) -> dict[str, Any]:
    """Do the parts one after the other, and write what there is whenever there is more.

    Each part has its share of what is left for it and those behind it, so that what one leaves goes to the
    others.

    Args:
        names: Of the parts, in their order.
        device: Where.
        seconds: For all of them.
        write: Writes all that has been found.
        do: Does one part; see :func:`benchmarks.gpu.processes.alone`.
    """
    end = time.monotonic() + seconds
    found: dict[str, Any] = {"device": device, "minutes": seconds / 60, "parts": {}}
    for number, name in enumerate(names):
        shares = [PARTS[other].share for other in names[number:]]
        began = time.monotonic()
        part: dict[str, Any] = {"state": "running", "seconds": 0.0, "found": {}}
        found["parts"][name] = part

        def take(report: Found, part: dict[str, Any] = part, began: float = began) -> None:
            part["found"], part["seconds"] = report, round(time.monotonic() - began, 1)
            write(found)

        wrong = do(PARTS[name].work, device, max(0.0, end - began) * shares[0] / sum(shares), take)
        part["state"] = "done" if wrong is None else "not finished"
        if wrong is not None:
            part["error"] = wrong
        part["seconds"] = round(time.monotonic() - began, 1)
        write(found)
        _show(name, part)
    return found


def _show(name: str, part: dict[str, Any]) -> None:
    typer.echo(f"{name}: {part['state']} after {part['seconds']:.0f} s")
    if "error" in part:
        typer.echo("  " + part["error"].strip().splitlines()[-1])
    checks = part["found"].get("checks", [])
    for check in checks:
        if not check["ok"]:
            typer.echo(f"  failed: {check['name']}: {check.get('error') or check['difference']}")
    if checks:
        typer.echo(f"  {sum(check['ok'] for check in checks)} of {len(checks)} checks are right")


def main(
    out: Annotated[Path, typer.Option(help="Write everything to this .json file.")],
    only: Annotated[
        list[str] | None, typer.Option(help=f"A part: {', '.join(PARTS)}; can be repeated.")
    ] = None,
    minutes: Annotated[float, typer.Option(min=0.1, help="The script ends by itself within this time.")] = 10,
    device: Annotated[str, typer.Option(help="cuda; or cpu, at tiny sizes, to try the script.")] = "cuda",
) -> None:
    """Check what only a GPU runs against the CPU, and measure it."""
    names = only or list(PARTS)
    if unknown := [name for name in names if name not in PARTS]:
        raise InputError(f"there is no part {unknown[0]!r}: use some of {', '.join(PARTS)}")
    check_output(out, "--out")
    file = GrowingFile(out, "--out")
    stopped = False
    try:
        measured(
            [name for name in PARTS if name in names],
            device,
            60 * minutes,
            lambda found: file.write(json.dumps(found, indent=1) + "\n"),
            alone,
        )
    except KeyboardInterrupt:
        stopped = True
    file.finish()
    if stopped:
        raise typer.Exit(INTERRUPTED)


if __name__ == "__main__":
    with sigterm_as_ctrl_c(), told():
        typer.run(main)
