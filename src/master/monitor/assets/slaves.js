// The slaves: how each does, what it renders, and what can be done with it.

import * as act from "./actions.js";
import { read, thumbnail } from "./api.js";
import { fill, h, refill } from "./dom.js";
import { fail } from "./dialog.js";
import { jobs, slaves, watch } from "./farm.js";
import { bans, doing, noSlaves, stateOf } from "./machines.js";
import { card, chip, choice } from "./parts.js";
import { show } from "./shell.js";
import { counted, frameName, percent, size } from "./words.js";

/** @typedef {import("./farm.js").Slave} Slave */

const PICTURE_PX = 240;

let bannedMark = "";
/** @type {"all"|"here"|"away"} */ let which = "all";
let text = "";
const list = h("ul", { class: "slaves" });
const count = h("small", { class: "soft" });
/** @type {Map<string, {mark: string, element: any}>} */ const drawn = new Map();
const draw = () => {
  const all = [...slaves.values()].sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }));
  const fits = (/** @type {Slave} */ slave) =>
    (which === "all" || slave.online === (which === "here")) && [slave.name, slave.address, stateOf(slave), ...slave.tags].join(" ").toLowerCase().includes(text);
  const rows = all.filter(fits);
  count.textContent = counted(rows.length, "slave");
  if (!all.length) return fill(list, noSlaves());
  refill(list, ...rows.map((slave) => cached(drawn, slave)));
};
const search = h("input", { type: "search", class: "filter", placeholder: "Filter by name, tag, state", "aria-label": "Filter by name, tag, state" });
search.addEventListener("input", () => {
  text = search.value.toLowerCase();
  draw();
});
const filters = choice("Which", [["all", "All"], ["here", "There"], ["away", "Away"]], which, (choice) => {
  which = choice;
  draw();
});
const banned = h("div");
const page = [card("Slaves", [count, h("span", { class: "gap" }), search, filters], list), banned];
let isShown = false;
watch(() => {
  draw();
  void drawBanned(banned);
  if (!isShown) show(...page);
  isShown = true;
});

/** @param {Map<string, {mark: string, element: any}>} drawn @param {Slave} slave */
function cached(drawn, slave) {
  const mark = JSON.stringify([slave, doing(slave)]);
  let known = drawn.get(slave.id);
  if (known?.mark !== mark) {
    known = { mark, element: tile(slave) };
    drawn.set(slave.id, known);
  }
  return known.element;
}

/** @param {Slave} slave */
function tile(slave) {
  const { machine } = slave;
  const memory = machine.memory_bytes ? machine.memory_used_bytes / machine.memory_bytes : 0;
  const facts = [
    slave.address,
    machine.os,
    counted(machine.cores, "core"),
    ...(machine.gpus ?? []),
    slave.blenders.length ? `Blender ${slave.blenders.map((/** @type {any} */ one) => one.version).join(", ")}` : "no Blender",
    machine.disk_free_bytes ? `${size(machine.disk_free_bytes)} free` : "",
  ];
  return h(
    "li",
    { class: "slave", "data-state": stateOf(slave) },
    h("header", {}, h("h3", {}, slave.name), chip(stateOf(slave)), ...slave.tags.map((/** @type {string} */ tag) => h("small", { class: "tag" }, tag))),
    work(slave),
    gauge("Load", slave.online ? machine.load : 0),
    gauge("Memory", slave.online ? memory : 0, machine.memory_bytes ? size(machine.memory_bytes) : ""),
    h("p", { class: "facts" }, facts.filter(Boolean).join(" · ")),
    h(
      "p",
      { class: "facts" },
      [`${counted(slave.done, "frame")} done`, pace(slave), counted(slave.slots, "slot")].filter(Boolean).join(" · "),
      slave.failed > 0 && [" · ", h("span", { class: "bad" }, counted(slave.failed, "failed", "failed"))],
    ),
    h("footer", {}, ...buttons(slave)),
  );
}

/** What it renders, beside the last picture that it brought; or why nothing. @param {Slave} slave */
function work(slave) {
  const { current } = slave;
  const job = current && jobs.get(current.job);
  const link = job && h("p", {}, h("a", { href: `/jobs/${job.id}?frame=${current.frame}` }, job.name), ` · ${frameName(current)}`);
  const told = slave.explanation.length ? slave.explanation : [doing(slave)];
  // The link says that already.
  const lines = link ? told.filter((/** @type {string} */ line) => !/^(renders|delivers) 1 frame of /.test(line)) : told;
  return h("div", { class: "work" }, latest(slave), h("div", {}, link, ...lines.slice(0, 3).map((/** @type {string} */ line) => h("p", {}, line)), !slave.online && h("p", {}, doing(slave))));
}

/** The last picture that it brought, which leads to its frame. @param {Slave} slave */
function latest({ latest: last }) {
  if (!last) return null;
  const address = thumbnail(last.job, last.frame, last.attempt, PICTURE_PX, last.tile);
  const name = `${jobs.get(last.job)?.name ?? last.job}, ${frameName(last)}`;
  return h("a", { class: "latest", href: `/jobs/${last.job}?frame=${last.frame}`, title: name }, h("img", { src: address, alt: `Latest picture: ${name}`, loading: "lazy" }));
}

/** How fast it is, if that differs from others. @param {Slave} slave */
function pace({ done, speed }) {
  if (!done || (speed > 0.95 && speed < 1.05)) return "";
  return speed > 1 ? `${speed.toFixed(1)} × as fast as others` : `takes ${(1 / speed).toFixed(1)} × as long as others`;
}

/** @param {string} name @param {number} ratio @param {string} [of] */
function gauge(name, ratio, of = "") {
  return h("div", { class: "gauge" }, h("span", {}, name), h("span", { class: "load" }, h("i", { style: { width: `${ratio * 100}%` }, "data-high": ratio > 0.9 })), h("small", {}, percent(ratio), of && ` of ${of}`));
}

/** @param {Slave} slave */
function buttons(slave) {
  const button = (/** @type {string} */ text, /** @type {() => any} */ deed, kind = "") => h("button", { changes: true, class: kind, onclick: deed, "aria-label": `${text} ${slave.name}` }, text);
  if (!slave.online) return [button("Forget", () => act.forget(slave.id), "bad")];
  const keep = async () => {
    const job = await act.chooseJob(`Keep ${slave.name} away from which job?`);
    if (job) await act.ban(slave.id, job);
  };
  return [
    slave.paused ? button("Resume", () => act.steer(slave.id, "resume")) : button("Pause", () => act.steer(slave.id, "pause")),
    button("Tags …", () => act.tag(slave.id)),
    button("Drain", () => act.steer(slave.id, "end")),
    button("Not for …", keep),
    slave.set_aside ? button("Allow", () => act.unban(slave.id, null)) : button("Set aside", () => act.ban(slave.id, null), "bad"),
  ];
}

/** The farm's blacklist. @param {Element} place */
async function drawBanned(place) {
  try {
    const list = await read("blacklist");
    const mark = JSON.stringify(list);
    if (mark === bannedMark) return;
    bannedMark = mark;
    fill(place, list.length > 0 && card("Blacklist of the farm", [], bans(list, null)));
  } catch (error) {
    fail(error);
  }
}
