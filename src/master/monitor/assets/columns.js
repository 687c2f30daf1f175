// Jobs as rows: everything about each, and what can be done with several at once.

import * as act from "./actions.js";
import { h } from "./dom.js";
import { fairShares, isOver, secondsLeft, slots } from "./farm.js";
import { chip, command, empty, left, meter, progress, stateOfJob, time } from "./parts.js";
import { ago, number, percent } from "./words.js";

/** @type {Map<string, number>} */ let shares = new Map();
let farmSlots = 0;

/** @typedef {import("./farm.js").Job} Job */

/** @param {Job} job */
const remaining = (job) => secondsLeft(job, farmSlots);
/** @param {Job} job */
const due = (job) => shares.get(job.id);

/** Raises or lowers a number of a job by a button. @param {Job} job @param {string} key @param {number} by @param {number} low @param {number} high */
const step = (job, key, by, low, high) => {
  const value = Math.min(high, Math.max(low, job[key] + by));
  const label = `${by > 0 ? "More" : "Less"} ${key}`;
  return h("button", { changes: true, class: "step", "aria-label": label, title: label, disabled: value === job[key], onclick: () => act.edit([job.id], { [key]: value }) }, by > 0 ? "+" : "−");
};

/** The rows' columns; other pages show a few of them. @type {Record<string, import("./table.js").Column<Job>>} */
export const COLUMNS = {
  name: {
    title: "Job",
    kind: "wide",
    value: (job) => job.name,
    mark: (job) => `${job.name}|${job.category}|${job.tags}`,
    show: (job) => [
      h("a", { class: "name", href: `/jobs/${job.id}` }, job.name || job.id),
      (job.category || job.tags.length > 0) &&
        h("span", { class: "labels" }, job.category && h("small", { class: "category" }, job.category), ...job.tags.map((/** @type {string} */ tag) => h("small", { class: "tag" }, tag))),
    ],
  },
  state: { title: "State", value: stateOfJob, show: (job) => chip(stateOfJob(job)) },
  progress: {
    title: "Progress",
    kind: "progress",
    value: (job) => job.done / job.total,
    mark: (job) => [job.done, job.rendering, job.failed, job.queued, job.state].join(),
    show: progress,
  },
  left: { title: "Left", kind: "number", value: (job) => remaining(job) ?? Infinity, mark: (job) => left(remaining(job)), show: (job) => left(remaining(job)) },
  usage: {
    title: "Usage",
    value: (job) => job.usage,
    mark: (job) => `${percent(job.usage)}|${due(job)?.toFixed(3)}|${job.state}`,
    show: (job) => (job.state !== "queued" ? "" : [meter(job.usage, due(job)), h("small", {}, percent(job.usage))]),
  },
  priority: {
    title: "Priority",
    kind: "number minor",
    value: (job) => job.priority,
    mark: (job) => `${job.priority}|${isOver(job)}`,
    show: (job) => (isOver(job) ? job.priority : h("span", { class: "steps" }, step(job, "priority", -1, 1, 10), h("b", {}, job.priority), step(job, "priority", 1, 1, 10))),
  },
  chunks: {
    title: "Chunks",
    kind: "number minor",
    value: (job) => job.chunks,
    mark: (job) => `${job.chunks}|${isOver(job)}`,
    show: (job) => (isOver(job) ? job.chunks || "auto" : h("span", { class: "steps" }, step(job, "chunks", -1, 0, 65_535), h("b", {}, job.chunks || "auto"), step(job, "chunks", 1, 0, 65_535))),
  },
  why: {
    title: "Why",
    kind: "minor why",
    value: (job) => job.explanation[0] ?? "",
    show: (job) => h("span", { title: job.explanation.join("\n") }, job.explanation[0] ?? ""),
  },
  came: { title: "Came", kind: "minor", value: (job) => -job.submitted_ms, show: (job) => time(job.submitted_ms) },
  began: { title: "Began", kind: "minor", value: (job) => -(entered(job, "queued") ?? 0), show: (job) => timeOrNone(entered(job, "queued")) },
  ended: { title: "Ended", kind: "minor", value: (job) => -(endOf(job) ?? 0), show: (job) => timeOrNone(endOf(job)) },
  waits: { title: "Got a slave", kind: "minor", value: (job) => -(job.dispatched_ms ?? 0), mark: waits, show: waits },
  rendering: { title: "Rendering", kind: "number minor", value: (job) => job.rendering, show: (job) => number(job.rendering) },
  failed: { title: "Failed", kind: "number minor", value: (job) => job.failed, show: (job) => (job.failed ? h("span", { class: "bad" }, number(job.failed)) : 0) },
  total: { title: "Frames", kind: "number minor", value: (job) => job.total, show: (job) => number(job.total) },
  kind: { title: "Type", kind: "minor", value: (job) => (job.kind === "bake" ? "bakes" : job.tiles === "1x1" ? "frames" : `tiles ${job.tiles}`) },
  id: { title: "Id", kind: "minor path", value: (job) => job.id },
};

/** Those that the table of jobs begins with; each can be shown or hidden there. */
export const USUAL = ["name", "state", "progress", "left", "usage", "priority", "chunks", "why", "came"];

/** When a job came into a state for the first time. @param {Job} job @param {string} state @returns {number|undefined} */
function entered(job, state) {
  return job.transitions.find((/** @type {any} */ step) => step.state === state)?.at_ms;
}

/** @param {Job} job @returns {number|undefined} */
function endOf(job) {
  return isOver(job) ? job.transitions.at(-1)?.at_ms : undefined;
}

/** @param {number|undefined} ms */
function timeOrNone(ms) {
  return ms === undefined ? "" : time(ms);
}

/** How long ago something of a job was given to a slave. @param {Job} job */
function waits(job) {
  if (isOver(job)) return "";
  return job.dispatched_ms ? ago(job.dispatched_ms) : "never";
}

/** Jobs as lists begin: those that want something first, then the newest. @param {Iterable<Job>} jobs */
export const ordered = (jobs) => [...jobs].sort((a, b) => Number(isOver(a)) - Number(isOver(b)) || b.submitted_ms - a.submitted_ms);

/** What a filter searches. @param {Job} job */
export const wordsOf = (job) => [job.name, job.category, job.state, job.id, ...job.tags].join(" ");

/** What can be done with chosen jobs. @param {string[]} ids */
export function tools(ids) {
  const button = (/** @type {string} */ text, /** @type {(ids: string[]) => any} */ deed, kind = "") => h("button", { class: kind, onclick: () => deed(ids) }, text);
  return [
    button("Pause", act.pause),
    button("Resume", act.resume),
    button("Change …", act.editMany),
    button("Retry failed", act.resetFailed),
    button("Render anew …", act.resetAll),
    button("Cancel …", act.cancel, "bad"),
    button("Remove …", act.remove, "bad"),
  ];
}

/** What a farm without jobs says. */
export const noJobs = () =>
  empty("No jobs yet. Send one from Blender (Render properties → Network Render → Send job), or with", command("netrender submit scene.blend"));

/** What of the farm shows in a job's row. @param {Job} job */
export const aboutOf = (job) => `${due(job)?.toFixed(3)}|${farmSlots}`;

/** Renews what rows are judged by. */
export function weigh() {
  [shares, farmSlots] = [fairShares(), slots()];
}
