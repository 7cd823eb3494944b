// The charts and tables over all tasks; each shows the view that the switches have chosen.
"use strict";

const choice = { ...DATA.choice, average: "mean" };
const view = () => DATA.views[`${choice.moment}-${choice.labels}`];
const nameOf = ({ method }) => DATA.methods[method].name;
const taskOf = ({ task }) => DATA.tasks[task];
const byMethod = (row) => DATA.methods[row.method];
const runsWord = (value) => counted(runs(value), "run");
const DIVERGED = "\u2021";

function headlineFigure(look) {
  const rows = [...view().standings].sort((a, b) => a[choice.average][0] - b[choice.average][0]);
  // from the bottom: the oracles, then everybody else, the best on top
  const [oracles, users] = [true, false].map((kind) => rows.filter((row) => byMethod(row).oracle === kind));
  const gap = oracles.length ? 0.6 : 0;
  const places = [...oracles.map((_, place) => place), ...users.map((_, place) => oracles.length + gap + place)];
  const ordered = [...oracles, ...users];
  const reference = rows.find(({ method }) => method === DATA.reference)[choice.average][0];
  const data = ordered.map((row, number) => {
    const [middle, low, high] = percent(row[choice.average]);
    const { name, oracle, marker } = byMethod(row);
    const diverged = divergedOf(row);
    const lost = diverged ? `<br>${diverged}` : "";
    const interval = low === null ? "one seed, so no interval" : `95 % interval ${low.toFixed(1)} to ${high.toFixed(1)} %`;
    return {
      type: "scatter",
      mode: "markers",
      x: [middle],
      y: [places[number]],
      error_x: {
        type: "data", symmetric: false, visible: low !== null, thickness: 2, width: 0,
        array: [high - middle], arrayminus: [middle - low], color: colourOf(row.method),
      },
      marker: {
        size: 11, symbol: oracle ? `${marker}-open` : marker, color: colourOf(row.method),
        line: { width: oracle ? 2 : 0, color: colourOf(row.method) },
      },
      hovertemplate: `<b>${plain(name)}</b><br>${middle.toFixed(1)} %<br>${interval}<br>${runsWord(row.runs)}${lost}<extra></extra>`,
    };
  });
  const narrow = document.getElementById("headline-chart").clientWidth < 560;
  const labels = ordered.map((row) => folded(`${nameOf(row)}${row.diverged ? ` ${DIVERGED}` : ""} `, narrow ? 16 : 36));
  const most = Math.max(...labels.map((lines) => lines.length));
  const top = places.at(-1) + 0.7;
  return {
    data,
    layout: {
      height: Math.max(28, 16 * most + 6) * (top + 1.2) + 90,
      margin: { l: 12, r: 74, t: 28, b: 48 },
      xaxis: { title: { text: `test accuracy (${choice.average === "mean" ? "mean" : "interquartile mean"}), %` } },
      yaxis: {
        tickvals: places,
        ticktext: labels.map((lines) => lines.map(plain).join("<br>")),
        range: [-0.7, top], automargin: true, showgrid: false, fixedrange: true,
        tickfont: { color: look.text, size: 13 },
      },
      shapes: [
        { type: "line", x0: 100 * reference, x1: 100 * reference, yref: "paper", y0: 0, y1: 1, layer: "below", line: { color: look.muted, width: 1, dash: "dot" } },
        ...(oracles.length
          ? [{ type: "line", xref: "paper", x0: 0, x1: 1, y0: oracles.length - 0.2, y1: oracles.length - 0.2, line: { color: look.line, width: 1 } }]
          : []),
      ],
      annotations: ordered.map((row, number) => ({
        text: runsWord(row.runs), xref: "paper", x: 1, xanchor: "left", xshift: 8, y: places[number],
        showarrow: false, font: { color: look.muted, size: 12 },
      })),
    },
  };
}

// Methods of one price stand side by side, a little apart.
function sideBySide(curves) {
  const sharing = new Map();
  curves.filter((curve) => curve.runs.length === 1).forEach((curve) => {
    const price = curve.runs[0].toPrecision(2);
    sharing.set(price, [...(sharing.get(price) ?? []), curve]);
  });
  const steps = new Map();
  sharing.forEach((some) => some.forEach((curve, place) => steps.set(curve, place - (some.length - 1) / 2)));
  return (curve) => curve.runs.map((spent) => spent * 1.025 ** (steps.get(curve) ?? 0));
}

const WHOLE_RUNS = [1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 200, 300, 500, 1000];

function budgetFigure() {
  const hover = "%{customdata}: %{y:.1f} %";
  const curves = view().budgets.filter(({ method }) => isShown(method));
  const places = sideBySide(curves);
  const data = curves.flatMap((curve) => {
    const [middle, low, high] = [0, 1, 2].map((end) => percent(curve.accuracy.map((interval) => interval[end])));
    const { marker, oracle } = byMethod(curve);
    const colour = colourOf(curve.method);
    const symbol = { size: 10, symbol: oracle ? `${marker}-open` : marker, color: colour };
    if (curve.runs.length > 1) {
      const points = line(curve.method, curve.runs, middle, hover, {
        mode: "lines+markers", marker: { ...symbol, size: 6 }, customdata: curve.runs.map(runsWord),
      });
      return [band(curve.method, curve.runs, low, high), points];
    }
    const arms = { type: "data", symmetric: false, array: [high[0] - middle[0]], arrayminus: [middle[0] - low[0]], color: colour, thickness: 1.2, width: 0, visible: low[0] !== null };
    return [line(curve.method, places(curve), middle, hover, { mode: "markers", marker: symbol, error_y: arms, customdata: curve.runs.map(runsWord) })];
  });
  return {
    data,
    layout: {
      xaxis: { title: { text: "budget in whole training runs" }, type: "log", tickvals: WHOLE_RUNS },
      yaxis: { title: { text: "test accuracy, %" } },
    },
  };
}

function profilesFigure() {
  const { thresholds, profiles } = view();
  const x = percent(thresholds);
  const data = profiles.filter(({ method }) => isShown(method)).flatMap(({ method, share, low, high }) => [
    band(method, x, percent(low), percent(high)),
    line(method, x, percent(share), "%{y:.0f} % of the runs are above %{x:.1f} %"),
  ]);
  return {
    data,
    layout: {
      xaxis: { title: { text: "test accuracy, %" } },
      yaxis: { title: { text: "share of runs above it, %" }, rangemode: "tozero" },
    },
  };
}

function tag(text) {
  const element = document.createElement("span");
  element.className = "tag";
  element.textContent = ` ${text}`;
  return element;
}

// How many of the runs behind a row diverged; empty if none did.
function divergedOf({ diverged, repeats }) {
  const all = repeats ?? DATA.compared.tasks * DATA.compared.repeats;
  return diverged ? `${diverged} of ${counted(all, "run")} diverged` : "";
}

// The method's name, with what sets it apart.
function methodLabel(row) {
  const diverged = divergedOf(row);
  return [
    nameOf(row),
    ...(byMethod(row).oracle ? [tag("not available to a user")] : []),
    ...(row.method === DATA.reference ? [tag("reference")] : []),
    ...(diverged ? [tag(`${DIVERGED} ${diverged}`)] : []),
  ];
}

function markLine(row, element) {
  element.classList.toggle("oracle", byMethod(row).oracle);
  element.classList.toggle("reference", row.method === DATA.reference);
}

const numeric = (label, value, show, first = "descending") => ({ label, value, show, first, number: true });
const middleOf = (interval) => (interval === null ? null : interval[0]);
const METHOD = { label: "Method", value: nameOf, show: methodLabel };
const RUNS = numeric("Runs", (row) => row.runs, (row) => runs(row.runs), "ascending");

const STANDINGS = [
  METHOD,
  { label: "Network", value: (row) => row.network, show: (row) => row.network },
  RUNS,
  numeric("Mean", (row) => row.mean[0], (row) => estimate(row.mean, accuracy)),
  numeric("IQM", (row) => row.iqm[0], (row) => estimate(row.iqm, accuracy)),
  numeric("Difference (seeds)", (row) => middleOf(row.overSeeds), (row) => estimate(row.overSeeds, difference)),
  numeric("Difference (tasks)", (row) => middleOf(row.overTasks), (row) => estimate(row.overTasks, difference)),
  numeric("p (Holm)", (row) => row.p, (row) => pValue(row.p), "ascending"),
  numeric("Beats reference, %", (row) => middleOf(row.improvement), (row) => estimate(row.improvement, accuracy)),
  numeric("Mean rank", (row) => row.rank, (row) => fixed(row.rank, 1), "ascending"),
];

// What of the gap from no flooding to an oracle a method closes, where both are among the methods.
const GAP = numeric("Gap closed, %", (row) => middleOf(row.gapOverSeeds), ({ gapOverSeeds, gapOverTasks }) => {
  const whole = (value) => fixed(100 * value, 0);
  const [text, ...overSeeds] = estimate(gapOverSeeds, whole);
  return [text, ...overSeeds, ...(gapOverTasks === null ? [] : estimate(gapOverTasks, whole).slice(1))];
});

function shownDifference({ difference: interval }) {
  const [text, small] = estimate(interval, difference);
  const clear = interval !== null && (interval[1] > 0 || (interval[2] !== null && interval[2] < 0));
  return small === undefined ? text : [clear ? `• ${text}` : text, small];
}

function shownSettings({ picked }) {
  if (picked === null) return NONE;
  const [low, high] = picked.map(general);
  return low === high ? low : `${low} to ${high}`;
}

const CELLS = [
  { label: "Task", value: taskOf, show: taskOf },
  METHOD,
  numeric("Accuracy", (row) => row.accuracy[0], (row) => estimate(row.accuracy, accuracy)),
  numeric("Difference", (row) => middleOf(row.difference), shownDifference),
  numeric("p", (row) => row.p, (row) => pValue(row.p), "ascending"),
  RUNS,
  { label: "Searched for", value: (row) => row.knob, show: (row) => row.knob ?? NONE },
  numeric("Picked", (row) => middleOf(row.picked), shownSettings, "ascending"),
  numeric("Seeds", (row) => row.repeats, (row) => String(row.repeats)),
];

// A pair of columns for each number of runs.
function equalRunsColumns({ counts, reference }) {
  const at = (row, count, what) => row.at[count]?.[what] ?? null;
  return [
    { label: "Method", value: ({ name }) => name, show: (row) => equalRunsLabel(row, reference) },
    ...counts.flatMap((count) => [
      numeric(counted(count, "run"), (row) => middleOf(at(row, count, "accuracy")), (row) => estimate(at(row, count, "accuracy"), accuracy)),
      ...(reference === null ? [] : [
        numeric("Difference", (row) => middleOf(at(row, count, "difference")), (row) => shownDifference({ difference: at(row, count, "difference") })),
      ]),
    ]),
  ];
}

function equalRunsLabel(row, reference) {
  return [
    row.name,
    ...(byMethod(row).oracle ? [tag("not available to a user")] : []),
    ...(row.name === reference ? [tag("reference")] : []),
  ];
}

function setUpEqualRuns() {
  const first = view().equalRuns;
  if (first === null) return () => {};
  const table = new SortedTable("equal-runs", equalRunsColumns(first), (row, element) => {
    element.classList.toggle("oracle", byMethod(row).oracle);
    element.classList.toggle("reference", row.name === first.reference);
  });
  return () => table.show(view().equalRuns?.rows ?? []);
}

function setUpCells() {
  const table = new SortedTable("cells-table", CELLS, markLine);
  const [text, task, method] = ["text", "task", "method"].map((name) => document.getElementById(`filter-${name}`));
  DATA.tasks.forEach((name, place) => task.add(new Option(name, place)));
  DATA.methods.forEach(({ name }, place) => method.add(new Option(name, place)));
  const status = document.getElementById("cells-count");
  const refresh = () => {
    const sought = text.value.trim().toLowerCase();
    const rows = view().cells.filter((row) =>
      (task.value === "" || row.task === Number(task.value)) &&
      (method.value === "" || row.method === Number(method.value)) &&
      `${taskOf(row)}\n${nameOf(row)}`.toLowerCase().includes(sought));
    table.show(rows);
    status.textContent = `${rows.length} of ${counted(view().cells.length, "row")}`;
  };
  text.addEventListener("input", refresh);
  [task, method].forEach((select) => select.addEventListener("change", refresh));
  text.form.addEventListener("submit", (event) => event.preventDefault());
  return refresh;
}

function setUpComparison() {
  new Chart("headline-chart", headlineFigure);
  new Chart("budget-chart", budgetFigure);
  new Chart("profiles-chart", profilesFigure);
  const gap = view().standings.some((row) => row.gapOverSeeds !== null) ? [GAP] : [];
  const standings = new SortedTable("standings", [...STANDINGS, ...gap], markLine);
  const refreshEqualRuns = setUpEqualRuns();
  const refreshCells = setUpCells();
  const facts = { tasks: counted(DATA.compared.tasks, "task"), repeats: counted(DATA.compared.repeats, "seed") };
  document.querySelectorAll("[data-fact]").forEach((fact) => { fact.textContent = facts[fact.dataset.fact]; });
  document.querySelector("[data-oracle]").hidden = !DATA.methods.some(({ oracle }) => oracle);
  const refresh = () => {
    standings.show(view().standings);
    refreshEqualRuns();
    refreshCells();
    Chart.update();
  };
  document.querySelectorAll("input[type=radio]").forEach((input) => {
    input.checked = choice[input.name] === input.value;
    input.addEventListener("change", () => {
      choice[input.name] = input.value;
      refresh();
    });
  });
  refresh();
}
