// Jobs as rows: everything about each, and what can be done with several at once.

import * as act from "./actions.js";
import { h } from "./dom.js";
import { fairShares, isOver, secondsLeft, slots } from "./farm.js";
import { chip, command, empty, left, meter, progress, stateOfJob, time } from "./parts.js";
import { percent } from "./words.js";

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
  return h("button", { class: "step", "aria-label": label, title: label, disabled: value === job[key], onclick: () => act.edit([job.id], { [key]: value }) }, by > 0 ? "+" : "−");
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
      job.category && h("small", { class: "category" }, job.category),
      ...job.tags.map((/** @type {string} */ tag) => h("small", { class: "tag" }, tag)),
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
};

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
