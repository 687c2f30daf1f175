// What the page knows of the farm: read once, then only what changed.

import { onceAFrame } from "./dom.js";
import { read, readIfThere } from "./api.js";
import { follow } from "./live.js";
import { fail } from "./dialog.js";

/** @typedef {Record<string, any> & {id: string, name: string, state: string, total: number, queued: number, rendering: number,
 *   done: number, failed: number, usage: number, priority: number, category: string, submitted_ms: number}} Job */
/** @typedef {Record<string, any> & {id: string, name: string, online: boolean, slots: number}} Slave */

/** More changes than that at once, and the whole list is asked for instead. */
const SINGLE_MAX = 6;
const LIST_MAX = 1_000;

/** @type {Map<string, Job>} */
export const jobs = new Map();
/** @type {Map<string, Slave>} */
export const slaves = new Map();

const listeners = new Set();
const tell = onceAFrame(() => listeners.forEach((listener) => listener()));
const stale = { jobs: new Set(), slaves: new Set(), all: false };
let reading = false;

/** Calls back whenever jobs or slaves are other ones than before. @param {() => void} listener */
export function watch(listener) {
  listeners.add(listener);
  if (listeners.size > 1) return;
  follow({
    reset: () => {
      stale.all = true;
      void refresh();
    },
    changes: (changes) => {
      changes.jobs.forEach((job) => stale.jobs.add(job));
      changes.slaves.forEach((slave) => stale.slaves.add(slave));
      void refresh();
    },
  });
}

/** Says that something was changed here, so that it shows before the master tells of it. @param {string} job */
export function touched(job) {
  stale.jobs.add(job);
  void refresh();
}

/** Slots of slaves that are there. */
export function slots() {
  let sum = 0;
  for (const slave of slaves.values()) if (slave.online) sum += slave.slots;
  return sum;
}

/** @param {Job} job */
export const isOver = (job) => ["finished", "failed", "cancelled"].includes(job.state);

/** What each job that wants slaves is due of the farm, 0 to 1: categories by the highest priority in them, then jobs by theirs. */
export function fairShares() {
  /** @type {Map<string, {highest: number, sum: number, jobs: Job[]}>} */
  const groups = new Map();
  for (const job of jobs.values()) {
    if (job.state !== "queued") continue;
    const key = job.category ? `category ${job.category}` : job.id;
    const group = groups.get(key) ?? { highest: 0, sum: 0, jobs: [] };
    group.highest = Math.max(group.highest, job.priority);
    group.sum += job.priority;
    group.jobs.push(job);
    groups.set(key, group);
  }
  let all = 0;
  for (const group of groups.values()) all += group.highest;
  const shares = new Map();
  for (const group of groups.values()) {
    for (const job of group.jobs) shares.set(job.id, (group.highest / all) * (job.priority / group.sum));
  }
  return shares;
}

/** Seconds until a job is done if it goes on as it does; null if nobody can tell. @param {Job} job @param {number} farmSlots */
export function secondsLeft(job, farmSlots) {
  const left = job.queued + job.rendering;
  if (!job.frame_seconds || !left || job.state !== "queued" || !farmSlots) return null;
  // Usage is an average that lags behind; what is being rendered counts chunks that are not begun.
  const atOnce = Math.max(1, job.usage * farmSlots, Math.min(farmSlots, job.rendering / Math.max(1, job.chunks)));
  return (job.frame_seconds * left) / Math.min(left, atOnce);
}

/** One reading at a time: what changes meanwhile is read right after. */
async function refresh() {
  if (reading) return;
  reading = true;
  try {
    while (stale.all || stale.jobs.size || stale.slaves.size) await readStale();
  } catch (error) {
    fail(error);
    stale.all = true;
    setTimeout(refresh, 2_000);
  } finally {
    reading = false;
  }
}

async function readStale() {
  const all = stale.all;
  const [someJobs, someSlaves] = [[...stale.jobs], [...stale.slaves]];
  stale.all = false;
  stale.jobs.clear();
  stale.slaves.clear();
  await Promise.all([readSome("jobs", jobs, someJobs, all), readSome("slaves", slaves, someSlaves, all)]);
  tell();
}

/** @param {string} list @param {Map<string, any>} known @param {string[]} ids @param {boolean} all */
async function readSome(list, known, ids, all) {
  if (all || ids.length > SINGLE_MAX) {
    const fresh = await read(`${list}?limit=${LIST_MAX}`);
    known.clear();
    for (const item of fresh) known.set(item.id, item);
    return;
  }
  const found = await Promise.all(ids.map((id) => readIfThere(`${list}/${id}`)));
  ids.forEach((id, place) => (found[place] ? known.set(id, found[place]) : known.delete(id)));
}
