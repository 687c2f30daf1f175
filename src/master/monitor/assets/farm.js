// What the page knows of the farm: read once, then only what changed.

import { read } from "./api.js";
import { onceAFrame } from "./dom.js";
import { follow, known, reader } from "./live.js";

/** @typedef {Record<string, any> & {id: string, name: string, state: string, total: number, queued: number, rendering: number,
 *   done: number, failed: number, usage: number, priority: number, category: string, submitted_ms: number}} Job */
/** @typedef {Record<string, any> & {id: string, name: string, online: boolean, slots: number}} Slave */

/** More changes than that at once, and the whole list is asked for instead. */
const NAMED_MAX = 200;
/** Usage and reasons change without an event: all that goes on is read so often, while something happens. */
const GOING_ON_MS = 10_000;
/** What slaves do is told by what becomes of frames; of a large farm it is looked at less often. */
const SLAVES_MS = 1_000;
const MANY_SLAVES_MS = 5_000;
/** What the master tells of a list at once, and how much of one is shown. */
const PAGE = 1_000;
const LIST_MAX = 20_000;

/** @type {Map<string, Job>} */
export const jobs = new Map();
/** @type {Map<string, Slave>} */
export const slaves = new Map();

/** @type {Record<"farm"|"rules"|"settings", Set<() => void>>} */
const listeners = { farm: new Set(), rules: new Set(), settings: new Set() };
const tell = onceAFrame(() => call("farm"));
const stale = { jobs: new Set(), slaves: new Set(), all: false };
let readLast_ms = performance.now();
const refresh = reader(
  () => stale.all || stale.jobs.size > 0 || stale.slaves.size > 0,
  readStale,
  () => (stale.all = true),
);

/** Calls back as soon as the farm is known, and whenever jobs or slaves are other ones than before. @param {() => void} listener */
export function watch(listener) {
  watchFor("farm", listener);
  // Not before the page's script has been read to its end.
  if (isKnown) queueMicrotask(listener);
}

/** Calls back whenever the rules or the settings are other ones than before. @param {"farm"|"rules"|"settings"} what @param {() => void} listener */
export function watchFor(what, listener) {
  listeners[what].add(listener);
  start();
}

let isKnown = false;
let isStarted = false;

/** Begins with what stands in the page, and follows what changes from there on. */
function start() {
  if (isStarted) return;
  isStarted = true;
  const first = known();
  isKnown = first !== null;
  for (const job of first?.jobs ?? []) jobs.set(job.id, job);
  for (const slave of first?.slaves ?? []) slaves.set(slave.id, slave);
  // The page holds the first of them: it shows those at once, and the others a moment later.
  if (jobs.size >= PAGE || slaves.size >= PAGE) queueMicrotask(readAll);
  follow({
    after: first?.after,
    reset: () => {
      readAll();
      call("rules");
      call("settings");
    },
    changes: (changes) => {
      changes.jobs.forEach((job) => stale.jobs.add(job));
      changes.slaves.forEach((slave) => stale.slaves.add(slave));
      refresh();
      if (changes.frames.length) lookAtSlaves();
      if (changes.rules) call("rules");
      if (changes.settings) call("settings");
    },
  });
}

/** @param {"farm"|"rules"|"settings"} what */
const call = (what) => listeners[what].forEach((listener) => listener());

/** Says that something was changed here, so that it shows before the master tells of it. @param {string} job */
export function touched(job) {
  stale.jobs.add(job);
  refresh();
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

let looksAtSlaves = 0;

/** Reads, a moment later, the slaves that are there. */
function lookAtSlaves() {
  looksAtSlaves ||= setTimeout(() => {
    looksAtSlaves = 0;
    for (const slave of slaves.values()) if (slave.online) stale.slaves.add(slave.id);
    refresh();
  }, slaves.size > NAMED_MAX ? MANY_SLAVES_MS : SLAVES_MS);
}

function readAll() {
  stale.all = true;
  refresh();
}

async function readStale() {
  const { all } = stale;
  if (all || performance.now() - readLast_ms > GOING_ON_MS) {
    for (const job of jobs.values()) if (!isOver(job)) stale.jobs.add(job.id);
    for (const slave of slaves.values()) if (slave.online) stale.slaves.add(slave.id);
    readLast_ms = performance.now();
  }
  const [someJobs, someSlaves] = [[...stale.jobs], [...stale.slaves]];
  stale.all = false;
  stale.jobs.clear();
  stale.slaves.clear();
  await Promise.all([readSome("jobs", jobs, someJobs, all), readSome("slaves", slaves, someSlaves, all)]);
  isKnown = true;
  tell();
}

/** @param {string} list @param {Map<string, any>} known @param {string[]} ids @param {boolean} all */
async function readSome(list, known, ids, all) {
  if (!all && !ids.length) return;
  const isWhole = all || ids.length > NAMED_MAX;
  const fresh = isWhole ? await readPages(list) : await read(`${list}?ids=${ids}`);
  if (isWhole) known.clear();
  for (const id of ids) known.delete(id);
  for (const item of fresh) known.set(item.id, item);
}

/** @param {string} list @returns {Promise<any[]>} */
async function readPages(list) {
  const found = [];
  while (found.length < LIST_MAX) {
    const page = await read(`${list}?offset=${found.length}&limit=${PAGE}`);
    found.push(...page);
    if (page.length < PAGE) break;
  }
  return found;
}
