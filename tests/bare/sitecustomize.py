"""Makes the machine look bare to every Python process that has this folder on its PYTHONPATH (``make bare``).

Nothing is found but what ``pip install rlflood`` brings: no data files, no network, no optional package, no
browser. What is hidden looks as if it were not there; nothing on the machine is changed.
"""

import errno
import shutil
import socket
import sys
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import Any

PACKAGES = frozenset({
    "accelerate", "cleanlab", "huggingface_hub", "jinja2", "matplotlib", "onnx", "optuna", "plotly",
    "pytorch_lightning", "sb3_contrib", "skorch", "tensorboard", "timm", "transformers",
})  # fmt: skip
PROGRAMS = ("chromium", "chromedriver")
NOWHERE = Path("/dev/null/data")
"""A folder that is not there and cannot be made."""


class BarePathFinder(PathFinder):
    """Finds all but the hidden packages, and blinds the module that looks for data."""

    @classmethod
    def find_spec(cls, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if fullname.partition(".")[0] in PACKAGES:
            return None
        spec = super().find_spec(fullname, path, target)
        if fullname == "rlflood.data.image_sets" and spec is not None and spec.loader is not None:
            run = spec.loader.exec_module

            def run_and_blind(module: Any) -> None:
                run(module)
                module.CACHE_ROOT = module.DEBIAN_FOLDER = NOWHERE

            spec.loader.exec_module = run_and_blind  # type: ignore[method-assign]
        return spec


def refuse_the_network(event: str, arguments: tuple[Any, ...]) -> None:
    """An audit hook: connections of this machine with itself are let through."""
    if event == "socket.getaddrinfo" and not _is_here(arguments[0]):
        raise socket.gaierror(socket.EAI_AGAIN, "this machine is bare: it has no network")
    if event == "socket.connect" and isinstance(arguments[1], tuple) and not _is_here(arguments[1][0]):
        raise OSError(errno.ENETUNREACH, "this machine is bare: it has no network")


def _is_here(host: str | bytes | None) -> bool:
    name = host.decode() if isinstance(host, bytes) else host
    return not name or name in ("localhost", "::1", "0.0.0.0") or name.startswith("127.")


def _which(cmd: Any, *arguments: Any, **keywords: Any) -> Any:
    return None if cmd in PROGRAMS else _real_which(cmd, *arguments, **keywords)


sys.meta_path[sys.meta_path.index(PathFinder)] = BarePathFinder
sys.addaudithook(refuse_the_network)
_real_which, shutil.which = shutil.which, _which
