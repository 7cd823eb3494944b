"""The page in a browser: nothing is fetched, charts are drawn, and every control does what it says."""

import time

import pytest

from rlflood.experiments.analysis.summary import summarise
from rlflood.experiments.report.page.html import page

pytest.importorskip("jinja2")
pytest.importorskip("plotly")
By = pytest.importorskip("selenium.webdriver.common.by", reason="looking at the page needs selenium").By
Keys = pytest.importorskip("selenium.webdriver.common.keys").Keys
Select = pytest.importorskip("selenium.webdriver.support.ui").Select
Wait = pytest.importorskip("selenium.webdriver.support.ui").WebDriverWait

EVIL = '<img src=x onerror="document.title=1"></script><script>document.title=1</script>'


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("pages")


@pytest.fixture(scope="module")
def address(results, folder):
    return _written(folder / "study.html", results)


@pytest.fixture
def opened(browser, address):
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})
    _resize(browser, 1280, 900)
    _open(browser, address)
    return browser


def _written(path, results):
    path.write_text(page(results), encoding="utf-8")
    return path.as_uri()


def _open(browser, address):
    browser.get_log("browser")  # what an earlier page said
    browser.get(address)
    Wait(browser, 20).until(lambda b: b.execute_script("return document.readyState") == "complete")


def _resize(browser, width, height):
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def _chart(browser, name):
    """Scroll to a chart and wait until it is drawn as it should be now, not as it was before a change."""
    chart = browser.find_element(By.ID, name)
    browser.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", chart)
    drawn = "return !arguments[0].chart.stale && arguments[0].querySelectorAll('.trace').length > 0"
    Wait(browser, 20).until(lambda b: b.execute_script(drawn, chart))
    return chart


def _points(browser, chart):
    """What a chart draws: the coordinates of its traces."""
    return browser.execute_script(
        "return arguments[0].data.map(t => [t.name ?? '', Array.from(t.x), Array.from(t.y)])", chart
    )


def _click(browser, element):
    browser.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", element)
    element.click()


def _switch(browser, name, value):
    _click(browser, browser.find_element(By.XPATH, f"//input[@name='{name}'][@value='{value}']/.."))


def _column(browser, table, number):
    """The texts of a column, without the intervals below them."""
    return browser.execute_script(
        "return [...document.querySelectorAll(arguments[0] + ' tbody tr')]"
        ".map(row => row.children[arguments[1]].firstChild.textContent.replace('\u2212', '-'))",
        table,
        number,
    )


def _heading(browser, table, text):
    return browser.find_element(By.XPATH, f"//*[@id='{table}']//thead//button[starts-with(., '{text}')]")


def _no_overflow(browser):
    return browser.execute_script("return document.scrollingElement.scrollWidth <= innerWidth")


def test_charts_are_drawn_without_an_error_or_a_request(opened):
    for name in (
        "headline-chart", "budget-chart", "profiles-chart", "schedules-chart", "curves-chart",
        "flatness-chart", "perturbation-chart",
    ):  # fmt: skip
        chart = _chart(opened, name)
        paths = chart.find_elements(By.CSS_SELECTOR, "path.js-line, path.point")
        assert paths and all(len(path.get_attribute("d")) > 5 for path in paths), name
    assert opened.get_log("browser") == []
    fetched = opened.execute_script("return performance.getEntriesByType('resource').map(e => e.name)")
    assert [name for name in fetched if not name.startswith("data:")] == []


def test_charts_wait_until_they_are_near(opened):
    _chart(opened, "headline-chart")
    far = opened.find_element(By.ID, "perturbation-chart")
    assert far.find_elements(By.CSS_SELECTOR, ".trace") == []


def test_headline_is_sorted_and_shows_what_it_cost(opened):
    chart = _chart(opened, "headline-chart")
    xs = [x[0] for _, x, _ in _points(opened, chart)]
    # the oracle is drawn first, at the bottom; the others rise
    assert xs[1:] == sorted(xs[1:]) and len(xs) == 6
    texts = [text.text for text in chart.find_elements(By.CSS_SELECTOR, ".annotation-text")]
    assert sorted(texts) == ["1 run"] * 3 + ["5 runs"] * 3


def test_hovering_reads_the_values(opened):
    chart = _chart(opened, "schedules-chart")
    # in the middle of the lowest panel, where all curves run
    box = opened.execute_script(
        "const d = arguments[0].querySelector('.nsewdrag[data-subplot=xy3]').getBoundingClientRect();"
        "return [d.x + d.width / 2, d.y, d.height]",
        chart,
    )
    found = ""
    for step in range(1, 20):
        for shift in (0, 3):
            opened.execute_cdp_cmd(
                "Input.dispatchMouseEvent",
                {"type": "mouseMoved", "x": box[0] + shift, "y": box[1] + box[2] * step / 20},
            )
        time.sleep(0.15)
        found = " ".join(t.text for t in chart.find_elements(By.CSS_SELECTOR, ".hoverlayer .hovertext"))
        if found:
            break
    assert "epoch" in found and "validation loss" in found and "nats" in found
    assert any(name in found for name in ("none", "grid", "tracking", "early-stopping", "oracle"))


def test_sorting_by_mouse_is_numeric(opened):
    button = _heading(opened, "standings", "Mean")
    _click(opened, button)
    values = [float(text) for text in _column(opened, "#standings", 3)]
    assert values == sorted(values, reverse=True)
    assert button.find_element(By.XPATH, "..").get_attribute("aria-sort") == "descending"
    _click(opened, button)
    values = [float(text) for text in _column(opened, "#standings", 3)]
    assert values == sorted(values)
    assert len(opened.find_elements(By.CSS_SELECTOR, "#standings [aria-sort]")) == 1


def test_sorting_by_keyboard_puts_what_has_no_value_last(opened):
    button = _heading(opened, "cells-table", "Difference")
    opened.execute_script("arguments[0].focus()", button)
    for _ in range(2):
        opened.switch_to.active_element.send_keys(Keys.ENTER)
        values = [text.replace("• ", "") for text in _column(opened, "#cells-table", 3)]
        assert values[-2:] == ["\u2013"] * 2 and len(values) == 12
        numbers = [float(text) for text in values[:-2]]
        rising = button.find_element(By.XPATH, "..").get_attribute("aria-sort") == "ascending"
        assert numbers == sorted(numbers, reverse=not rising)
    assert rising


def test_gaps_and_equal_runs_have_their_figures(opened, results):
    summary = summarise(results, "deployed")
    shares = {
        s.method: "\u2013" if s.gap is None else f"{100 * s.gap.over_seeds.mean:.0f}"
        for s in summary.standings
    }
    assert _column(opened, "#standings", 10) == [shares[s.method] for s in summary.standings]
    rows = summary.equal_runs.rows
    assert _column(opened, "#equal-runs", 0) == [row.name for row in rows]
    for place, count in ((1, 1), (2, 3), (3, 5)):
        accuracies = [
            f"{100 * row.at[count].accuracy.mean:.1f}" if count in row.at else "\u2013" for row in rows
        ]
        assert _column(opened, "#equal-runs", place) == accuracies
    _switch(opened, "labels", "noisy")
    assert _column(opened, "#equal-runs", 3) != accuracies


def test_filters_reduce_the_rows(opened):
    search = opened.find_element(By.ID, "filter-text")
    search.send_keys("TRACK")
    assert set(_column(opened, "#cells-table", 1)) == {"tracking", "best-of:5:tracking"}
    Select(opened.find_element(By.ID, "filter-task")).select_by_visible_text("gaussians")
    assert _column(opened, "#cells-table", 0) == ["gaussians"] * 2
    assert opened.find_element(By.ID, "cells-count").text == "2 of 12 rows"
    search.clear()
    search.send_keys(Keys.ESCAPE)
    Select(opened.find_element(By.ID, "filter-method")).select_by_visible_text("grid")
    assert _column(opened, "#cells-table", 1) == ["grid"]


def test_switches_change_tables_and_charts(opened, results):
    chart = _chart(opened, "headline-chart")
    before, drawn = _column(opened, "#standings", 3), _points(opened, chart)
    _switch(opened, "labels", "noisy")
    after = _column(opened, "#standings", 3)
    # the invented numbers are 20 points apart, and 1 to 3 points between the networks
    assert [float(b) - float(a) for b, a in zip(before, after, strict=True)] == pytest.approx([20] * 6)
    assert _points(opened, chart) != drawn
    networks = set(_column(opened, "#standings", 1))
    assert networks == {"last epoch", "best checkpoint"}  # early stopping deploys its best one
    _switch(opened, "moment", "last")
    last = _column(opened, "#standings", 3)
    assert set(_column(opened, "#standings", 1)) == {"last epoch"}
    for moment, gain in (("average", 1), ("best-average", 3), ("best", 2)):
        _switch(opened, "moment", moment)
        own = _column(opened, "#standings", 3)
        assert [float(b) - float(a) for b, a in zip(own, last, strict=True)] == pytest.approx([gain] * 6)
    assert float(_column(opened, "#cells-table", 2)[0]) == pytest.approx(
        100 * results.records["wine", "none"].noisy_test_acc_best.mean(), abs=0.06
    )


def test_average_switches(opened):
    chart = _chart(opened, "headline-chart")
    drawn = _points(opened, chart)
    _switch(opened, "average", "iqm")
    assert _points(opened, chart) != drawn
    assert "interquartile" in chart.find_element(By.CSS_SELECTOR, ".xtitle").text


def test_choosing_a_task_redraws(opened):
    chart = _chart(opened, "schedules-chart")
    drawn = _points(opened, chart)
    choice = opened.find_element(By.ID, "task-choice")
    opened.execute_script("arguments[0].focus()", choice)
    choice.send_keys(Keys.ARROW_DOWN)
    assert Select(choice).first_selected_option.text == "gaussians"
    assert _points(opened, chart) != drawn


def test_legend_hides_a_method_everywhere(opened):
    chart = _chart(opened, "profiles-chart")
    assert "grid" in [name for name, _, _ in _points(opened, chart)]
    legend = opened.find_elements(By.CSS_SELECTOR, ".legend")[0]
    button = next(b for b in legend.find_elements(By.TAG_NAME, "button") if b.text == "grid")
    opened.execute_script("arguments[0].focus()", button)
    button.send_keys(Keys.SPACE)
    assert button.get_attribute("aria-pressed") == "false"
    for name in ("profiles-chart", "budget-chart", "schedules-chart"):
        assert "grid" not in [name for name, _, _ in _points(opened, _chart(opened, name))]


def test_perturbation_compares_three_networks(opened):
    chart = _chart(opened, "perturbation-chart")
    names = {name for name, _, _ in _points(opened, chart) if name}
    assert names == {
        "tracking when the training loss first fell below the level",
        "tracking after the last epoch",
        "none after the last epoch",
    }


def test_downloads_have_a_legend(opened):
    chart = _chart(opened, "profiles-chart")
    image = opened.execute_async_script(
        "const done = arguments[1];"
        "Plotly.toImage(withLegend(arguments[0]), {format: 'svg', width: 700, height: 400}).then(done)",
        chart,
    )
    assert image.startswith("data:image/svg+xml") and "early-stopping" in image


def test_dark_mode_changes_page_and_charts_at_once(opened):
    chart = _chart(opened, "profiles-chart")

    def colours():
        return opened.execute_script(
            "return [getComputedStyle(document.body).backgroundColor,"
            " arguments[0]._fullLayout.paper_bgcolor, arguments[0].data[1].line.color]",
            chart,
        )

    def prefer(value):
        features = [{"name": "prefers-color-scheme", "value": value}]
        opened.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        Wait(opened, 10).until(lambda _: (colours()[1] != "#ffffff") == (value == "dark"))
        return colours()

    light, dark = prefer("light"), prefer("dark")
    assert light[0] == "rgb(255, 255, 255)" and light[1] == "#ffffff"
    assert all(a != b for a, b in zip(light, dark, strict=True))


@pytest.mark.parametrize("width", [375, 1280])
def test_page_never_scrolls_sideways(opened, address, width):
    _resize(opened, width, 812)
    _open(opened, address)
    for name in ("headline-chart", "schedules-chart", "perturbation-chart"):
        chart = _chart(opened, name)
        assert chart.size["width"] <= width
    assert _no_overflow(opened)
    assert opened.get_log("browser") == []


def test_names_do_nothing(browser, make_results, folder):
    _resize(browser, 375, 812)
    _open(browser, _written(folder / "evil.html", make_results(tasks=(EVIL, "wine"))))
    _chart(browser, "schedules-chart")
    assert browser.title == "A study"
    assert browser.find_elements(By.TAG_NAME, "img") == []
    assert EVIL in _column(browser, "#cells-table", 0)
    assert _no_overflow(browser)
    assert browser.get_log("browser") == []


def test_unfinished_studies_are_drawn(browser, results, without, folder):
    _resize(browser, 1280, 900)
    lost = [("gaussians", method.name) for method in results.methods if method.name != "grid"]
    _open(browser, _written(folder / "unfinished.html", without(results, *lost)))
    assert "not finished" in browser.find_element(By.ID, "unfinished").text
    _chart(browser, "headline-chart")
    _chart(browser, "schedules-chart")
    Select(browser.find_element(By.ID, "task-choice")).select_by_visible_text("gaussians")
    assert [name for name, _, _ in _points(browser, _chart(browser, "schedules-chart")) if name] == [
        "grid"
    ] * 3

    _open(browser, _written(folder / "begun.html", without(results, ("wine", "none"), ("gaussians", "none"))))
    assert browser.find_element(By.ID, "headline-title").text == "Nothing to compare yet"
    _chart(browser, "schedules-chart")
    assert browser.get_log("browser") == []


def test_wide_studies_stay_usable(browser, make_results, folder):
    methods = ["none", "grid", "tracking", *(f"constant:{level / 100:g}" for level in range(1, 19))]
    tasks = [f"a task with a rather long name, number {number}" for number in range(3)]
    _resize(browser, 375, 812)
    wide = make_results(tasks, methods, diagnosed=False)
    _open(browser, _written(folder / "wide.html", wide))
    assert len(_column(browser, "#cells-table", 0)) == 3 * 21
    # of many methods, the best and the reference
    shown = {name for name, _, _ in _points(browser, _chart(browser, "profiles-chart")) if name}
    assert "none" in shown and 5 <= len(shown) <= 8
    _click(browser, browser.find_element(By.CSS_SELECTOR, ".legend .all"))
    chart = _chart(browser, "profiles-chart")
    assert len({name for name, _, _ in _points(browser, chart) if name}) == 21
    assert not browser.find_element(By.ID, "task-diagnoses").is_displayed()
    assert _no_overflow(browser)
    assert browser.get_log("browser") == []
