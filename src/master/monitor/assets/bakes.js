// What a job bakes, by name.

import { read } from "./api.js";
import { fill, h } from "./dom.js";
import { chip } from "./parts.js";

const BAKES_MAX = 1_000;

/**
 * Lists the bakes, each with its state.
 * @param {any} place
 * @param {string} job
 * @param {(bake: number) => void} open
 */
export async function showBakes(place, job, open) {
  const bakes = await read(`jobs/${job}/frames?limit=${BAKES_MAX}`);
  const line = (/** @type {any} */ info) => h("li", {}, h("button", { class: "quiet", onclick: () => open(info.frame) }, info.bake), " ", chip(info.state));
  fill(place, ...bakes.map(line));
}
