// Tables whose columns sort by their headings, and how numbers are written.
"use strict";

const MINUS = "\u2212";
const NONE = "\u2013";

function fixed(value, digits) {
  if (value === null) return NONE;
  const text = Math.abs(value).toFixed(digits);
  return value < 0 && Number(text) !== 0 ? MINUS + text : text;
}

const signed = (value, digits) => (value > 0 && Number(value.toFixed(digits)) > 0 ? "+" : "") + fixed(value, digits);

// Accuracies and their differences are shares in the data and percent on the page.
const accuracy = (value) => (value === null ? NONE : fixed(100 * value, 1));
const difference = (value) => (value === null ? NONE : signed(100 * value, 1));

function bracket([, low, high], write) {
  return low === null ? "" : `[${write(low)}, ${write(high)}]`;
}

function pValue(value) {
  if (value === null) return NONE;
  return value < 0.001 ? "< 0.001" : value.toFixed(3);
}

// "1 run", "2.5 runs"; the number may be written already.
function counted(number, word) {
  return `${number} ${word}${Number(number) === 1 ? "" : "s"}`;
}

const runs = (value) => String(Number(value.toFixed(1)));
const general = (value) => String(Number(value.toPrecision(3)));

// An estimate with its interval below it.
function estimate(interval, write) {
  if (interval === null) return [NONE];
  const small = document.createElement("small");
  small.textContent = bracket(interval, write);
  return [write(interval[0]), small];
}

// columns: { label, value(row), show(row), number, first }; the first column heads its row.
// `first` is the order that the first press of a heading gives.
class SortedTable {
  constructor(id, columns, decorate = () => {}) {
    this.columns = columns;
    this.decorate = decorate;
    this.rows = [];
    this.by = null;
    this.order = null;
    this.table = document.createElement("table");
    this.table.className = "sorted";
    this.heads = columns.map((column, place) => this.#head(column, place));
    const head = document.createElement("tr");
    head.append(...this.heads);
    this.table.createTHead().append(head);
    this.body = this.table.createTBody();
    document.getElementById(id).append(this.table);
  }

  #head(column, place) {
    const head = document.createElement("th");
    head.scope = "col";
    if (column.number) head.className = "number";
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = column.label;
    button.addEventListener("click", () => this.#turn(place));
    head.append(button);
    return head;
  }

  #turn(place) {
    const first = this.columns[place].first ?? "ascending";
    const other = first === "ascending" ? "descending" : "ascending";
    this.order = this.by === place && this.order === first ? other : first;
    this.by = place;
    this.show(this.rows);
  }

  // Rows stay in the order given until a heading has been pressed.
  show(rows) {
    this.rows = rows;
    this.heads.forEach((head, place) => {
      if (place === this.by) head.setAttribute("aria-sort", this.order);
      else head.removeAttribute("aria-sort");
    });
    this.body.replaceChildren(...this.#sorted(rows).map((row) => this.#line(row)));
  }

  #sorted(rows) {
    if (this.by === null) return rows;
    const { value } = this.columns[this.by];
    const sign = this.order === "ascending" ? 1 : -1;
    const compare = (a, b) => {
      // what has no value comes last, whichever the order
      if (a === null || b === null) return (a === null) - (b === null);
      return sign * (typeof a === "string" ? a.localeCompare(b, undefined, { numeric: true }) : a - b);
    };
    return [...rows].sort((a, b) => compare(value(a), value(b)));
  }

  #line(row) {
    const line = document.createElement("tr");
    this.columns.forEach((column, place) => {
      const cell = document.createElement(place === 0 ? "th" : "td");
      if (place === 0) cell.scope = "row";
      if (column.number) cell.className = "number";
      cell.append(...[column.show(row)].flat());
      line.append(cell);
    });
    this.decorate(row, line);
    return line;
  }
}
