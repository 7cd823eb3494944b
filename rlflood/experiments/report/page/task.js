// The charts of one task. A task's curves are read when it is chosen.
"use strict";

const NETWORKS = {
  "below level": ["when the training loss first fell below the level", "dot"],
  end: ["after the last epoch", "solid"],
};

let task = null;
let network = null;

const diagnosed = () => Object.keys(task.diagnoses).map(Number);

// Several panels under each other over one x axis: curves(panel) gives the panel's traces on the axes named.
function panels(titles, curves, look, options = []) {
  const height = 1 / titles.length;
  const gap = titles.length > 2 ? 0.07 : 0.09;
  const layout = { height: 240 * titles.length, xaxis: { title: { text: "epoch" }, anchor: `y${titles.length}` }, annotations: [] };
  const data = titles.flatMap((title, place) => {
    const suffix = place === 0 ? "" : place + 1;
    const bottom = 1 - (place + 1) * height + (place === titles.length - 1 ? 0 : gap / 2);
    const top = 1 - place * height - (place === 0 ? 0 : gap / 2);
    layout[`yaxis${suffix}`] = { domain: [bottom, top], anchor: "x", ...options[place] };
    layout.annotations.push(heading(title, top, look));
    return curves(place, { xaxis: "x", yaxis: `y${suffix}` });
  });
  return { data, layout };
}

function schedulesFigure(look) {
  const titles = ["flood level, nats", "training loss, nats", "validation loss, nats"];
  const losses = { ...LOG, nticks: 4 };
  return panels(titles, (place, axes) => {
    const name = ["level", "train", "val"][place];
    const hover = `epoch %{x}<br>${titles[place].split(",")[0]} %{y:.3~g} nats`;
    return Object.entries(task.schedules).filter(([method]) => isShown(Number(method))).flatMap(([method, curves]) =>
      spreadTraces(Number(method), task.epochs, curves[name], hover, axes));
  }, look, [{ rangemode: "tozero" }, losses, losses]);
}

function curvesFigure(look) {
  const labels = choice.labels;
  const titles = ["test loss, nats", `test accuracy, % (${labels} labels)`];
  return panels(titles, (place, axes) => diagnosed().filter(isShown).flatMap((method) => {
    const one = task.diagnoses[method];
    if (place === 0) return spreadTraces(method, one.epochs, one.testLoss, "epoch %{x}<br>test loss %{y:.3~g} nats", axes);
    const shares = one[`${labels}Accuracy`];
    const percents = Object.fromEntries(
      Object.entries(shares).map(([end, values]) => [end, percent(long(values, one.epochs.length))]));
    return spreadTraces(method, one.epochs, percents, "epoch %{x}<br>test accuracy %{y:.1f} %", axes);
  }), look);
}

function flatnessFigure() {
  const data = diagnosed().filter(isShown).map((method) => {
    const { epochs, gradient, testLoss } = task.diagnoses[method];
    const last = epochs.length - 1;
    const hover = "epoch %{customdata}<br>gradient norm %{x:.3~g}<br>test loss %{y:.3~g} nats";
    const trace = line(method, long(gradient.mid, epochs.length), long(testLoss.mid, epochs.length), hover, {
      mode: "lines+markers",
      customdata: epochs,
      marker: {
        symbol: DATA.methods[method].marker,
        size: epochs.map((_, place) => (place === last ? 14 : 5)),
        opacity: epochs.map((_, place) => (place === last ? 1 : 0.7)),
        color: colourOf(method),
      },
    });
    trace.line = { ...trace.line, width: 1, dash: "solid" };
    return trace;
  });
  return {
    data,
    layout: {
      height: 460,
      xaxis: { title: { text: "filter-normalised gradient norm" }, ...LOG },
      yaxis: { title: { text: "test loss, nats" }, ...LOG },
    },
  };
}

// The networks around which the losses are drawn: the chosen method's, and the reference's last.
function perturbed() {
  const own = task.diagnoses[network].networks.map((one) => ({ ...one, method: network }));
  const reference = task.diagnoses[DATA.reference];
  const end = reference && network !== DATA.reference ? reference.networks.find(({ name }) => name === "end") : undefined;
  return end ? [...own, { ...end, method: DATA.reference }] : own;
}

function perturbationFigure(look) {
  const x = task.diagnoses[network].alphas;
  const side = document.getElementById("perturbation-chart").clientWidth >= 640;
  const data = ["train", "test"].flatMap((split, place) =>
    perturbed().flatMap((one) => {
      const [when, own] = NETWORKS[one.name] ?? [one.name, "dashdot"];
      const dash = one.method === network ? own : "dash";
      const name = `${plain(DATA.methods[one.method].name)} ${plain(when)}`;
      const hover = `${plain(when)}<br>step %{x:.2f}<br>${split === "train" ? "training" : "test"} loss %{y:.3~g} nats`;
      const axes = { xaxis: place ? "x2" : "x", yaxis: place ? "y2" : "y" };
      return spreadTraces(one.method, x, one[split], hover, axes).map((trace) =>
        trace.fill ? trace : { ...trace, name, line: { ...trace.line, width: 2.2, dash } });
    }));
  const losses = { ...LOG, nticks: 3 };
  const step = { text: "step along the direction" };
  const layout = side
    ? { xaxis: { domain: [0, 0.47], title: step }, xaxis2: { domain: [0.53, 1], anchor: "y2", title: step },
        yaxis: losses, yaxis2: { ...losses, anchor: "x2", matches: "y" }, height: 380 }
    : { xaxis: { anchor: "y2", title: step }, xaxis2: { anchor: "y2", matches: "x" },
        yaxis: { ...losses, domain: [0.54, 1] }, yaxis2: { ...losses, domain: [0, 0.46], matches: "y" }, height: 560 };
  layout.annotations = [heading("training loss, nats", 1, look), { ...heading("test loss, nats", side ? 1 : 0.46, look), x: side ? 0.53 : 0 }];
  return { data, layout };
}

function describePerturbation() {
  const { name } = DATA.methods[network];
  const { reached, networks } = task.diagnoses[network];
  const parts = [];
  if (networks.some((one) => one.name === "below level")) {
    parts.push(reached === null
      ? "The training loss never fell below the level."
      : `Dotted: when the training loss first fell below the level (epoch ${reached}).`);
  }
  parts.push(`Solid: ${name} after the last epoch.`);
  if (network !== DATA.reference && task.diagnoses[DATA.reference]) {
    parts.push(`Dashed: ${DATA.methods[DATA.reference].name} after the last epoch.`);
  }
  document.getElementById("perturbation-caption").textContent = parts.join(" ");
}

function chooseNetwork(method) {
  network = method;
  describePerturbation();
}

// The best method that has been looked into, other than the reference.
function bestDiagnosed() {
  const ranked = DATA.views ? view().standings.map(({ method }) => method) : diagnosed();
  return ranked.find((method) => method !== DATA.reference && diagnosed().includes(method)) ?? diagnosed()[0];
}

function chooseTask(place) {
  task = JSON.parse(document.getElementById(`curves-${place}`).textContent);
  document.getElementById("task-about").textContent = `${task.about.join("; ")}.`;
  const some = Object.keys(task.schedules).length > 0;
  const looked = diagnosed().length > 0;
  document.getElementById("task-schedules").hidden = !some;
  document.getElementById("task-empty").hidden = some;
  document.getElementById("task-diagnoses").hidden = !looked;
  document.getElementById("task-undiagnosed").hidden = looked || !some;
  if (!looked) return;
  const select = document.getElementById("network-choice");
  select.replaceChildren(...diagnosed().map((method) => new Option(DATA.methods[method].name, method)));
  select.value = String(diagnosed().includes(network) ? network : bestDiagnosed());
  chooseNetwork(Number(select.value));
}

function setUpTask() {
  const select = document.getElementById("task-choice");
  chooseTask(Number(select.value));
  const drawn = [
    new Chart("schedules-chart", schedulesFigure),
    new Chart("curves-chart", curvesFigure),
    new Chart("flatness-chart", flatnessFigure),
  ];
  const perturbation = new Chart("perturbation-chart", perturbationFigure);
  select.addEventListener("change", () => {
    chooseTask(Number(select.value));
    [...drawn, perturbation].forEach((chart) => chart.update());
  });
  document.getElementById("network-choice").addEventListener("change", ({ target }) => {
    chooseNetwork(Number(target.value));
    perturbation.update();
  });
}
