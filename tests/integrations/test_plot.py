"""A run drawn by Matplotlib: what the lines show, and what is said where nothing can be drawn."""

import gc
import sys
from collections.abc import Iterator
from io import BytesIO
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import rlflood
from rlflood.errors import InputError
from rlflood.extras import MissingPackage

pytest.importorskip("matplotlib")
from matplotlib import colors, pyplot
from matplotlib.image import imread

from rlflood.integrations import plot

NAN = float("nan")
RUN = [(1.0, 0.5, 1.1, 0.4), (0.6, 0.7, 0.9, 0.6), (0.3, 0.9, 1.2, 0.6), (0.2, 1.0, 1.5, 0.5)]
NAMES = ("train_loss", "train_acc", "val_loss", "val_acc")


@pytest.fixture(autouse=True)
def _no_figure_stays() -> Iterator[None]:
    yield
    pyplot.close("all")


def stepped(run: Any = RUN) -> rlflood.FloodScheduler:
    scheduler = rlflood.TrackingFlood(0.5)
    for epoch in run:
        scheduler.step(**dict(zip(NAMES, epoch, strict=True)))
    return scheduler


def lines(ax: Any) -> dict[str, Any]:
    return {line.get_label(): line for line in ax.lines}


def test_losses_with_the_level_and_accuracies_by_epoch() -> None:
    scheduler = stepped()
    losses, accuracies = rlflood.plot_run(scheduler)
    columns = dict(zip(NAMES, zip(*RUN, strict=True), strict=True))
    for ax, kind in ((losses, "loss"), (accuracies, "acc")):
        drawn = lines(ax)
        for name, part in (("training", "train"), ("validation", "val")):
            np.testing.assert_array_equal(drawn[name].get_xdata(), [1, 2, 3, 4])
            np.testing.assert_array_equal(drawn[name].get_ydata(), columns[f"{part}_{kind}"])
    level = lines(losses)["flood level"]
    np.testing.assert_allclose(level.get_ydata(), [0, 0.55, 0.45, 0.45])
    assert level.get_drawstyle() == "steps-mid" and losses.get_ylim()[0] == 0
    assert losses.figure is pyplot.gcf(), "notebooks and show() know it"


def test_what_is_drawn_is_the_history_itself_too() -> None:
    one, _ = rlflood.plot_run(stepped().history)
    np.testing.assert_array_equal(lines(one)["training"].get_ydata(), [1.0, 0.6, 0.3, 0.2])


def test_marks_say_where_the_average_began_and_where_weights_were_put_back() -> None:
    losses, accuracies = rlflood.plot_run(stepped())
    for ax in (losses, accuracies):
        assert list(lines(ax)["average begins"].get_xdata()) == [3.5, 3.5]
        assert "best weights put back" not in lines(ax)
    controller = rlflood.load_controller("robust", epochs=40, classes=3)
    for epoch in range(40):
        loss = abs(epoch - 8) / 10 + 0.3
        controller.step(train_loss=1 / (epoch + 1), train_acc=0.9, val_loss=loss, val_acc=0.6)
    losses, _ = rlflood.plot_run(controller)
    where = controller.history.epoch[controller.history.returns] - 0.5
    put_back = [line for line in losses.lines if line.get_label().endswith("best weights put back")]
    assert len(where) > 1 and [line.get_xdata()[0] for line in put_back] == list(where)
    texts = [text.get_text() for text in losses.get_legend().get_texts()]
    assert texts.count("best weights put back") == 1


def test_of_replicas_the_median_and_the_quartiles() -> None:
    run = [tuple(np.array([0, 0.1, 0.2, 0.3, 0.4]) + value / 2 for value in epoch) for epoch in RUN]
    run[3][0][0] = run[3][1][0] = NAN  # one has diverged
    losses, _ = rlflood.plot_run(stepped(run))
    np.testing.assert_allclose(lines(losses)["training"].get_ydata(), [0.7, 0.5, 0.35, 0.35])
    band = losses.collections[0].get_paths()[0].vertices
    first = band[np.isclose(band[:, 0], 1), 1]
    assert (first.min(), first.max()) == pytest.approx((0.6, 0.8))
    assert set(lines(losses)) == {"training", "validation", "flood level"}


def test_what_there_is_not_is_not_drawn() -> None:
    scheduler = rlflood.ConstantFlood(0.1)
    for loss in (1.0, NAN, 0.5):
        scheduler.step(train_loss=loss, train_acc=NAN if np.isnan(loss) else 0.5)
    losses, accuracies = rlflood.plot_run(scheduler)
    assert "validation" not in {**lines(losses), **lines(accuracies)}
    np.testing.assert_array_equal(lines(losses)["training"].get_ydata(), [1.0, NAN, 0.5])


def test_into_axes_of_ones_own() -> None:
    _, axes = pyplot.subplots(1, 2)
    assert rlflood.plot_run(stepped(), axes) == tuple(axes)
    with pytest.raises(InputError, match="two axes"):
        rlflood.plot_run(stepped(), axes[:1])


def test_a_run_without_an_epoch_is_told() -> None:
    with pytest.raises(InputError, match=r"before the first epoch: call plot_run after step\(\)"):
        rlflood.plot_run(rlflood.TrackingFlood())


def test_without_matplotlib_it_says_what_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingPackage, match=r'pip install "rlflood\[plot\]"'):
        rlflood.plot_run(stepped())


@pytest.mark.parametrize("background", ["white", "black"])
def test_colours_are_read_on_white_and_on_black(background: str) -> None:
    def luminance(colour: str) -> float:  # relative, of WCAG 2
        parts = np.array(colors.to_rgb(colour))
        linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    for colour in (plot.TRAINING, plot.VALIDATION, plot.LEVEL, plot.MARK):
        low, high = sorted((luminance(colour), luminance(background)))
        assert (high + 0.05) / (low + 0.05) >= 3, colour  # for lines, by WCAG 2


# in a notebook


@pytest.mark.parametrize("shell", [None, SimpleNamespace(kernel=None)], ids=["python", "terminal"])
def test_live_outside_of_a_notebook_is_told(shell: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("IPython")
    monkeypatch.setattr("IPython.get_ipython", lambda: shell)
    with pytest.raises(InputError, match="live=True draws in a notebook"):
        rlflood.plot_run(stepped(), live=True)


def test_live_without_ipython_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "IPython", None)
    with pytest.raises(InputError, match="live=True draws in a notebook"):
        rlflood.plot_run(stepped(), live=True)


def test_live_has_one_display_a_cell_and_run(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("IPython")
    shown: list[Any] = []

    def display(image: Any, display_id: bool) -> Any:
        assert display_id
        place = len(shown)
        shown.append(image)
        return SimpleNamespace(update=lambda image: shown.__setitem__(place, image))

    shell = SimpleNamespace(kernel=object(), execution_count=1)
    monkeypatch.setattr("IPython.get_ipython", lambda: shell)
    monkeypatch.setattr("IPython.display.display", display)
    scheduler = stepped(RUN[:2])
    rlflood.plot_run(scheduler, live=True)
    before = shown[0].data
    scheduler.step(**dict(zip(NAMES, RUN[2], strict=True)))
    rlflood.plot_run(scheduler, live=True)
    assert len(shown) == 1 and shown[0].data != before, "the display was updated"
    corner = imread(BytesIO(shown[0].data))[0, 0]
    np.testing.assert_array_equal(corner, [1, 1, 1, 1])  # opaque: a dark page does not shine through
    other = stepped()
    rlflood.plot_run(other, live=True)
    shell.execution_count = 2
    rlflood.plot_run(scheduler, live=True)
    assert len(shown) == 3 and not pyplot.get_fignums()
    del scheduler, other
    gc.collect()
    assert not plot._shown, "a run that is gone leaves nothing"
    with pytest.raises(InputError, match="leave axes= out"):
        rlflood.plot_run(stepped(), pyplot.subplots(2)[1], live=True)
