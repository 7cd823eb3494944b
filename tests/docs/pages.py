"""The pages for people, and the code blocks in them.

A comment that nobody sees may say how the block after it is tested::

    <!-- test: setup
    model = torch.nn.Linear(4, 2)
    -->                                 Python that comes before it
    <!-- test: 10_000 -> 64 -->         what stands in it, and what is there in the test
    <!-- test: parsed, it takes hours -->   commands that are read by their parser but not run, and why
"""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
"""``notebook/`` is not among them: it says how things were."""

_BLOCK = re.compile(r"((?:<!-- test: .*?-->\s*)*)^```([^\n`]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_NOTE = re.compile(r"<!-- test: (.*?)\s*-->", re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A code block.

    Attributes:
        kind: What stands after the fence: ``python``, ``sh``, ``toml``, or a directive in braces.
        text: What is in it, with the replacements of its comments.
        setup: Python that comes before it in the test.
        run: Whether commands are run, or read by their parser only.
        line: Where it begins.
    """

    kind: str
    text: str
    setup: str
    run: bool
    line: int


def blocks(page: Path) -> list[Block]:
    """The code blocks of a page, in order."""
    text = page.read_text()
    return [
        _block(match[1], match[2], match[3], text.count("\n", 0, match.start(3)))
        for match in _BLOCK.finditer(text)
    ]


def _block(comments: str, kind: str, text: str, line: int) -> Block:
    setup, run = "", True
    for note in _NOTE.findall(comments):
        if note.startswith("setup\n"):
            setup += note.removeprefix("setup\n") + "\n"
        elif note.startswith("parsed, "):
            run = False
        else:
            shown, arrow, tested = note.partition(" -> ")
            assert arrow and shown in text, f"line {line}: no way to read the comment {note!r}"
            text = text.replace(shown, tested)
    return Block(kind, text, setup, run, line)


def names() -> dict[str, Path]:
    """Each page by its path from the root."""
    return {str(page.relative_to(ROOT)): page for page in PAGES}
