// What all charts share: the page's colours, when a chart is drawn, and how a curve becomes a trace.
// The page's scripts share one scope and come in the order in which they use each other.
"use strict";

const DATA = JSON.parse(document.getElementById("data").textContent);
const DARK = matchMedia("(prefers-color-scheme: dark)");
const PRINT = matchMedia("print");
const TOUCH = matchMedia("(pointer: coarse)");

function theme() {
  const style = getComputedStyle(document.documentElement);
  const token = (name) => style.getPropertyValue(name).trim();
  return {
    dark: DARK.matches && !PRINT.matches,
    background: token("--background"),
    raised: token("--raised"),
    text: token("--text"),
    muted: token("--muted"),
    line: token("--line"),
  };
}

// Plotly reads a part of HTML in its texts; a name is never meant as that.
function plain(text) {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
}

// A text in lines of at most so many letters; nothing of it is left out.
function folded(text, most) {
  const letters = [...text];
  return Array.from({ length: Math.ceil(letters.length / most) }, (_, line) =>
    letters.slice(line * most, (line + 1) * most).join(""));
}

function colourOf(method) {
  const { light, dark } = DATA.methods[method];
  return theme().dark ? dark : light;
}

function faded(colour, opacity) {
  const part = (start) => parseInt(colour.slice(start, start + 2), 16);
  return `rgba(${part(1)},${part(3)},${part(5)},${opacity})`;
}

const percent = (values) => values.map((value) => (value === null ? null : 100 * value));

// A constant curve travels as one number.
const long = (values, length) => (Array.isArray(values) ? values : Array(length).fill(values));

class Chart {
  static all = [];
  static seen = new IntersectionObserver(
    (entries) => entries.forEach(({ target, isIntersecting }) => target.chart.approach(isIntersecting)),
    { rootMargin: "300px" },
  );

  // `figure` gives { data, layout }, for the theme at the time.
  constructor(id, figure) {
    this.element = document.getElementById(id);
    this.figure = figure;
    this.stale = true;
    this.near = false;
    this.element.chart = this;
    Chart.all.push(this);
    Chart.seen.observe(this.element);
  }

  static update() {
    Chart.all.forEach((chart) => chart.update());
  }

  approach(near) {
    this.near = near;
    if (near && this.stale) this.draw();
  }

  update() {
    this.stale = true;
    if (this.near) this.draw();
  }

  draw() {
    // what is hidden may have nothing to draw; it is seen, and drawn, when it appears
    if (this.element.offsetParent === null) return;
    this.stale = false;
    const look = theme();
    const { data, layout } = this.figure(look);
    for (const [name, value] of Object.entries(layout)) {
      if (/^[xy]axis/.test(name)) layout[name] = { ...axis(look), ...value, title: { ...TITLE, ...value.title } };
    }
    Plotly.react(this.element, data, { ...base(look), ...layout }, CONFIG);
  }
}

function base(look) {
  return {
    autosize: true,
    height: 420,
    margin: { l: 64, r: 12, t: 28, b: 54 },
    paper_bgcolor: look.background,
    plot_bgcolor: look.background,
    font: { family: getComputedStyle(document.body).fontFamily, size: 13, color: look.text },
    hoverlabel: { bgcolor: look.raised, bordercolor: look.muted, font: { color: look.text, size: 13 }, namelength: -1 },
    hovermode: "closest",
    // a finger on a chart scrolls the page
    dragmode: TOUCH.matches ? false : "zoom",
    showlegend: false,
  };
}

function axis(look) {
  return {
    gridcolor: look.line,
    linecolor: look.line,
    zeroline: false,
    tickfont: { color: look.muted, size: 12 },
    fixedrange: TOUCH.matches,
  };
}

const TITLE = { font: { size: 13 }, standoff: 10 };
const LOG = { type: "log", tickformat: ".3~g", nticks: 5 };

function download(format) {
  return {
    name: `Download ${format.toUpperCase()}`,
    title: `Download as ${format.toUpperCase()}`,
    icon: format === "png" ? Plotly.Icons.camera : Plotly.Icons.disk,
    click: (chart) => Plotly.downloadImage(withLegend(chart), {
      format,
      filename: chart.id,
      width: chart.clientWidth,
      height: chart.clientHeight,
      scale: format === "png" ? 3 : 1,
    }),
  };
}

// Away from the page a chart has no buttons beside it to tell its lines apart.
function withLegend({ data, layout }) {
  const named = new Set();
  const traces = data.map((trace) => {
    const first = trace.name !== undefined && !named.has(trace.name);
    if (first) named.add(trace.name);
    return { ...trace, showlegend: first };
  });
  return { data: traces, layout: { ...layout, showlegend: named.size > 0 } };
}

const CONFIG = {
  responsive: true,
  displaylogo: false,
  displayModeBar: "hover",
  doubleClick: "reset",
  modeBarButtons: [[download("png"), download("svg"), "resetScale2d"]],
};

// A line for a method: hovering reads its name, and x and y through `hover`.
function line(method, x, y, hover, more = {}) {
  const { name, dash } = DATA.methods[method];
  return {
    type: "scatter",
    mode: "lines",
    name: plain(name),
    x,
    y,
    line: { color: colourOf(method), dash, width: method === DATA.reference ? 3 : 2 },
    hovertemplate: `<b>${plain(name)}</b><br>${hover}<extra></extra>`,
    ...more,
  };
}

// The area between two curves; a point where either is missing has none.
function band(method, x, low, high, more = {}) {
  const known = x.map((_, place) => place).filter((place) => low[place] !== null && high[place] !== null);
  const back = [...known].reverse();
  return {
    type: "scatter",
    mode: "lines",
    x: [...known, ...back].map((place) => x[place]),
    y: [...known.map((place) => high[place]), ...back.map((place) => low[place])],
    line: { width: 0 },
    fill: "toself",
    fillcolor: faded(colourOf(method), 0.12),
    hoverinfo: "skip",
    ...more,
  };
}

// Median and middle half of a curve's repeats, on the axes that `more` names.
function spreadTraces(method, x, curve, hover, more = {}) {
  const middle = line(method, x, long(curve.mid, x.length), hover, more);
  if (curve.low === undefined) return [middle];
  const { xaxis, yaxis } = more;
  return [band(method, x, long(curve.low, x.length), long(curve.high, x.length), { xaxis, yaxis }), middle];
}

// A heading over one of several panels.
function heading(text, y, look) {
  return { text, xref: "paper", yref: "paper", x: 0, y, xanchor: "left", yanchor: "bottom", showarrow: false, font: { color: look.text, size: 13 } };
}

DARK.addEventListener("change", Chart.update);
PRINT.addEventListener("change", () => Chart.all.forEach((chart) => chart.draw()));
