// What a job waits for, and what waits for it.

import { read } from "./api.js";
import { fill, h } from "./dom.js";
import { chip } from "./parts.js";

/**
 * Shows the jobs that it is tied to, and returns the contents that it waits for.
 * @param {string} job
 * @param {any} place
 * @returns {Promise<Set<string>>}
 */
export async function showTies(job, place) {
  const { missing, depends_on: before, dependents: after } = await read(`jobs/${job}/ties`);
  const mark = JSON.stringify([before, after]);
  if (place.dataset.mark !== mark) {
    place.dataset.mark = mark;
    const group = (/** @type {string} */ title, /** @type {any[]} */ ties) => ties.length > 0 && [h("h3", {}, title), h("ul", { class: "lines" }, ...ties.map(tie))];
    fill(place, ...(before.length || after.length ? [group("It waits for", before), group("For it wait", after)] : [h("p", { class: "soft" }, "It waits for no job, and none for it.")]));
  }
  return new Set(missing);
}

/** @param {any} tie */
function tie({ id, name, state }) {
  return h("li", {}, state ? h("a", { href: `/jobs/${id}` }, name || id) : h("span", { class: "soft" }, `${id}, which was removed`), h("span"), state && chip(state));
}
