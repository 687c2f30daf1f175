// All frames of a job on one canvas. Only cells that changed are drawn again, however many there are.

import { read } from "./api.js";
import { h } from "./dom.js";
import { duration, frames as framesOf } from "./words.js";

const PAGE_FRAMES = 20_000;
/** Longer lists of changed frames are not named in an address. */
const NAMED_CHARACTERS_MAX = 1_500;
const CELL_PX_MAX = 22;
const CELL_PX_MIN = 3;
const HEIGHT_PX_MAX = 420;
const STATES = /** @type {const} */ ({ q: "queued", r: "rendering", v: "delivering", d: "done", f: "failed" });

/** @typedef {{frame: number, state: string, seconds: number|null, slave: string, slaveId: string}} Cell */

export class FrameGrid {
  /** @param {string} job @param {(frame: number) => void} open */
  constructor(job, open) {
    this.job = job;
    this.open = open;
    /** @type {Cell[]} */ this.cells = [];
    /** @type {Map<number, number>} */ this.places = new Map();
    /** @type {"state"|"time"} */ this.colours = "state";
    this.canvas = h("canvas", { role: "img", tabindex: 0, "aria-label": "Frames", "aria-describedby": "grid-reading" });
    this.reading = h("output", { id: "grid-reading", class: "reading" });
    this.element = h("div", { class: "grid" }, this.canvas, this.reading);
    this.canvas.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => this.point(this.at(event)));
    this.canvas.addEventListener("pointerleave", () => this.point(this.chosen));
    this.canvas.addEventListener("click", (/** @type {PointerEvent} */ event) => this.choose(this.at(event)));
    this.canvas.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => this.key(event));
    new ResizeObserver(() => this.lay()).observe(this.element);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.lay());
    this.chosen = -1;
    /** Where the pointer is; the chosen one has a frame of its own. */
    this.pointed = -1;
    /** Milliseconds that the latest change took to be drawn. */
    this.spent_ms = 0;
  }

  /** Reads all frames. @returns {Promise<void>} */
  async renew() {
    /** @type {Cell[]} */ const cells = [];
    for (;;) {
      const page = cellsOf(await read(`jobs/${this.job}/grid?offset=${cells.length}&limit=${PAGE_FRAMES}`));
      cells.push(...page);
      if (page.length < PAGE_FRAMES) break;
    }
    this.cells = cells;
    this.places = new Map(cells.map((cell, place) => [cell.frame, place]));
    this.lay();
  }

  /** Reads the frames that changed. @param {string} changed */
  async update(changed) {
    if (changed.length > NAMED_CHARACTERS_MAX) return this.renew();
    const fresh = cellsOf(await read(`jobs/${this.job}/grid?frames=${changed}`));
    const began = performance.now();
    for (const cell of fresh) {
      const place = this.places.get(cell.frame);
      if (place === undefined) return this.renew();
      this.cells[place] = cell;
      if (this.colours === "state") this.paint(place);
    }
    if (this.colours === "time") this.lay();
    else this.outline();
    this.spent_ms = performance.now() - began;
    this.point(this.pointed >= 0 ? this.pointed : this.chosen);
  }

  /** @param {"state"|"time"} colours */
  colour(colours) {
    this.colours = colours;
    this.lay();
  }

  /** Lays all cells out for the width there is, and draws them. */
  lay() {
    const width = this.element.clientWidth;
    if (!width || !this.cells.length) return;
    const fits = (/** @type {number} */ cell) => Math.ceil(this.cells.length / Math.floor(width / cell)) * cell <= HEIGHT_PX_MAX;
    let cell = CELL_PX_MAX;
    while (cell > CELL_PX_MIN && !fits(cell)) cell -= 1;
    const scale = devicePixelRatio || 1;
    this.cell = cell;
    this.across = Math.max(1, Math.floor(width / cell));
    const height = Math.ceil(this.cells.length / this.across) * cell;
    this.canvas.width = Math.round(width * scale);
    this.canvas.height = Math.round(height * scale);
    this.canvas.style.setProperty("height", `${height}px`);
    this.tones = Object.fromEntries(Object.entries(STATES).map(([letter, name]) => [letter, this.toneNamed(name)]));
    this.accent = this.toneNamed("text");
    this.pen = this.canvas.getContext("2d");
    this.pen.scale(scale, scale);
    const times = this.cells.map((one) => one.seconds).filter((seconds) => seconds !== null);
    this.longest = Math.max(0.001, ...percentiles(/** @type {number[]} */ (times)));
    for (let place = 0; place < this.cells.length; place += 1) this.paint(place);
    this.outlined = -1;
    this.outline();
    this.canvas.setAttribute("aria-label", `${this.cells.length} frames; arrow keys choose one, Enter opens it`);
  }

  /** A colour of the style, as a canvas understands it: dark or light is decided by then. @param {string} name */
  toneNamed(name) {
    this.reading.style.setProperty("color", `var(--${name})`);
    const tone = getComputedStyle(this.reading).color;
    this.reading.style.removeProperty("color");
    return tone;
  }

  /** @param {number} place */
  paint(place) {
    const { cell = 1, across = 1, pen } = this;
    if (!pen) return;
    const gap = cell > 6 ? 2 : cell > 4 ? 1 : 0;
    const [x, y] = [(place % across) * cell, Math.floor(place / across) * cell];
    pen.clearRect(x, y, cell, cell);
    pen.fillStyle = this.toneOf(this.cells[place]);
    if (cell > 9 && pen.roundRect) {
      pen.beginPath();
      pen.roundRect(x, y, cell - gap, cell - gap, 3);
      pen.fill();
    } else pen.fillRect(x, y, cell - gap, cell - gap);
  }

  /** @param {Cell} cell */
  toneOf(cell) {
    if (this.colours === "state" || cell.seconds === null) return this.tones?.[cell.state] ?? "gray";
    const warmth = Math.min(1, cell.seconds / (this.longest ?? 1));
    return `hsl(${Math.round(200 - 185 * warmth)} ${Math.round(50 + 30 * warmth)}% ${Math.round(42 + 12 * warmth)}%)`;
  }

  /** Marks the chosen cell. */
  outline() {
    const { cell = 1, across = 1, pen } = this;
    if (!pen) return;
    if (this.outlined >= 0 && this.outlined !== this.chosen) this.paint(this.outlined);
    this.outlined = this.chosen;
    if (this.chosen < 0) return;
    const gap = cell > 6 ? 2 : 0;
    pen.strokeStyle = this.accent ?? "white";
    pen.lineWidth = 2;
    pen.strokeRect((this.chosen % across) * cell + 1, Math.floor(this.chosen / across) * cell + 1, cell - gap - 2, cell - gap - 2);
  }

  /** @param {PointerEvent} event */
  at(event) {
    const { cell = 1, across = 1 } = this;
    const column = Math.floor(event.offsetX / cell);
    const place = Math.floor(event.offsetY / cell) * across + column;
    return column < across && place < this.cells.length ? place : -1;
  }

  /** @param {number} place */
  point(place) {
    this.pointed = place;
    const cell = this.cells[place];
    this.reading.textContent = cell ? tell(cell) : "";
  }

  /** @param {number} place */
  choose(place) {
    if (place < 0) return;
    this.chosen = place;
    this.outline();
    this.point(place);
    this.open(this.cells[place].frame);
  }

  /** Marks a frame that was opened elsewhere. @param {number} frame */
  mark(frame) {
    this.chosen = this.places.get(frame) ?? -1;
    this.outline();
    this.point(this.chosen);
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const { across = 1 } = this;
    const by = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: across, ArrowUp: -across }[event.key];
    if (by !== undefined) {
      this.chosen = Math.min(this.cells.length - 1, Math.max(0, this.chosen + by));
      this.outline();
      this.point(this.chosen);
    } else if (event.key === "Enter" || event.key === " ") this.choose(this.chosen);
    else return;
    event.preventDefault();
  }
}

/** @param {any} grid @returns {Cell[]} */
function cellsOf(grid) {
  if (!grid.frames) return [];
  return framesOf(grid.frames).map((frame, place) => {
    const slave = grid.slaves[grid.by[place]];
    return { frame, state: grid.states[place], seconds: grid.seconds[place], slave: slave ? slave.name || slave.id : "", slaveId: slave?.id ?? "" };
  });
}

/** @param {Cell} cell */
function tell(cell) {
  const state = STATES[/** @type {"q"} */ (cell.state)];
  return [`Frame ${cell.frame}`, state, cell.slave && `on ${cell.slave}`, cell.seconds !== null && duration(cell.seconds)].filter(Boolean).join(" · ");
}

/** What counts as long: a few stray ones shall not make all others alike. @param {number[]} seconds */
function percentiles(seconds) {
  const sorted = [...seconds].sort((a, b) => a - b);
  return sorted.length ? [sorted[Math.floor(sorted.length * 0.98)]] : [];
}
