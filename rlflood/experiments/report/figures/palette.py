"""One look for each method, the same in every figure, printed or on the page."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

# Okabe and Ito (2008), told apart with every kind of colour vision: on white, and on a dark page. Black and
# yellow cannot be read on one of the two and are changed there; blue, vermilion and green are made lighter.
_BLACK = ("#000000", "#F2F2F2")
_BLUE = ("#0072B2", "#3E9EE0")
_VERMILION = ("#D55E00", "#EE7733")
_GREEN = ("#009E73", "#1DB98D")
_PURPLE = ("#CC79A7", "#CC79A7")
_ORANGE = ("#E69F00", "#E69F00")
_SKY = ("#56B4E9", "#7CC8F2")
_YELLOW = ("#AFA100", "#F0E442")
_COLOURS = (_BLACK, _BLUE, _VERMILION, _GREEN, _PURPLE, _ORANGE, _SKY, _YELLOW)

LEVEL, TRAINING, VALIDATION = _GREEN[0], _BLUE[0], _VERMILION[0]
"""Where colours mean curves instead of methods: the flood level, training and validation loss, on white."""

# Plotly's names and what Matplotlib calls the same; dashes in widths of the line
_DASHES: dict[str, str | tuple[float, tuple[float, ...]]] = {
    "solid": "-",
    "dash": (0, (4, 1.6)),
    "dot": (0, (1, 1.4)),
    "dashdot": (0, (5, 1.6, 1, 1.6)),
    "longdash": (0, (8, 2)),
}
_MARKERS = {
    "circle": "o",
    "square": "s",
    "triangle-up": "^",
    "diamond": "D",
    "triangle-down": "v",
    "cross": "P",
    "x": "X",
    "star": "*",
}


@dataclass(frozen=True, slots=True)
class Style:
    """How a method is drawn.

    Attributes:
        colour_light: On a light background, as ``#RRGGBB``.
        colour_dark: On a dark background.
        dash: Of its lines, in Plotly's words: ``solid``, ``dash`` ...
        marker: Of its points, in Plotly's words: ``circle``, ``square`` ...
    """

    colour_light: str
    colour_dark: str
    dash: str
    marker: str

    @property
    def linestyle(self) -> Any:
        """The dash as Matplotlib takes it: a name, or an offset and lengths."""
        return _DASHES[self.dash]

    @property
    def matplotlib_marker(self) -> str:
        """The marker as Matplotlib takes it."""
        return _MARKERS[self.marker]


def styles(methods: Sequence[str]) -> dict[str, Style]:
    """A style for each method, by its place: give all methods of the study, in its order, everywhere.

    The first eight differ in colour, the next eight in dash besides, and so on; methods of one colour
    differ in marker too.
    """
    dashes, markers = tuple(_DASHES), tuple(_MARKERS)
    found = {}
    for place, method in enumerate(dict.fromkeys(methods)):
        turn, colour = divmod(place, len(_COLOURS))
        found[method] = Style(
            *_COLOURS[colour], dashes[turn % len(dashes)], markers[(place + turn) % len(markers)]
        )
    return found
