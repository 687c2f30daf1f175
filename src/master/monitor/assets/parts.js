// Small things that several pages show: states, progress, usage, explanations.

import { h, s, write } from "./dom.js";
import { counted, duration, moment, number, percent, wholeMoment } from "./words.js";

/** What each part of a progress bar tells, in its order. */
const PARTS = /** @type {const} */ (["done", "rendering", "failed", "queued"]);

/** @param {string} state @param {string} [text] */
export const chip = (state, text = state) => h("span", { class: "chip", "data-state": state }, text);

/** A job's state, in which somebody works on it or nobody does. @param {any} job */
export const stateOfJob = (job) => (job.state === "queued" && job.rendering > 0 ? "rendering" : job.state);

/** A bar of done, rendering, failed and waiting frames. @param {any} job */
export function bar(job) {
  const text = PARTS.filter((part) => job[part] > 0).map((part) => `${number(job[part])} ${part}`).join(", ");
  const sections = PARTS.filter((part) => job[part] > 0 && part !== "queued").map((part) =>
    h("i", { "data-part": part, style: { width: `${(100 * job[part]) / Math.max(1, job.total)}%` } }),
  );
  return h("span", { class: "bar", role: "img", "aria-label": text, title: text, "data-over": job.state }, ...sections);
}

/** The bar with its numbers. @param {any} job */
export const progress = (job) => [bar(job), h("small", {}, `${number(job.done)} / ${number(job.total)}`, job.failed > 0 && [" · ", h("span", { class: "bad" }, counted(job.failed, "failed", "failed"))])];

/** What a job uses, with a mark at what it is due. @param {number} usage @param {number|undefined} due */
export function meter(usage, due) {
  const text = due === undefined ? `uses ${percent(usage)}` : `uses ${percent(usage)}, due ${percent(due)}`;
  return h(
    "span",
    { class: "meter", title: text, role: "img", "aria-label": text },
    h("i", { style: { width: `${Math.min(100, usage * 100)}%` } }),
    due !== undefined && h("b", { style: { left: `${Math.min(100, due * 100)}%` } }),
  );
}

/** A moment with all of it in its title. @param {number} ms */
export const time = (ms) => h("time", { datetime: new Date(ms).toISOString(), title: wholeMoment(ms) }, moment(ms));

/** @param {number|null} seconds */
export const left = (seconds) => (seconds === null ? "" : duration(seconds));

/** @param {string[]} lines */
export const explanation = (lines) => lines.map((line) => h("p", { class: "why" }, line));

/** What an empty list says. @param {string} text @param {...any} more */
export const empty = (text, ...more) => h("div", { class: "empty" }, h("p", {}, text), ...more);

/** A line of a command. @param {string} text */
export const command = (text) => h("code", { class: "command" }, text);

/** A big number with its name. */
export class Figure {
  /** @param {string} name @param {string} [href] */
  constructor(name, href) {
    this.value = h("b", {}, "–");
    this.note = h("small", {});
    this.name = h("span", {}, name);
    this.element = h(href ? "a" : "div", { class: "figure", href }, this.name, this.value, this.note);
  }

  /** @param {string} value @param {string} [note] @param {string} [tone] */
  show(value, note = "", tone = "") {
    write(this.value, value);
    write(this.note, note);
    this.element.dataset.tone = tone;
  }
}

/** A section with a head. @param {string} title @param {any[]} tools @param {...any} content */
export function card(title, tools, ...content) {
  const id = `card-${title.toLowerCase().replace(/\W+/g, "-")}`;
  return h("section", { class: "card", "aria-labelledby": id }, h("header", {}, h("h2", { id }, title), ...tools), ...content);
}

/** A switch between a few choices. @template {string} T
 * @param {string} label @param {[T, string][]} choices @param {T} chosen @param {(choice: T) => void} choose */
export function choice(label, choices, chosen, choose) {
  const buttons = choices.map(([value, text]) =>
    h("button", { type: "button", "aria-pressed": value === chosen, onclick: () => pick(value) }, text),
  );
  /** @param {T} value */
  const pick = (value) => {
    buttons.forEach((button, place) => button.setAttribute("aria-pressed", String(choices[place][0] === value)));
    choose(value);
  };
  return h("span", { class: "choice", role: "group", "aria-label": label }, ...buttons);
}

/** A sign of 24 by 24. @param {string} path */
export const sign = (path) => s("svg", { viewBox: "0 0 24 24", "aria-hidden": "true", class: "sign" }, s("path", { d: path }));
