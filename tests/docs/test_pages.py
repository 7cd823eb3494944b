"""Every code block and every command of the documentation does what it says."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from rlflood.agents import load_preset
from rlflood.experiments import load_study
from tests.docs import commands, pages

_MINE = re.compile(r"# (\S+\.(?:toml|py))\n")


@pytest.mark.parametrize("name", pages.names())
def test_what_a_page_shows_runs(name: str, folder: Path) -> None:
    names: dict[str, Any] = {"__name__": name}
    # what makes the figures of the results takes hours
    hours = name.startswith("docs/results")
    for block in pages.blocks(pages.names()[name]):
        if block.setup:
            exec(compile(block.setup, f"{name}, before line {block.line}", "exec"), names)
        match block.kind:
            case "python":
                if named := _MINE.match(block.text):
                    Path(named[1]).write_text(block.text)
                exec(compile("\n" * block.line + block.text, name, "exec"), names)
            case "toml":
                check_toml(block.text)
            case "sh":
                for words in commands.commands(block.text):
                    commands.check(words, block.run and not hours)
            case kind:
                assert kind == "text" or kind.startswith("{"), f"{name}:{block.line}: {kind!r} is not tested"


def check_toml(text: str) -> None:
    """Read a study or a preset as what it is, and keep it under the name that its first line gives."""
    named = _MINE.match(text)
    file = Path(named[1] if named else "example.toml")
    file.write_text(text)
    if isinstance(tomllib.loads(text).get("tasks"), list):
        load_study(str(file)).make_methods()
    else:
        load_preset(str(file))


@pytest.mark.parametrize("name", pages.names())
def test_links_lead_somewhere(name: str) -> None:
    page = pages.names()[name]
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#\s]*)#?([^)\s]*)\)", text):
        file = page.parent / target if target else page
        assert file.exists(), target
        if anchor and file.suffix == ".md":
            assert anchor in anchors(file), f"{target}#{anchor}"


def anchors(page: Path) -> set[str]:
    """The headings of a page as links name them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}
