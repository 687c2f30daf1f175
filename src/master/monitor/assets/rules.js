// The rules of balancing, and what follows from them just now.

import { ask, read, readIfThere } from "./api.js";
import { note, fail } from "./dialog.js";
import { fill, h } from "./dom.js";
import { fairShares, jobs, slaves, watch, watchFor } from "./farm.js";
import { stateOf } from "./machines.js";
import { card, chip, empty, meter } from "./parts.js";
import { show } from "./shell.js";
import { percent } from "./words.js";

/** Idle slaves that are asked what they would get. */
const ASKED_MAX = 12;
const ASK_MS = 2_000;

/** @type {[string, string, string, string][]} */
const RULES = [
  ["share", "No job takes the whole farm", "Most of the slots that a job may have, unless it is the only one", "%"],
  ["new_first", "New jobs first", "Until so many of their frames were dispatched, so that errors are seen early", "frames"],
  ["starving_first", "Starving jobs first", "Jobs that have had no slave for so long", "minutes"],
];

const rules = h("div", { class: "rules" });
const next = h("ul", { class: "lines" });
const ranks = h("ul", { class: "ranks" });
/** @type {any} */ let known = null;

const page = [
  card("Rules", [h("small", { class: "soft" }, "they hold at once, and survive a restart")], rules),
  h(
    "div",
    { class: "columns" },
    card("Jobs that want slaves", [h("small", { class: "soft" }, "what each uses, against what it is due")], ranks),
    card("Who is next", [h("small", { class: "soft" }, "what each slave would get if it asked now")], next),
  ),
];

let isShown = false;
let asked = 0;
void readRules();
watchFor("rules", () => void readRules());
watch(() => {
  drawRanks();
  if (!isShown) show(h("h1", { class: "unseen" }, "Rules"), ...page);
  isShown = true;
  if (!asked) asked = setTimeout(askNext, asked === 0 ? 50 : ASK_MS);
});

async function readRules() {
  try {
    const fresh = await read("rules");
    if (JSON.stringify(fresh) === JSON.stringify(known) || rules.contains(document.activeElement)) return;
    known = fresh;
    fill(rules, ...RULES.map(rule));
  } catch (error) {
    fail(error);
  }
}

/** @param {[string, string, string, string]} rule */
function rule([key, title, text, unit]) {
  const limit = h("input", { changes: true, type: "number", min: 1, value: known[key].limit, "aria-label": `${title}: limit`, onchange: () => change(key, { limit: Number(limit.value) }) });
  const enabled = h("input", { changes: true, type: "checkbox", role: "switch", checked: known[key].enabled, "aria-label": title, onchange: () => change(key, { enabled: enabled.checked }) });
  return h("div", { class: "rule" }, enabled, h("div", {}, h("b", {}, title), h("p", {}, text)), h("span", { class: "limit" }, limit, unit));
}

/** @param {string} key @param {Record<string, any>} edit */
async function change(key, edit) {
  const before = known;
  try {
    known = await (await ask("rules", "PUT", { ...before, [key]: { ...before[key], ...edit } })).json();
    note("The rule holds from now on", { undo: () => restore(before) });
  } catch (error) {
    fail(error);
  }
  fill(rules, ...RULES.map(rule));
}

/** @param {any} before */
async function restore(before) {
  try {
    known = await (await ask("rules", "PUT", before)).json();
    fill(rules, ...RULES.map(rule));
  } catch (error) {
    fail(error);
  }
}

function drawRanks() {
  const shares = fairShares();
  const want = [...jobs.values()].filter((job) => job.state === "queued");
  want.sort((a, b) => a.usage / (shares.get(a.id) ?? 1) - b.usage / (shares.get(b.id) ?? 1));
  const mark = JSON.stringify(want.map((job) => [job.id, job.name, job.priority, percent(job.usage), percent(shares.get(job.id) ?? 0), job.explanation]));
  if (ranks.dataset.mark === mark) return;
  ranks.dataset.mark = mark;
  const line = (/** @type {any} */ job) => {
    const due = shares.get(job.id) ?? 0;
    return h(
      "li",
      {},
      h("a", { href: `/jobs/${job.id}` }, job.name),
      meter(job.usage, due),
      h("small", {}, `${percent(job.usage)} of ${percent(due)}, priority ${job.priority}`),
      ...job.explanation.map((/** @type {string} */ text) => h("p", { class: "why" }, text)),
    );
  };
  fill(ranks, ...(want.length ? want.map(line) : [empty("No job wants a slave just now.")]));
}

/** Asks for the slaves what they would get; the question changes nothing. */
async function askNext() {
  try {
    const here = [...slaves.values()].filter((slave) => slave.online).slice(0, ASKED_MAX);
    const found = await Promise.all(here.map((slave) => readIfThere(`slaves/${slave.id}/next`)));
    const line = (/** @type {any} */ slave, /** @type {number} */ place) => {
      const job = found[place]?.job && jobs.get(found[place].job);
      const why = (slave.explanation[0] ?? "").replace(/^(idle|paused): /, "");
      const gets = job ? h("a", { href: `/jobs/${job.id}` }, job.name) : h("span", { class: "soft" }, why ? `nothing: ${why}` : "nothing");
      return h("li", {}, h("b", {}, slave.name), gets, chip(stateOf(slave)));
    };
    fill(next, ...(here.length ? here.map(line) : [empty("No slave is there.")]));
  } catch (error) {
    fail(error);
  }
  asked = setTimeout(() => (asked = 0), ASK_MS);
}

