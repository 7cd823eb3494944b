"""Hides all that steering a loop does not need: what rlflood requires but NumPy, PyTorch and safetensors.

And PyTorch, where the variable ``WITHOUT_TORCH`` is set: steering by epochs does not need it either.
"""

import os
import sys
from importlib.machinery import ModuleSpec, PathFinder
from typing import Any

PACKAGES = frozenset({
    "gymnasium", "pyarrow", "pydantic", "rich", "scipy", "sklearn", "stable_baselines3", "tomli_w",
    "torchvision", "typer", *(["torch"] if "WITHOUT_TORCH" in os.environ else []),
})  # fmt: skip


class SlimPathFinder(PathFinder):
    """Finds all but the hidden packages."""

    @classmethod
    def find_spec(cls, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        return None if fullname.partition(".")[0] in PACKAGES else super().find_spec(fullname, path, target)


sys.meta_path[sys.meta_path.index(PathFinder)] = SlimPathFinder
