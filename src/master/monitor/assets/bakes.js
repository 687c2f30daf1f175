// What a job bakes, by name: how far each is, how long it took, how large it is.

import { read } from "./api.js";
import { h, refill } from "./dom.js";
import { chip } from "./parts.js";
import { duration, size } from "./words.js";

const BAKES_MAX = 1_000;

/**
 * Lists the bakes, each with its state and, under way, with how much of it is done.
 * @param {any} place
 * @param {string} job
 * @param {(bake: number) => void} open
 */
export async function showBakes(place, job, open) {
  const bakes = await read(`jobs/${job}/frames?limit=${BAKES_MAX}`);
  const mark = JSON.stringify(bakes.map((/** @type {any} */ info) => [info.bake, info.state, info.percent, info.seconds]));
  if (place.dataset.mark === mark) return;
  place.dataset.mark = mark;
  const line = (/** @type {any} */ info) => h("li", {}, h("button", { class: "quiet", onclick: () => open(info.frame) }, info.bake), h("small", {}, told(info)), chip(info.state));
  refill(place, ...bakes.map(line));
}

/** What is known of one beside its state. @param {any} info */
function told({ state, percent, seconds, size_bytes: bytes }) {
  if (state === "rendering") return percent === undefined ? "" : `${percent} %`;
  return [seconds !== undefined && duration(seconds), bytes !== undefined && size(bytes)].filter(Boolean).join(", ");
}
