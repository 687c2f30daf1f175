// What an administrator sets for the whole farm.

import { ask, read } from "./api.js";
import { fail, note, sure } from "./dialog.js";
import { fill, h, mayChange } from "./dom.js";
import { watchFor } from "./farm.js";
import { known as inPage } from "./live.js";
import { card } from "./parts.js";
import { offerNotices } from "./notify.js";
import { show } from "./shell.js";
import { Webhooks } from "./webhooks.js";

/** Groups of settings: key, name, unit. @type {[string, [string, string, string][]][]} */
const GROUPS = [
  ["Frames", [
    ["attempts", "Failed attempts after which a frame is given up", "attempts"],
    ["frame_s", "A frame may take (0: learnt from the job's own)", "seconds"],
    ["stall_s", "Without news a frame fails after (0: learnt)", "seconds"],
    ["straggler_s", "Last frames are tried on idle slaves too after (0: never)", "seconds"],
    ["hopeless_after", "A job is paused when so many frames failed and none was done (0: never)", "frames"],
  ]],
  ["Slaves", [
    ["silence_s", "A slave is taken for gone after", "seconds"],
    ["blacklist_after", "Failed in a row, it gets nothing more of the job after (0: never)", "frames"],
    ["blacklist_s", "… for (0: until somebody takes it off)", "seconds"],
    ["set_aside_after", "Failed in a row, it gets nothing of any job after (0: never)", "frames"],
    ["set_aside_s", "… for (0: until somebody takes it off)", "seconds"],
  ]],
  ["Retention", [
    ["keep_days", "Jobs that are over are kept (0: until somebody removes them)", "days"],
    ["keep_jobs", "How many of them are kept (0: all)", "jobs"],
    ["disk_free_mib", "Of the master's disk stay free", "MiB"],
  ]],
];

const first = inPage();
/** @type {any} */ let known = first?.settings ?? null;
const forms = h("div", { class: "columns settings" });
const about = h("dl", { class: "facts" });
// Addresses are secrets: who may not change them is told of none.
const webhooks = mayChange ? new Webhooks(first?.webhooks ?? []) : null;

void start();
watchFor("settings", () => void look());

/** Shows what another browser has set meanwhile, unless somebody is about to change it here. */
async function look() {
  void webhooks?.renew();
  const fresh = await read("settings").catch(() => known);
  if (!known || JSON.stringify(fresh) === JSON.stringify(known) || forms.contains(document.activeElement)) return;
  known = fresh;
  draw();
}

async function start() {
  try {
    const hello = await read("hello");
    known ??= await read("settings");
    fill(about, ...facts(hello));
    draw();
    const notices = card("This browser", [], h("p", {}, "A notice of this machine when a job ends, while the overview is open in some tab."), h("p", { class: "buttons" }, offerNotices("") || "This browser knows no notices."));
    const others = h("div", { class: "columns settings" }, card("This master", [], about, links()), access(hello), notices);
    show(h("h1", { class: "unseen" }, "Settings"), forms, webhooks?.element, others);
  } catch (error) {
    fail(error);
  }
}

/** @param {any} hello */
function facts(hello) {
  const rows = [["Name", hello.name], ["Version", hello.version], ["Interface", hello.api], ["Farm", hello.farm], ["Access", hello.access === "open" ? "open: everybody who reaches it" : "with the farm's key"]];
  return rows.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value ?? "–")]);
}

const links = () => h("p", { class: "buttons" }, h("a", { class: "button", href: "/api" }, "The interface"), h("a", { class: "button", href: "/metrics" }, "Metrics"));

/** @param {any} hello */
function access(hello) {
  if (hello.access === "open") return card("Access", [], h("p", {}, "This master asks nobody for a key. Start it without ", h("code", {}, "--access open"), " to change that."));
  return card(
    "Access",
    [],
    h("p", {}, "Whoever has the farm's own key may do everything; ", h("code", {}, "netrender key hand-over"), " on the machine of the master shows the line that lets others in. With ", h("code", {}, "--role submit"), " it gives a key to send jobs, with ", h("code", {}, "--role render"), " one for slaves."),
    h("p", { class: "buttons" }, h("form", { method: "post", action: "/logout" }, h("button", {}, "Forget the key here")), h("button", { changes: true, class: "bad", onclick: renewKey }, "Replace the key …")),
  );
}

async function renewKey() {
  const text = h("p", {}, "The new key lies in the key file of the master's user. The old one opens nothing any more: slaves, clients and this browser need the new one.");
  if (!(await sure("Replace the farm's key?", "Replace it", text))) return;
  try {
    await ask("key/renew", "POST");
    location.assign("/login");
  } catch (error) {
    fail(error);
  }
}

function draw() {
  const [frames, slaves, retention] = GROUPS.map(([title, fields]) => card(title, [], ...fields.map(field)));
  fill(forms, frames, slaves, h("div", { class: "stack" }, retention, card("Files", [], upload())));
}

/** @param {[string, string, string]} field */
function field([key, label, unit]) {
  const input = h("input", { changes: true, type: "number", min: 0, value: known[key], onchange: () => change({ [key]: Number(input.value) }) });
  return h("label", { class: "setting" }, h("span", {}, label), h("span", { class: "limit" }, input, unit));
}

function upload() {
  const box = h("input", { changes: true, type: "checkbox", role: "switch", checked: known.force_upload, onchange: () => change({ force_upload: box.checked }) });
  return h("label", { class: "setting" }, h("span", {}, "Clients upload every file, even one that the master could read from a shared disk"), box);
}

/** @param {Record<string, any>} edit */
async function change(edit) {
  const before = Object.fromEntries(Object.keys(edit).map((key) => [key, known[key]]));
  try {
    known = await (await ask("settings", "PUT", edit)).json();
    note("The setting holds from now on", { undo: () => change(before) });
  } catch (error) {
    fail(error);
  }
  draw();
}
