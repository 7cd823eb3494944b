"""What a page says has to change in a loop is what its whole program has, and is little."""

import pytest

from tests.docs.programs import added_lines, program


@pytest.mark.parametrize("name", ["accelerate", "amp-accumulation-ddp", "timm"])
def test_five_lines_change_and_the_program_has_them(name: str) -> None:
    lines = [line.strip() for line in program(name).splitlines()]
    added = added_lines(name)
    assert 0 < len(added) <= 5
    assert not set(added) - set(lines)
