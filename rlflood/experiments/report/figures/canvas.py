"""Matplotlib for print: widths of journals' columns, 8 points, and files that are the same each time."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BytesIO
from typing import Any

from rlflood.experiments.report.figures.palette import Style
from rlflood.extras import check_package

ONE_COLUMN, TWO_COLUMNS = 3.4, 7.0
"""Inches."""
GREY, PALE = "#666666", "#DDDDDD"

_NO_VALUES = (1e-3, 1.0)  # the limits of a logarithmic axis on which nothing is drawn
_FEW = 8  # methods that a legend under a figure of one column has room for
_SETTINGS = {
    "figure.dpi": 300,
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": PALE,
    "grid.linewidth": 0.5,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "lines.linewidth": 1.2,
    "lines.markersize": 4.5,
    "pdf.fonttype": 42,  # fonts as such: journals refuse the default, Type 3
    "svg.hashsalt": "rlflood",  # else the ids in a file are random
}


def check_matplotlib() -> None:
    """Make sure that figures can be drawn.

    Raises:
        MissingPackage: if matplotlib is missing.
    """
    check_package("matplotlib", "figures need matplotlib")


@contextmanager
def house_style() -> Iterator[None]:
    """Draw and render within this: nothing that the person has set in Matplotlib plays a part."""
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        parameters: Any = matplotlib.rcParams
        parameters.update(_SETTINGS)
        yield


def new_canvas(width: float, height: float) -> Any:
    """An empty figure of this size in inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def rendered(canvas: Any, file_type: str) -> bytes:
    """The file of a figure: ``png``, ``svg`` or ``pdf``, without the date or anything else that changes."""
    buffer = BytesIO()
    dates = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
    canvas.savefig(buffer, format=file_type, metadata=dates.get(file_type))
    return buffer.getvalue()


def plain(text: str) -> str:
    """A person's text so that Matplotlib takes no part of it for a formula."""
    return text.replace("$", r"\$")


def make_logarithmic(axis: Any, low: float, high: float) -> None:
    """A logarithmic axis with plain numbers on it, more of them the less it spans.

    Args:
        axis: The panel's ``xaxis`` or ``yaxis``; axes that are shared with it follow.
        low: About where it begins.
        high: About where it ends; not positive, or not finite, where nothing is drawn that it can show.
    """
    from matplotlib.ticker import FormatStrFormatter, LogLocator, NullFormatter

    axis.axes.set(**{f"{axis.axis_name}scale": "log"})
    spans = high / low if 0 < low < high < float("inf") else float("inf")
    within_a_decade: tuple[float, ...] = (1.0,)
    if spans < 50:
        within_a_decade = (1, 2, 5) if spans > 6 else (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9)
    axis.set_major_locator(LogLocator(subs=within_a_decade, numticks=15))
    axis.set_major_formatter(FormatStrFormatter("%g"))
    axis.set_minor_formatter(NullFormatter())
    if not 0 < high < float("inf"):  # as where all runs diverged: an axis needs limits all the same
        axis.axes.set(**{f"{axis.axis_name}lim": _NO_VALUES})


def width_for(methods: Sequence[str]) -> float:
    """One column while the legend fits under the figure, two beyond."""
    return ONE_COLUMN if len(methods) <= _FEW else TWO_COLUMNS


def height_for(methods: Sequence[str], panels: float) -> float:
    """Inches for panels of that height together and :func:`draw_legend`."""
    below = 0.18 * -(-len(methods) // 2) if len(methods) <= _FEW else 0.0
    beside = 0.155 * len(methods) + 0.3 if len(methods) > _FEW else 0.0
    return max(panels + below, beside)


def draw_legend(
    canvas: Any, names: Mapping[str, str], looks: Mapping[str, Style], *, lines: bool = True
) -> None:
    """The methods' looks: under a figure of one column, to the right of one of two.

    Args:
        canvas: The figure.
        names: What to call each method.
        looks: Of at least these methods.
        lines: Whether the figure has lines, not points alone.
    """
    from matplotlib.lines import Line2D

    handles = [
        Line2D(
            [],
            [],
            color=looks[method].colour_light,
            linestyle=looks[method].linestyle if lines else "",
            marker=looks[method].matplotlib_marker,
        )
        for method in names
    ]
    few = len(names) <= _FEW
    legend = canvas.legend(
        handles,
        ["method"] * len(names),
        loc="outside lower center" if few else "outside right upper",
        ncols=2 if few and len(names) > 1 else 1,
        handlelength=3.2,
    )
    # set afterwards: a label that begins with an underscore is none to Matplotlib
    for text, name in zip(legend.get_texts(), names.values(), strict=True):
        text.set_text(plain(name))
