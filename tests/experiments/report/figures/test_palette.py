"""Styles: methods that are told apart, and the same look wherever they are asked for."""

import pytest

from rlflood.experiments.report.figures.palette import styles


@pytest.mark.parametrize("count", [1, 8, 20, 60])
def test_no_two_methods_look_alike(count):
    looks = styles([f"method-{i}" for i in range(count)])
    assert len(set(looks.values())) == len(looks) == count


def test_eight_methods_differ_in_colour_alone_on_either_background():
    looks = styles("abcdefgh").values()
    assert len({look.colour_light for look in looks}) == len({look.colour_dark for look in looks}) == 8
    assert {look.dash for look in looks} == {"solid"}


def test_methods_of_one_colour_differ_in_dash_and_marker():
    looks = list(styles([str(i) for i in range(24)]).values())
    same = [look for look in looks if look.colour_light == looks[3].colour_light]
    assert len({look.dash for look in same}) == len({look.marker for look in same}) == 3


def test_a_study_that_grows_keeps_its_looks():
    before, after = styles(["none", "grid"]), styles(["none", "grid", "tracking"])
    assert {name: after[name] for name in before} == before


def _luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_lines_stand_out_from_either_background():
    # WCAG's contrast ratio; Okabe and Ito's lightest colours have just above 2 on white
    for look in styles("abcdefgh").values():
        assert 1.05 / (_luminance(look.colour_light) + 0.05) > 2
        assert (_luminance(look.colour_dark) + 0.05) / (_luminance("#111111") + 0.05) > 4.5


def test_every_dash_and_marker_is_known_to_matplotlib():
    figure = pytest.importorskip("matplotlib.figure")
    panel = figure.Figure().subplots()
    for look in styles([str(i) for i in range(40)]).values():
        panel.plot([0, 1], [0, 1], linestyle=look.linestyle, marker=look.matplotlib_marker)
    assert len(panel.lines) == 40
