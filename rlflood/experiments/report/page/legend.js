// Which methods are drawn: one choice for the whole page, made by the buttons of any legend.
"use strict";

const MANY = 8;
const STROKES = { solid: "", dash: "7 4", dot: "2 3", dashdot: "7 3 2 3", longdash: "11 4" };
const SYMBOLS = {
  circle: "M13 7a3.2 3.2 0 1 0 6.4 0a3.2 3.2 0 1 0 -6.4 0",
  square: "M13.2 4.2h5.6v5.6h-5.6z",
  diamond: "M16 3l4 4l-4 4l-4-4z",
  "triangle-up": "M16 3l4 7h-8z",
  "triangle-down": "M16 11l4-7h-8z",
  cross: "M14.8 3h2.4v2.8h2.8v2.4h-2.8v2.8h-2.4v-2.8h-2.8v-2.4h2.8z",
  x: "M13 5.4l1.4-1.4 1.6 1.6 1.6-1.6 1.4 1.4-1.6 1.6 1.6 1.6-1.4 1.4-1.6-1.6-1.6 1.6-1.4-1.4 1.6-1.6z",
  star: "M16 2.6l1.3 3h3.2l-2.6 2 1 3.2-2.9-1.9-2.9 1.9 1-3.2-2.6-2h3.2z",
};

const shown = new Set();
const legends = [];

// At first all of a few methods; of many, the best by the headline figures, and the reference.
function chooseMethods() {
  const everything = DATA.methods.map((_, method) => method);
  const best = DATA.views ? view().standings.map(({ method }) => method) : everything;
  const users = best.filter((method) => !DATA.methods[method].oracle);
  const some = everything.length <= MANY ? everything : users.slice(0, MANY - 2);
  [DATA.reference, ...some].forEach((method) => shown.add(method));
}

function isShown(method) {
  return shown.has(method);
}

function swatch({ light, dark, dash, marker }) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  const attributes = { width: 32, height: 14, "aria-hidden": "true" };
  Object.entries(attributes).forEach(([name, value]) => svg.setAttribute(name, value));
  svg.style.setProperty("--light", light);
  svg.style.setProperty("--dark", dark);
  const stroke = document.createElementNS(space, "path");
  stroke.setAttribute("d", "M1 7h30");
  stroke.setAttribute("stroke-width", "2.2");
  if (STROKES[dash]) stroke.setAttribute("stroke-dasharray", STROKES[dash]);
  const symbol = document.createElementNS(space, "path");
  symbol.setAttribute("d", SYMBOLS[marker] ?? SYMBOLS.circle);
  symbol.setAttribute("stroke", "none");
  svg.append(stroke, symbol);
  return svg;
}

function makeLegend(container) {
  container.className = "legend";
  container.setAttribute("role", "group");
  container.setAttribute("aria-label", "Methods shown");
  const buttons = DATA.methods.map((look, method) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(swatch(look), look.name);
    button.addEventListener("click", () => {
      if (!shown.delete(method)) shown.add(method);
      showMethods();
    });
    return button;
  });
  const all = document.createElement("button");
  all.type = "button";
  all.className = "all";
  all.addEventListener("click", () => {
    const whole = shown.size === DATA.methods.length;
    shown.clear();
    if (!whole) DATA.methods.forEach((_, method) => shown.add(method));
    showMethods();
  });
  container.append(...buttons, all);
  legends.push(() => {
    buttons.forEach((button, method) => button.setAttribute("aria-pressed", String(shown.has(method))));
    all.textContent = shown.size === DATA.methods.length ? "hide all" : "show all";
  });
}

function showMethods() {
  legends.forEach((refresh) => refresh());
  Chart.update();
}
