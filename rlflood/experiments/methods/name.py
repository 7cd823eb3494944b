"""The names of methods, as people write them."""

from dataclasses import dataclass
from pathlib import Path

from rlflood.control.shipped import SUFFIX

BEST_OF = "best-of"
"""The one kind of method that has another method's name in its own."""


@dataclass(frozen=True, slots=True)
class MethodName:
    """``tracking``, ``constant:0.3``, ``best-of:5:tracking``, or a controller's name or file.

    Any text is one; whether there is such a method is for :func:`get_method` to say. A controller's file may
    have colons in its path, also behind ``best-of:5:``.

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
        if kind != BEST_OF and text.endswith(SUFFIX):
            return cls(text)
        return cls(kind, argument if colon else None)

    def __str__(self) -> str:
        return self.kind if self.argument is None else f"{self.kind}:{self.argument}"

    @property
    def repeated(self) -> "tuple[str, MethodName] | None":
        """Of ``best-of:RUNS:METHOD`` the two, which may be empty; None for any other kind."""
        if self.kind != BEST_OF:
            return None
        runs, _, method = (self.argument or "").partition(":")
        return runs, MethodName.parse(method)

    @property
    def innermost(self) -> "MethodName":
        """The method that ``best-of`` repeats; the name itself for any other kind."""
        return self if self.repeated is None else self.repeated[1].innermost

    @property
    def file(self) -> Path | None:
        """The controller's file that is run, once or several times; None for all else, also its bare name."""
        innermost = str(self.innermost)
        return Path(innermost) if innermost.endswith(SUFFIX) else None

    def with_innermost(self, other: str) -> "MethodName":
        """The same of another method: a controller's name or file in the place of one."""
        if self.repeated is None:
            return MethodName.parse(other)
        runs, method = self.repeated
        return MethodName(self.kind, f"{runs}:{method.with_innermost(other)}")
