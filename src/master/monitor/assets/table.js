// A table that sorts, filters and selects, and touches only the cells whose content changed.

import { fill, h, mayChange, refill, write } from "./dom.js";
import { counted } from "./words.js";

/**
 * @template T
 * @typedef {object} Column
 * @property {string} title
 * @property {string} [kind] a class: "number", "wide", "minor" (hidden where it is narrow)
 * @property {(row: T) => string|number} value what it sorts by, and what tells that it changed
 * @property {(row: T) => any} [show] what it shows, if that is not the value
 * @property {(row: T) => string} [mark] tells that it changed, if the value does not
 */

/**
 * @template T
 * @typedef {object} Drawn a row on the page
 * @property {T|null} row what it was last drawn of
 * @property {any} about what else it was drawn of
 * @property {any} element
 * @property {{element: any, mark: string}[]} cells
 * @property {any} box
 */

/** Rows drawn at once; more are a click away. */
const ROWS_STEP = 200;
/** Rows of the first picture: more than a screen has, and the others follow once it is seen. */
const ROWS_FIRST = 30;

/** @template {{id: string}} T */
export class Table {
  /**
   * @param {object} options
   * @param {string} options.label
   * @param {Column<T>[]} options.columns
   * @param {(row: T) => string} [options.words] what the filter searches
   * @param {[number, number]} [options.order] column and direction; without it rows keep the order they come in
   * @param {(chosen: string[]) => any[]} [options.actions] for chosen rows; without it none can be chosen
   * @param {(row: T) => string} [options.state]
   * @param {(row: T) => any} [options.about] what a row shows beside what it is made of
   */
  constructor({ label, columns, words, order = [-1, 1], actions, state, about }) {
    this.columns = columns;
    this.words = words;
    this.order = order;
    this.actions = mayChange ? actions : undefined;
    this.state = state;
    this.about = about;
    this.shown = ROWS_FIRST;
    /** @type {T[]} */ this.rows = [];
    /** @type {Map<string, Drawn<T>>} */ this.drawn = new Map();
    /** @type {Set<string>} */ this.chosen = new Set();
    this.text = "";
    this.body = h("tbody");
    this.all = h("input", { type: "checkbox", "aria-label": "Choose all", onchange: () => this.chooseAll(this.all.checked) });
    this.head = h("tr");
    this.table = h("table", { "aria-label": label }, h("thead", {}, this.head), this.body);
    this.more = h("button", { class: "more", hidden: true, onclick: () => this.showMore() });
    this.tools = h("div", { class: "chosen", role: "toolbar", "aria-label": "With the chosen", hidden: true });
    this.element = h("div", { class: "tabled" }, this.tools, h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": label }, this.table), this.more);
    this.layHeads();
  }

  /** Shows other columns. @param {Column<T>[]} columns */
  arrange(columns) {
    const sorted = columns.indexOf(this.columns[this.order[0]]);
    this.columns = columns;
    this.order = [sorted, sorted < 0 ? 1 : this.order[1]];
    this.drawn.clear();
    fill(this.body);
    this.layHeads();
    this.draw();
  }

  layHeads() {
    const first = this.actions && h("th", { class: "pick" }, this.all);
    this.heads = this.columns.map((column, place) =>
      h("th", { scope: "col", class: column.kind }, h("button", { type: "button", onclick: () => this.sortBy(place) }, column.title)),
    );
    fill(this.head, first, ...this.heads);
    this.markOrder();
  }

  /** A field that filters. @param {string} label */
  filter(label) {
    const type = (/** @type {any} */ event) => {
      this.text = event.target.value.toLowerCase();
      this.draw();
    };
    return h("input", { type: "search", class: "filter", placeholder: label, "aria-label": label, oninput: type });
  }

  /** @param {T[]} rows */
  show(rows) {
    this.rows = rows;
    this.draw();
  }

  draw() {
    const words = this.text.split(/\s+/).filter(Boolean);
    const fits = (/** @type {T} */ row) => words.every((word) => this.words?.(row).toLowerCase().includes(word));
    const rows = words.length ? this.rows.filter(fits) : [...this.rows];
    const [place, direction] = this.order;
    if (place >= 0) {
      const value = this.columns[place].value;
      rows.sort((a, b) => direction * compare(value(a), value(b)) || compare(a.id, b.id));
    }
    if (this.shown === ROWS_FIRST && rows.length > ROWS_FIRST) afterPicture(() => this.showMore(ROWS_STEP));
    const visible = rows.slice(0, this.shown);
    const ids = new Set(visible.map((row) => row.id));
    for (const [id, { element }] of this.drawn) {
      if (ids.has(id)) continue;
      element.remove();
      this.drawn.delete(id);
    }
    visible.forEach((row, at) => {
      const element = this.drawRow(row);
      if (this.body.children[at] !== element) this.body.insertBefore(element, this.body.children[at] ?? null);
    });
    this.more.hidden = rows.length <= visible.length;
    write(this.more, `${counted(rows.length - visible.length, "more", "more")}`);
    const known = new Set(this.rows.map((row) => row.id));
    for (const id of this.chosen) if (!known.has(id)) this.chosen.delete(id);
    this.drawTools();
  }

  /** @param {T} row */
  drawRow(row) {
    let drawn = this.drawn.get(row.id);
    if (!drawn) {
      const box = this.actions && h("input", { type: "checkbox", "aria-label": "Choose", checked: this.chosen.has(row.id) });
      box?.addEventListener("change", () => this.choose(row.id, box.checked));
      const cells = this.columns.map((column) => ({ element: h("td", { class: column.kind, "data-title": column.title }), mark: "\0" }));
      const element = h("tr", {}, box && h("td", { class: "pick" }, box), ...cells.map((cell) => cell.element));
      drawn = { row: null, about: undefined, element, cells, box };
      this.drawn.set(row.id, drawn);
    }
    // What was read again is another object: most rows of most updates are not.
    const about = this.about?.(row);
    if (drawn.row === row && drawn.about === about) return drawn.element;
    [drawn.row, drawn.about] = [row, about];
    if (this.state) drawn.element.dataset.state = this.state(row);
    drawn.cells.forEach((cell, place) => {
      const column = this.columns[place];
      const mark = String(column.mark ? column.mark(row) : column.value(row));
      if (cell.mark === mark) return;
      cell.mark = mark;
      refill(cell.element, column.show ? column.show(row) : mark);
    });
    return drawn.element;
  }

  /** @param {number} place */
  sortBy(place) {
    this.order = [place, this.order[0] === place ? -this.order[1] : 1];
    this.markOrder();
    this.draw();
  }

  markOrder() {
    this.heads?.forEach((head, place) => {
      const is = place === this.order[0];
      head.setAttribute("aria-sort", is ? (this.order[1] > 0 ? "ascending" : "descending") : "none");
    });
  }

  /** @param {number} [to] */
  showMore(to = this.shown + ROWS_STEP) {
    this.shown = Math.max(this.shown, to);
    this.draw();
  }

  /** @param {string} id @param {boolean} is */
  choose(id, is) {
    if (is) this.chosen.add(id);
    else this.chosen.delete(id);
    this.drawTools();
  }

  /** @param {boolean} are */
  chooseAll(are) {
    for (const [id, { box }] of this.drawn) {
      box.checked = are;
      this.choose(id, are);
    }
  }

  drawTools() {
    if (!this.actions) return;
    const count = this.chosen.size;
    this.all.checked = count > 0 && count >= this.drawn.size;
    this.all.indeterminate = count > 0 && count < this.drawn.size;
    this.tools.hidden = count === 0;
    if (this.told === count) return;
    this.told = count;
    const none = h("button", { class: "quiet", onclick: () => this.chooseAll(false) }, "None");
    fill(this.tools, h("b", {}, counted(count, "chosen", "chosen")), ...this.actions([...this.chosen]), none);
  }
}

/** Calls a function once the browser has shown what there is. @param {() => void} then */
const afterPicture = (then) => requestAnimationFrame(() => setTimeout(then));

/** @param {string|number} a @param {string|number} b */
function compare(a, b) {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return String(a).localeCompare(String(b), undefined, { numeric: true });
}
