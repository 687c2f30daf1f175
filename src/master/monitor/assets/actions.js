// What can be done with jobs and slaves. What can be taken back is done at once and offers that; what cannot is asked for.

import { ask, read } from "./api.js";
import { fail, note, open, sure } from "./dialog.js";
import { h } from "./dom.js";
import { jobs, slaves, touched } from "./farm.js";
import { counted } from "./words.js";

/**
 * Does something to each of some jobs, and says how it went.
 * @param {string[]} ids
 * @param {string} deed in the past, such as "paused"
 * @param {(id: string) => Promise<any>} act
 * @param {false|((done: string[]) => void)} [undo]
 */
async function each(ids, deed, act, undo) {
  /** @type {string[]} */ const done = [];
  /** @type {any} */ let fault = null;
  for (const id of ids) {
    try {
      await act(id);
      done.push(id);
    } catch (error) {
      fault = error;
    }
    touched(id);
  }
  if (fault) fail(fault);
  if (done.length) note(`${nameOf(done)} ${deed}`, { undo: undo ? () => undo(done) : undefined });
}

/** @param {string[]} ids */
const nameOf = (ids) => (ids.length === 1 ? `“${jobs.get(ids[0])?.name ?? ids[0]}”` : counted(ids.length, "job"));

/** @param {string[]} ids */
export function pause(ids) {
  const went = ids.filter((id) => jobs.get(id)?.state !== "paused");
  return each(ids, "paused", (id) => ask(`jobs/${id}/pause`, "POST"), went.length > 0 && ((done) => resume(both(done, went))));
}

/** @param {string[]} ids */
export function resume(ids) {
  const stood = ids.filter((id) => jobs.get(id)?.state === "paused");
  return each(ids, "goes on", (id) => ask(`jobs/${id}/resume`, "POST"), stood.length > 0 && ((done) => pause(both(done, stood))));
}

/** What is undone of some jobs: not what was so before. @param {string[]} done @param {string[]} were */
const both = (done, were) => done.filter((id) => were.includes(id));

/** @param {string[]} ids */
export async function cancel(ids) {
  if (!(await sure(`Cancel ${nameOf(ids)}?`, "Cancel the rendering", h("p", {}, "What is being rendered is stopped. Finished frames stay.")))) return;
  await each(ids, "cancelled", (id) => ask(`jobs/${id}/cancel`, "POST"));
}

/** @param {string[]} ids @returns {Promise<boolean>} whether it was done */
export async function remove(ids) {
  const keep = h("input", { type: "checkbox" });
  const text = h("p", {}, "All that the master has of it goes: frames, logs, history.");
  const kept = h("label", { class: "check" }, keep, "Keep the finished frames in a folder on the master");
  if (!(await sure(`Remove ${nameOf(ids)}?`, "Remove", text, kept))) return false;
  await each(ids, "removed", (id) => ask(`jobs/${id}?keep_results=${keep.checked}`, "DELETE"));
  return true;
}

/** @param {string[]} ids */
export const resetFailed = (ids) => each(ids, "tries its failed frames again", (id) => ask(`jobs/${id}/reset`, "POST", { which: "failed" }));

/** @param {string[]} ids */
export async function resetAll(ids) {
  if (!(await sure(`Render ${nameOf(ids)} anew?`, "Render all frames anew", h("p", {}, "Frames that are finished count for nothing then.")))) return;
  await each(ids, "begins anew", (id) => ask(`jobs/${id}/reset`, "POST", { which: "all" }));
}

/** @param {string} id @param {number[]} frames */
export const resetFrames = (id, frames) =>
  each([id], `renders ${counted(frames.length, "frame")} anew`, (job) => ask(`jobs/${job}/reset`, "POST", { which: "frames", frames: frames.join(",") }));

/** @param {string} id @param {number} frame @param {number} tile counted from 0 */
export const resetTile = (id, frame, tile) =>
  each([id], "renders a tile anew", (job) => ask(`jobs/${job}/reset`, "POST", { which: "frames", frames: String(frame), tiles: [tile] }));

/** Changes something of jobs, and can put back what was there. @param {string[]} ids @param {Record<string, any>} edit */
export function edit(ids, edit) {
  const before = new Map(ids.map((id) => [id, jobs.get(id)]));
  const back = (/** @type {string[]} */ done) =>
    each(done, "is as before", (id) => {
      const old = Object.fromEntries(Object.keys(edit).map((key) => [key, before.get(id)?.[key]]));
      return ask(`jobs/${id}`, "PATCH", old);
    });
  return each(ids, "changed", (id) => ask(`jobs/${id}`, "PATCH", edit), back);
}

/** Asks for a new priority, size of chunks, category or tags of several jobs at once. @param {string[]} ids */
export async function editMany(ids) {
  const field = (/** @type {string} */ label, /** @type {Record<string, any>} */ how) => {
    const input = h("input", how);
    return { input, row: h("label", {}, h("span", {}, label), input) };
  };
  const priority = field("Priority", { type: "number", min: 1, max: 10, placeholder: "as it is" });
  const chunks = field("Frames per chunk", { type: "number", min: 0, max: 65535, placeholder: "as it is; 0: by itself" });
  const category = field("Category", { placeholder: "as it is" });
  const tags = field("Tags", { placeholder: "as they are; none: –" });
  const rows = [priority, chunks, category, tags].map((one) => one.row);
  if (!(await open(`Change ${nameOf(ids)}`, rows, "Change"))) return;
  /** @type {Record<string, any>} */ const wanted = {};
  if (priority.input.value) wanted.priority = Number(priority.input.value);
  if (chunks.input.value) wanted.chunks = Number(chunks.input.value);
  if (category.input.value) wanted.category = category.input.value.trim();
  if (tags.input.value) wanted.tags = words(tags.input.value);
  if (Object.keys(wanted).length) await edit(ids, wanted);
}

/** Tags as people write them. @param {string} text */
export const words = (text) => text.split(/[,;\s]+/).filter((word) => word && word !== "–" && word !== "-");

/** Ends all jobs. */
export async function cancelAll() {
  if (!(await sure("Cancel all jobs?", "Cancel all", h("p", {}, "Everything that is being rendered is stopped.")))) return;
  try {
    await ask("jobs/cancel", "POST");
  } catch (error) {
    fail(error);
  }
}

/**
 * Does something to a slave.
 * @param {string} id
 * @param {"pause"|"resume"|"end"} how
 */
export async function steer(id, how) {
  const name = slaves.get(id)?.name ?? id;
  if (how === "end" && !(await sure(`Let ${name} end?`, "End it", h("p", {}, "It finishes what it renders; then its program ends.")))) return;
  const deed = { pause: "paused", resume: "goes on", end: "ends after what it renders" }[how];
  await attempt(() => ask(`slaves/${id}/${how}`, "POST"), `${name} ${deed}`, how === "end" ? undefined : () => steer(id, how === "pause" ? "resume" : "pause"));
}

/** Gives a slave other tags than it says of itself, or those again. @param {string} id */
export async function tag(id) {
  const slave = slaves.get(id);
  if (!slave) return;
  const { name, tags, own_tags: own } = slave;
  const input = h("input", { value: tags.join(", "), placeholder: "none" });
  const again = h("input", { type: "checkbox" });
  const rows = [h("label", {}, h("span", {}, "Tags"), input)];
  if (own) rows.push(h("label", { class: "check" }, again, `As it says itself: ${own.join(", ") || "none"}`));
  if (!(await open(`Tags of ${name}`, rows, "Change"))) return;
  const put = (/** @type {string[]|undefined} */ wanted) => ask(`slaves/${id}/tags`, wanted ? "PUT" : "DELETE", wanted && { tags: wanted });
  const back = () => attempt(() => put(own && tags), `${name} has the tags it had`);
  if (again.checked) await attempt(() => put(undefined), `${name} has its own tags again`, back);
  else if (input.value !== tags.join(", ")) await attempt(() => put(words(input.value)), `${name} has other tags`, back);
}

/** Lets the master forget a slave. @param {string} id */
export async function forget(id) {
  const name = slaves.get(id)?.name ?? id;
  if (!(await sure(`Forget ${name}?`, "Forget it", h("p", {}, "If it still runs, it registers again.")))) return;
  await attempt(() => ask(`slaves/${id}/forget`, "POST"), `${name} is forgotten`);
}

/** Keeps a slave away from a job, or from all. @param {string} id @param {string|null} job */
export async function ban(id, job) {
  const name = slaves.get(id)?.name ?? id;
  const reason = h("input", { placeholder: "why, if somebody asks" });
  const from = job ? `this job` : "all jobs";
  if (!(await open(`Keep ${name} away from ${from}?`, [h("label", {}, h("span", {}, "Reason"), reason)], "Keep away", true))) return;
  await attempt(() => ask(banPath(id, job), "PUT", { reason: reason.value }), `${name} gets nothing of ${from}`, () => unban(id, job));
}

/** Takes a slave off a list. @param {string} id @param {string|null} job */
export const unban = (id, job) => attempt(() => ask(banPath(id, job), "DELETE"), `${slaves.get(id)?.name ?? id} is off the list`);

/** @param {string} id @param {string|null} job */
const banPath = (id, job) => (job ? `jobs/${job}/blacklist/${id}` : `blacklist/${id}`);

/** @param {() => Promise<any>} act @param {string} text @param {() => void} [undo] */
async function attempt(act, text, undo) {
  try {
    await act();
    note(text, { undo });
  } catch (error) {
    fail(error);
  }
}

/** Chooses one of the farm's jobs. @param {string} title @returns {Promise<string|null>} */
export async function chooseJob(title) {
  const known = jobs.size ? [...jobs.values()] : await read("jobs?limit=200");
  const select = h("select", {}, ...known.map((job) => h("option", { value: job.id }, job.name)));
  return (await open(title, [h("label", {}, h("span", {}, "Job"), select)], "Choose")) ? select.value : null;
}
