"""The page as text: what is in it, that it is safe, and the numbers that it carries."""

import base64
import hashlib
import json
import sys
import tomllib
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from rlflood.data import Facts
from rlflood.errors import InputError
from rlflood.experiments.analysis.summary import summarise
from rlflood.experiments.report.page.curves import task_curves
from rlflood.experiments.report.page.html import page
from rlflood.experiments.report.page.numbers import MOST_POINTS, short, spread, thinned
from rlflood.experiments.report.page.payload import comparison
from rlflood.experiments.report.page.provenance import controllers, machines
from rlflood.extras import MissingPackage

pytest.importorskip("jinja2")
pytest.importorskip("plotly")

EVIL = '<img src=x onerror="document.title=1"></script><script>alert(1)</script>'


class Elements(HTMLParser):
    """The elements of a page, in order: tag, attributes, and text up to the next tag."""

    def __init__(self, text):
        super().__init__()
        self.found, self.open = [], False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append([tag, dict(attrs), ""])
        self.open = True

    def handle_endtag(self, tag):
        self.open = False

    def handle_data(self, data):
        if self.open:
            self.found[-1][2] += data

    def named(self, tag):
        return [(attributes, text) for name, attributes, text in self.found if name == tag]

    def json(self, name):
        return next(
            json.loads(text) for attributes, text in self.named("script") if attributes.get("id") == name
        )


@pytest.fixture(scope="module")
def elements(results):
    return Elements(page(results))


def test_nothing_of_the_page_lies_elsewhere(elements):
    for tag, attributes, _ in elements.found:
        for name in ("src", "href", "action", "data", "poster", "srcset"):
            address = attributes.get(name)
            assert address is None or address.startswith(("#", "data:")), (tag, attributes)
    assert not [tag for tag, _, _ in elements.found if tag in ("iframe", "object", "embed", "base")]


def test_no_script_may_run_but_those_of_the_page(elements):
    policy = next(a["content"] for a, _ in elements.named("meta") if "http-equiv" in a)
    scripts = [text for attributes, text in elements.named("script") if "type" not in attributes]
    assert len(scripts) > 1
    for text in scripts:
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'") and "http" not in policy
    assert "unsafe" not in policy.split("style-src")[0]


def test_names_stay_names(make_results):
    text = page(make_results(tasks=(EVIL, "wine")))
    parsed = Elements(text)
    assert not [a for a, _ in parsed.named("img")]
    assert len(parsed.named("script")) == len(Elements(page(make_results())).named("script"))
    assert EVIL in parsed.named("option")[0][1]
    assert parsed.json("data")["tasks"][0] == EVIL


def test_all_four_summaries_are_embedded(elements, results):
    data = elements.json("data")
    assert set(data["views"]) == {"final-clean", "final-noisy", "best-clean", "best-noisy"}
    assert data["view"] == "final-clean"
    for name, view in data["views"].items():
        moment, labels = name.split("-")
        summary = summarise(results, moment, noisy=labels == "noisy")
        for shown, standing in zip(view["standings"], summary.standings, strict=True):
            assert data["methods"][shown["method"]]["name"] == standing.method
            assert shown["mean"] == pytest.approx(
                [standing.mean.mean, standing.mean.low, standing.mean.high], rel=1e-4
            )
        accuracies = results.scores("wine", "grid", range(4), moment=moment, noisy=labels == "noisy")
        cell = next(c for c in view["cells"] if c["task"] == 0 and c["method"] == 2)
        assert cell["accuracy"][0] == pytest.approx(accuracies.mean(), rel=1e-4)
        assert cell["runs"] == 5 and cell["knob"] == "level" and cell["picked"] == [0.5, 0.5]


def test_gaps_and_equal_runs_are_embedded_and_explained(elements, results, make_results):
    data, summary = elements.json("data"), summarise(results, "last")
    view = data["views"]["final-clean"]
    by_name = {standing.method: standing for standing in summary.standings}
    for shown in view["standings"]:
        gap = by_name[data["methods"][shown["method"]]["name"]].gap
        expected = None if gap is None else pytest.approx(gap.over_tasks.mean, rel=1e-4)
        assert (shown["gapOverTasks"] or [None])[0] == expected
    equal = view["equalRuns"]
    assert (equal["counts"], equal["reference"]) == ([1, 3, 5], None)
    row = next(row for row in equal["rows"] if row["name"] == "best-of:K:tracking")
    assert data["methods"][row["method"]]["name"] == "best-of:5:tracking"
    assert set(row["at"]) == {"1", "3", "5"}
    text = " ".join(text for _, text in elements.named("p"))
    assert "Gap closed, in %" in text and "after its first K runs" in text
    plain = page(make_results(methods=("none", "tracking"), diagnosed=False))
    assert "Gap closed, in %" not in plain and "At equal numbers of runs" not in plain


def test_headline_labels_are_those_of_the_study(make_results):
    results = make_results()
    noisy = replace(results, study=results.study.model_copy(update={"noisy_test": True}))
    assert Elements(page(noisy)).json("data")["view"] == "final-noisy"


def test_oracles_are_told_apart(elements):
    methods = elements.json("data")["methods"]
    assert [method["name"] for method in methods if method["oracle"]] == ["oracle"]


def test_curves_are_medians_of_the_repeats(results):
    curves = task_curves(results, results.study.tasks[0])
    assert curves["epochs"] == list(range(1, 31))
    losses = results.records["wine", "tracking"].train_loss
    place = [method.name for method in results.methods].index("tracking")
    shown = curves["schedules"][place]
    assert shown["train"]["mid"] == pytest.approx(np.median(losses, axis=0), rel=1e-4)
    assert shown["level"] == {"mid": 0.3}
    diagnosis = results.diagnoses["wine", "tracking"]
    looked = curves["diagnoses"][place]
    assert looked["testLoss"]["mid"] == pytest.approx(diagnosis.noisy_test_loss[0], rel=1e-4)
    assert looked["reached"] == 7
    assert [one["name"] for one in looked["networks"]] == ["below level", "end"]
    names = [method.name for method in results.methods]
    assert {names[m] for m in curves["diagnoses"]} == set(names) - {"oracle"}


@given(st.integers(1, 5000))
def test_thinning_keeps_both_ends(points):
    kept = thinned(points)
    assert kept[0] == 0 and kept[-1] == points - 1
    assert len(kept) == min(points, MOST_POINTS)
    # evenly: no step is more than one point longer than another
    assert points == 1 or np.ptp(np.diff(kept)) <= 1


@given(
    arrays.arrays(
        float,
        st.tuples(st.integers(1, 6), st.integers(1, 6)),
        elements=st.floats(-100, 100, width=16) | st.just(np.nan) | st.just(np.inf),
    )
)
def test_spread_is_the_quartiles_of_what_is_finite(curves):
    shown = spread(curves)
    points = curves.shape[1]
    for name, share in (("low", 0.25), ("mid", 0.5), ("high", 0.75)):
        values = shown.get(name, shown["mid"])
        values = values if isinstance(values, list) else [values] * points
        for value, column in zip(values, curves.T, strict=True):
            finite = column[np.isfinite(column)]
            if not finite.size:
                assert value is None
            else:
                assert value == pytest.approx(np.quantile(finite, share), rel=1e-4, abs=1e-9)


@pytest.mark.parametrize(
    ("value", "written"),
    [(0.123456789, 0.12346), (123456.7, 123460), (2.0, 2), (float("nan"), None), (float("inf"), None)],
)
def test_numbers_are_short(value, written):
    assert short(value) == written


def test_unfinished_study_says_what_is_missing(results, without):
    part = without(results, ("gaussians", "grid"))
    text = page(part)
    elements = Elements(text)
    missing = [text.strip() for _, text in elements.named("li")]
    assert "grid on gaussians: 0 of 4 seeds" in missing
    assert "44 of 48 runs" in text
    data = elements.json("data")
    assert data["compared"] == {"tasks": 1, "repeats": 4}
    # what is done there is shown all the same, without a comparison
    cells = [cell for cell in data["views"]["final-clean"]["cells"] if cell["task"] == 1]
    assert len(cells) == 5 and all(cell["difference"] is None for cell in cells)
    tracking = next(cell for cell in cells if cell["method"] == 5)
    scores = part.records["gaussians", "tracking"].test_acc_last
    assert tracking["accuracy"][0] == pytest.approx(scores.mean(), rel=1e-4)


def test_finished_study_misses_nothing(elements):
    assert "unfinished" not in [attributes.get("id") for _, attributes, _ in elements.found]


def test_nothing_to_compare_yet(results, without):
    part = without(results, *((task.name, "none") for task in results.study.tasks))
    with pytest.raises(InputError, match="nothing to compare"):
        comparison(part)
    elements = Elements(page(part))
    assert "views" not in elements.json("data")
    assert elements.json("curves-0")["schedules"]
    assert any("Nothing to compare yet" in text for _, text in elements.named("h2"))


def test_one_seed_has_no_intervals_but_a_page(make_results):
    data = Elements(page(make_results(seeds=1))).json("data")
    mean = data["views"]["final-clean"]["standings"][0]["mean"]
    assert mean[0] is not None and mean[1:] == [None, None]


def test_settings_make_the_study_again(elements, results):
    place = next(i for i, (tag, a, _) in enumerate(elements.found) if a.get("id") == "settings")
    settings = tomllib.loads(elements.found[place + 1][2])
    assert settings["methods"] == list(results.study.methods)
    assert settings["tasks"][0]["epochs"] == 30
    assert any("rlflood benchmark study.toml --out DIR" in text for _, text in elements.named("code"))
    shown = " ".join(text for _, text in elements.named("dd"))
    assert "2026-03-01 10:20 UTC" in shown and "Some processor" in shown and "abc123" in shown


@pytest.mark.parametrize(
    ("starts", "ended", "told"),
    [
        (("19:48:01", "19:48:02"), "2026-03-01T20:04:10+00:00", "2026-03-01 19:48 to 20:04 UTC (16 minutes)"),
        (("19:48:01",), "2026-03-01T19:48:13+00:00", "2026-03-01 19:48 UTC (12 seconds)"),
        (("19:48:01",), "2026-03-03T08:00:00+00:00", "2026-03-01 19:48 to 2026-03-03 08:00 UTC (36 hours)"),
        (("19:48:01",), "2026-03-01T21:50:00+01:00", "2026-03-01 19:48 to 20:50 UTC (62 minutes)"),
        # started again when all was done
        (("19:48:01", "23:00:00"), "2026-03-01T19:49:02+00:00", "2026-03-01 19:48 to 19:49 UTC (61 seconds)"),
        (("19:48:01", "20:00:00"), None, "begun 2026-03-01 19:48 UTC"),
        ((), None, None),
    ],
)
def test_it_says_from_when_to_when_it_was_made(results, starts, ended, told):
    begun = [{**results.starts[0], "started": f"2026-03-01T{time}+00:00"} for time in starts]
    elements = Elements(page(replace(results, starts=begun, ended=ended)))
    place = next((i for i, (tag, _, text) in enumerate(elements.found) if text == "Made"), None)
    assert told == (None if place is None else elements.found[place + 1][2])


def test_every_machine_is_named_once(results):
    other = {**results.starts[0], "machine": {"system": "Linux", "cores": 1}}
    assert machines(replace(results, starts=[*results.starts, other, *results.starts])) == (
        "Some processor, Linux, x86_64, 2 cores; Linux, 1 core"
    )


def test_label_noise_says_which_labels_are_wrong(results, make_results):
    assert any(
        "training and validation labels are wrong" in text for _, text in Elements(page(results)).named("p")
    )
    clean = [task.model_copy(update={"label_noise": 0.0}) for task in results.study.tasks]
    plain = replace(results, study=results.study.model_copy(update={"tasks": tuple(clean)}))
    assert "labels are wrong" not in page(plain).split("<script")[0]


def test_runs_that_diverged_are_marked(results, elements):
    assert "tracking diverged" not in " ".join(text for _, text in elements.named("p"))
    key = "wine", "tracking"
    val_loss = results.records[key].val_loss.copy()
    val_loss[1:3, -1] = np.nan
    broken = {**results.records, key: replace(results.records[key], val_loss=val_loss)}
    lost = Elements(page(replace(results, records=broken)))
    view = lost.json("data")["views"]["final-clean"]
    names = [method["name"] for method in lost.json("data")["methods"]]
    assert {names[row["method"]]: row["diverged"] for row in view["standings"] if row["diverged"]} == {
        "tracking": 2
    }
    cells = {(row["task"], names[row["method"]]): row["diverged"] for row in view["cells"]}
    assert {cell: count for cell, count in cells.items() if count} == {(0, "tracking"): 2}
    text = " ".join(text for _, text in lost.named("p"))
    assert "‡: 2 of 8 runs of tracking diverged: their loss was no longer finite" in text


def test_names_keep_their_letters_in_the_notice(make_results, without):
    part = without(
        make_results(methods=("none", "tracking"), diagnosed=False), ("wine", "none"), ("gaussians", "none")
    )
    part = replace(part, study=part.study.model_copy(update={"name": "CIFAR by MyController"}))
    notices = [text for a, text in Elements(page(part)).named("p") if a.get("class") == "notice"]
    assert any(text.startswith("The study CIFAR by MyController has nothing") for text in notices)


def test_cost_of_training_controllers_is_told_apart(make_results, tmp_path):
    from rlflood.control import Controller
    from rlflood.control.levels import LevelSet
    from rlflood.control.spec import ControlSpec

    layers = [(np.zeros((2, 4), np.float32), np.zeros(2, np.float32))]
    spec = ControlSpec("metrics", LevelSet((0.0, 0.1), "absolute"), 10)
    provenance = {"episodes": 2000, "preset": {"tasks": {"base": {"epochs": 100}}}}
    file = tmp_path / "mine.safetensors"
    Controller(spec, layers, provenance=provenance).save(file)
    elements = Elements(page(make_results(methods=("none", str(file)), diagnosed=False)))
    cells = [text.strip() for _, text in elements.named("td")]
    assert [text for text in cells if text in ("2,000", "100", "200,000")] == ["2,000", "100", "200,000"]
    assert "controllers/mine.safetensors" in page(make_results(methods=("none", str(file)), diagnosed=False))
    twice = make_results(methods=("none", f"best-of:2:{file}", str(file)), diagnosed=False)
    assert [training.method for training in controllers(twice)] == ["mine"]
    assert controllers(make_results(methods=("none", f"best-of:2:{file}"), diagnosed=False)) == controllers(
        twice
    )


def test_controllers_are_left_out_where_there_are_none(elements):
    assert "controllers" not in [attributes.get("id") for _, attributes, _ in elements.found]


@pytest.mark.parametrize(("module", "package"), [("jinja2", "Jinja"), ("plotly.offline", "Plotly")])
def test_missing_library_is_named(results, monkeypatch, module, package):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingPackage, match=rf"page of a report needs {package}: .*rlflood\[benchmark\]"):
        page(results)


def test_a_task_is_told_by_what_is_known_of_its_data(results):
    task = results.study.tasks[0]
    mine = Facts("/gone/mine.npz", classes=7, features=31, size=100)
    about, _ = task_curves(replace(results, facts={task.name: mine}), task)["about"]
    assert about.startswith("two-gaussians: 7 classes, 31 features, 20 % label noise")
    about, _ = task_curves(replace(results, facts={}), task)["about"]
    assert about.startswith("two-gaussians: 20 % label noise")
