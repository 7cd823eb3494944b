"""What the first page has to keep to, and the glossary."""

import re

from tests.docs.pages import ROOT


def test_no_paragraph_of_the_readme_has_more_than_two_numbers() -> None:
    text = re.sub(
        r"<!--.*?-->|^```.*?^```$|\(http[^)]*\)",
        "",
        (ROOT / "README.md").read_text(),
        flags=re.DOTALL | re.MULTILINE,
    )
    for paragraph in text.split("\n\n"):
        if not paragraph.lstrip().startswith("|"):
            assert len(re.findall(r"(?<![\w.])\d[\d.,]*(?![\w])", paragraph)) <= 2, paragraph


def test_the_readme_is_one_screen() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 100


def test_the_glossary_has_at_most_twenty_words() -> None:
    words = (ROOT / "docs" / "ideas.md").read_text().partition("## Words")[2]
    assert 10 <= len(re.findall(r"^\| (?!word|-)", words, re.MULTILINE)) <= 20
