// The farm over time: slots stacked by job, below the line of all slots there were.

import { read } from "./api.js";
import { h, s, fill } from "./dom.js";
import { fail } from "./dialog.js";
import { clock, number } from "./words.js";
import { choice } from "./parts.js";

const WIDTH = 1_000;
const HEIGHT = 220;
const RENEW_MS = 10_000;
/** A longer pause between samples tells that the master did not run. */
const GAP_STEPS = 3;

/**
 * @typedef {object} Usage
 * @property {number[]} samples_ms
 * @property {number[]} slots
 * @property {{id: string, name: string, slots: number[]}[]} jobs
 * @property {number[]} others
 */

export class UsageChart {
  constructor() {
    /** @type {"hour"|"day"} */ this.span = "hour";
    this.legend = h("ul", { class: "legend" });
    this.figure = h("div", { class: "plot" });
    this.reading = h("output", { class: "reading", hidden: true });
    this.figure.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => this.point(event));
    this.figure.addEventListener("pointerleave", () => this.point(null));
    this.element = h("div", { class: "chart" }, this.figure, this.reading, this.legend);
    this.spans = choice("Span", [["hour", "1 hour"], ["day", "24 hours"]], this.span, (span) => {
      this.span = span;
      void this.renew();
    });
    void this.renew();
    setInterval(() => document.hidden || this.renew(), RENEW_MS);
  }

  async renew() {
    try {
      this.usage = /** @type {Usage} */ (await read(`usage?span=${this.span}`));
      this.draw(this.usage);
    } catch (error) {
      if (!this.usage) fail(error);
    }
  }

  /** @param {Usage} usage */
  draw(usage) {
    const { samples_ms: at, slots } = usage;
    const end = at.at(-1) ?? Date.now();
    const begin = Math.min(at[0] ?? end, end - (this.span === "hour" ? 120_000 : 3_600_000));
    const top = Math.max(1, ...slots, ...this.sums(usage));
    this.x = (/** @type {number} */ ms) => ((ms - begin) / Math.max(1, end - begin)) * WIDTH;
    const y = (/** @type {number} */ value) => HEIGHT - (value / (top * 1.08)) * HEIGHT;
    const layers = [...usage.jobs, { id: "others", name: "other jobs", slots: usage.others }].filter((job) => job.slots.some((value) => value > 0));
    const below = at.map(() => 0);
    const areas = layers.map((job, place) => {
      const lower = [...below];
      job.slots.forEach((value, index) => (below[index] += value));
      return s("path", { class: "area", "data-tone": tone(job, place), d: this.area(at, lower, below, y) });
    });
    const line = s("path", { class: "capacity", d: this.area(at, slots, null, y) });
    const grid = ticks(top).map((value) => s("line", { class: "tick", x1: 0, x2: WIDTH, y1: y(value), y2: y(value) }));
    const drawing = s("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": this.told(usage) }, ...grid, ...areas, line);
    const marks = ticks(top).map((value) => h("span", { style: { top: `${(100 * y(value)) / HEIGHT}%` } }, number(value)));
    const middle = begin + (end - begin) / 2;
    fill(
      this.figure,
      drawing,
      h("div", { class: "marks", "aria-hidden": "true" }, ...marks),
      h("div", { class: "times", "aria-hidden": "true" }, ...[begin, middle, end].map((ms) => h("span", {}, clock(ms)))),
    );
    fill(this.legend, ...layers.map((job, place) => legend(job, place)));
    if (!layers.length) fill(this.legend, h("li", {}, "Nothing was rendered in this time."));
  }

  /** @param {Usage} usage */
  sums(usage) {
    return usage.samples_ms.map((_, place) => usage.jobs.reduce((sum, job) => sum + job.slots[place], usage.others[place]));
  }

  /** What somebody is told who cannot see it. @param {Usage} usage */
  told(usage) {
    const now = this.sums(usage).at(-1) ?? 0;
    return `Slots in use over time; now ${number(now)} of ${number(usage.slots.at(-1) ?? 0)}`;
  }

  /**
   * The outline of a layer, or a line if there is no upper bound; broken where the master did not run.
   * @param {number[]} at @param {number[]} lower @param {number[]|null} upper @param {(value: number) => number} y
   */
  area(at, lower, upper, y) {
    const x = /** @type {(ms: number) => number} */ (this.x);
    const step = at.length > 1 ? Math.max(5_000, at[1] - at[0]) : 5_000;
    let path = "";
    let first = 0;
    for (let place = 1; place <= at.length; place += 1) {
      if (place < at.length && at[place] - at[place - 1] < GAP_STEPS * Math.max(step, this.span === "day" ? 120_000 : 10_000)) continue;
      const range = Array.from({ length: place - first }, (_, index) => first + index);
      const points = (/** @type {number[]} */ values) => range.map((index) => `${x(at[index]).toFixed(1)} ${y(values[index]).toFixed(1)}`);
      const above = points(upper ?? lower);
      path += `M${above.join("L")}`;
      if (upper) path += `L${points(lower).reverse().join("L")}Z`;
      first = place;
    }
    return path;
  }

  /** @param {PointerEvent|null} event */
  point(event) {
    const usage = this.usage;
    this.reading.hidden = !event || !usage?.samples_ms.length;
    if (!event || !usage || !this.x) return;
    const box = this.figure.getBoundingClientRect();
    const across = ((event.clientX - box.left) / box.width) * WIDTH;
    const x = this.x;
    let place = usage.samples_ms.findIndex((ms) => x(ms) >= across);
    if (place < 0) place = usage.samples_ms.length - 1;
    const busy = usage.jobs.filter((job) => job.slots[place] > 0).map((job) => `${job.name || job.id}: ${number(job.slots[place])}`);
    const head = `${clock(usage.samples_ms[place])} · ${number(this.sums(usage)[place])} of ${number(usage.slots[place])} slots`;
    fill(this.reading, h("b", {}, head), ...busy.map((text) => h("span", {}, text)));
  }
}

/** Jobs keep their colours by their place. @param {{id: string}} job @param {number} place */
const tone = (job, place) => (job.id === "others" ? "others" : String(place % 8));

/** @param {{id: string, name: string}} job @param {number} place */
function legend(job, place) {
  const text = job.name || "a removed job";
  const name = job.id === "others" || !job.name ? h("span", {}, text) : h("a", { href: `/jobs/${job.id}` }, text);
  return h("li", {}, h("i", { "data-tone": tone(job, place) }), name);
}

/** Round numbers up to the top. @param {number} top */
function ticks(top) {
  const rough = top / 3;
  const power = 10 ** Math.floor(Math.log10(Math.max(rough, 1)));
  const step = [1, 2, 5, 10].map((one) => one * power).find((one) => one >= rough) ?? power;
  const found = [];
  for (let value = step; value <= top; value += step) found.push(value);
  return found;
}
