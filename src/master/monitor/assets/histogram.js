// How long frames took, by slave: a row each, on one scale.

import { fill, h } from "./dom.js";
import { counted, duration } from "./words.js";

const BINS = 36;
const SLAVES_SHOWN_MAX = 24;

/** Draws it. @param {Element} place @param {{seconds: number|null, slave: string}[]} cells */
export function showTimes(place, cells) {
  /** @type {Map<string, number[]>} */ const bySlave = new Map();
  for (const { seconds, slave } of cells) {
    if (seconds === null) continue;
    const times = bySlave.get(slave);
    if (times) times.push(seconds);
    else bySlave.set(slave, [seconds]);
  }
  const all = [...bySlave.values()].flat().sort((a, b) => a - b);
  if (!all.length) return fill(place, h("p", { class: "soft" }, "No frame is finished yet."));
  const longest = Math.max(all[Math.floor(all.length * 0.99)], all[0], 0.001) * 1.05;
  const rows = [...bySlave].map(([slave, times]) => ({ slave, times, median: middle(times) })).sort((a, b) => a.median - b.median);
  fill(
    place,
    h("ul", { class: "histogram" }, ...rows.slice(0, SLAVES_SHOWN_MAX).map((row) => line(row, longest))),
    h("p", { class: "scale", "aria-hidden": "true" }, h("span", {}, "0"), h("span", {}, duration(longest / 2)), h("span", {}, duration(longest))),
  );
}

/** @param {{slave: string, times: number[], median: number}} row @param {number} longest */
function line({ slave, times, median }, longest) {
  const bins = new Array(BINS).fill(0);
  for (const seconds of times) bins[Math.min(BINS - 1, Math.floor((seconds / longest) * BINS))] += 1;
  const most = Math.max(...bins);
  const text = `${counted(times.length, "frame")}, median ${duration(median)}`;
  return h(
    "li",
    {},
    h("b", {}, slave || "?"),
    h("span", { class: "bins", role: "img", "aria-label": text, title: text }, ...bins.map((count) => h("i", { style: { height: `${count ? 8 + (92 * count) / most : 0}%` } }))),
    h("small", {}, duration(median)),
  );
}

/** @param {number[]} times */
const middle = (times) => [...times].sort((a, b) => a - b)[Math.floor(times.length / 2)];
