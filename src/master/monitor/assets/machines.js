// Slaves in words: what state each is in, what it does, and who is kept away.

import { unban } from "./actions.js";
import { h } from "./dom.js";
import { jobs } from "./farm.js";
import { command, empty } from "./parts.js";
import { ago } from "./words.js";

/** @typedef {import("./farm.js").Slave} Slave */

/** @param {Slave} slave */
export function stateOf(slave) {
  if (!slave.online) return "offline";
  if (slave.set_aside) return "blacklisted";
  if (slave.paused) return "paused";
  if (slave.resting) return "resting";
  return slave.holding.length ? "rendering" : "idle";
}

/** What it does, in a few words. @param {Slave} slave */
export function doing(slave) {
  if (!slave.online) return `last seen ${ago(slave.last_seen_ms)}`;
  const ids = [...new Set(slave.holding.map((/** @type {any} */ task) => task.job))];
  if (ids.length) return ids.map((id) => jobs.get(id)?.name ?? id).join(", ");
  return slave.resting ?? slave.explanation[0] ?? "idle";
}

/** What a farm without slaves says. */
export const noSlaves = () =>
  empty("No slaves yet. Start one on any machine of the network, or from Blender's Network Render panel:", command("netrender slave"));

/** A blacklist as lines. @param {any[]} list @param {string|null} job */
export function bans(list, job) {
  const line = (/** @type {any} */ ban) =>
    h(
      "li",
      {},
      h("b", {}, ban.name || ban.slave),
      h("span", {}, [{ failures: "after failures", unfit: "lacks what the job takes", client: "by who sent it", administrator: "by an administrator" }[/** @type {"client"} */ (ban.cause)], ban.reason].filter(Boolean).join(": ")),
      h("small", {}, ban.until_ms ? `until ${new Date(ban.until_ms).toLocaleTimeString()}` : `since ${ago(ban.since_ms)}`),
      h("button", { changes: true, onclick: () => unban(ban.slave, job) }, "Take off"),
    );
  return h("ul", { class: "lines" }, ...list.map(line));
}
