"""The names of methods, as people write them."""

from dataclasses import dataclass
from pathlib import Path

from rlflood.control.shipped import SUFFIX

BEST_OF, WITH, ALL, HALF = "best-of", "with", "all", "half"
NESTING = (BEST_OF, WITH, ALL, HALF)
"""The kinds of methods that have another method's name in their own, behind a colon more."""
_BARE = (ALL, HALF)
"""Those that say no more than that."""


@dataclass(frozen=True, slots=True)
class MethodName:
    """``constant:0.3``, ``best-of:5:tracking``, ``with:gce:tracking``, ``all:none``, or a controller.

    A controller is written as its name or its file.

    Any text is one; whether there is such a method is for :func:`get_method` to say. A controller's file may
    have colons in its path, also behind ``best-of:5:`` and ``with:gce:``.

    Attributes:
        kind: What stands before the first colon; the whole path of a controller's file.
        argument: What stands after it; None without a colon.
    """

    kind: str
    argument: str | None = None

    @classmethod
    def parse(cls, text: str) -> "MethodName":
        """The name that is written so; spaces around it are no part of it."""
        text = text.strip()
        kind, colon, argument = text.partition(":")
        if kind not in NESTING and text.endswith(SUFFIX):
            return cls(text)
        return cls(kind, argument if colon else None)

    def __str__(self) -> str:
        return self.kind if self.argument is None else f"{self.kind}:{self.argument}"

    @property
    def nested(self) -> "tuple[str, MethodName] | None":
        """Of ``best-of:RUNS:METHOD`` and ``with:CRITERION:METHOD`` the latter two, which may be empty.

        Of ``all:METHOD`` and ``half:METHOD`` the first is empty. None for any other kind.
        """
        if self.kind not in NESTING:
            return None
        if self.kind in _BARE:
            return "", MethodName.parse(self.argument or "")
        how, _, method = (self.argument or "").partition(":")
        return how, MethodName.parse(method)

    @property
    def innermost(self) -> "MethodName":
        """The method that is repeated, or put on a criterion or other labels; for any other kind itself."""
        return self if self.nested is None else self.nested[1].innermost

    @property
    def file(self) -> Path | None:
        """The controller's file that is run, once or several times; None for all else, also its bare name."""
        innermost = str(self.innermost)
        return Path(innermost) if innermost.endswith(SUFFIX) else None

    def with_innermost(self, other: str) -> "MethodName":
        """The same of another method: a controller's name or file in the place of one."""
        if self.nested is None:
            return MethodName.parse(other)
        how, method = self.nested
        before = "" if self.kind in _BARE else f"{how}:"
        return MethodName(self.kind, f"{before}{method.with_innermost(other)}")
