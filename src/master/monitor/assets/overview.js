// The first page: how the farm does, at a glance.

import { read } from "./api.js";
import { UsageChart } from "./chart.js";
import { fill, h } from "./dom.js";
import { isOver, jobs, slaves, slots, watch } from "./farm.js";
import { COLUMNS, aboutOf, noJobs, ordered, weigh, wordsOf } from "./columns.js";
import { Figure, card } from "./parts.js";
import { show } from "./shell.js";
import { doing, noSlaves, stateOf } from "./machines.js";
import { Table } from "./table.js";
import { clock, counted, number, percent, size } from "./words.js";
import { offerNotices, tellEnds, tellUnseen } from "./notify.js";

const JOBS_SHOWN = 12;
const DISK_LOOK_MS = 30_000;
const DISK_LOW_BYTES = 5 * 2 ** 30;

const figures = {
  frames: new Figure("Frames to render", "/jobs"),
  jobs: new Figure("Jobs", "/jobs"),
  slaves: new Figure("Slaves", "/slaves"),
  usage: new Figure("Farm in use"),
};
const alerts = h("ul", { class: "alerts", "aria-label": "What needs a look" });
const table = new Table({
  label: "Latest jobs",
  columns: [COLUMNS.name, COLUMNS.state, COLUMNS.progress, COLUMNS.left, COLUMNS.usage, COLUMNS.came],
  words: wordsOf,
  state: (job) => job.state,
  about: aboutOf,
});
const none = noJobs();
const machines = h("ul", { class: "machines" });
const chart = new UsageChart();

const page = [
  h("div", { class: "figures" }, ...Object.values(figures).map((figure) => figure.element)),
  alerts,
  card("Usage", [h("small", { class: "soft" }, "slots by job"), h("span", { class: "gap" }), chart.spans], chart.element),
  h(
    "div",
    { class: "columns" },
    card("Jobs", [h("span", { class: "gap" }), offerNotices(), h("a", { href: "/jobs" }, "All jobs")], none, table.element),
    card("Slaves", [h("span", { class: "gap" }), h("a", { href: "/slaves" }, "All slaves")], machines),
  ),
];

let isShown = false;
tellUnseen();
watch(() => {
  draw();
  tellEnds();
  if (!isShown) show(h("h1", { class: "unseen" }, "Overview"), ...page);
  isShown = true;
});

let isDiskFull = false;
void lookAtDisk();
setInterval(() => document.hidden || lookAtDisk(), DISK_LOOK_MS);

/** No event tells of it. */
async function lookAtDisk() {
  const hello = await read("hello").catch(() => null);
  const was = isDiskFull;
  isDiskFull = hello?.disk_full ?? was;
  if (was !== isDiskFull) draw();
}

function draw() {
  weigh();
  const all = ordered(jobs.values());
  const active = all.filter((job) => !isOver(job));
  const here = [...slaves.values()].filter((slave) => slave.online);
  const busy = here.filter((slave) => slave.holding.length > 0);
  const queued = active.reduce((sum, job) => sum + job.queued, 0);
  const rendering = active.reduce((sum, job) => sum + job.rendering, 0);
  const inUse = here.reduce((sum, slave) => sum + Math.min(slave.slots, slave.holding.length), 0);
  figures.frames.show(number(queued + rendering), rendering ? `${number(rendering)} being rendered` : "none being rendered");
  figures.jobs.show(number(active.length), `${counted(all.length - active.length, "job")} over`);
  figures.slaves.show(number(here.length), here.length ? `${busy.length} busy, ${here.length - busy.length} idle` : "none is there");
  figures.usage.show(slots() ? percent(inUse / slots()) : "–", `${number(inUse)} of ${counted(slots(), "slot")}`);
  none.hidden = all.length > 0;
  table.element.hidden = all.length === 0;
  table.show(all.slice(0, JOBS_SHOWN));
  drawAlerts(all, [...slaves.values()]);
  drawMachines([...slaves.values()]);
}

/** @param {any[]} all @param {any[]} known */
function drawAlerts(all, known) {
  const failed = all.filter((job) => job.failed > 0 && job.state !== "cancelled");
  const lost = known.filter((slave) => slave.lost);
  const aside = known.filter((slave) => slave.set_aside);
  const full = known.filter((slave) => slave.online && slave.machine.disk_free_bytes > 0 && slave.machine.disk_free_bytes < DISK_LOW_BYTES);
  const resting = known.filter((slave) => slave.online && slave.resting);
  const lines = [
    ...(isDiskFull ? [alert("bad", "/settings", "The master's disk is full: nothing is taken in or handed out")] : []),
    ...failed.slice(0, 4).map((job) => alert("bad", `/jobs/${job.id}`, `${job.name}: ${counted(job.failed, "frame")} failed`)),
    ...lost.map((slave) => alert("bad", "/slaves", `${slave.name} was lost: nothing has been heard of it since ${clock(slave.last_seen_ms)}`)),
    ...aside.map((slave) => alert("bad", "/slaves", `${slave.name} gets nothing: it is on the farm's blacklist`)),
    ...full.map((slave) => alert("warn", "/slaves", `${slave.name} has ${size(slave.machine.disk_free_bytes)} left on its disk`)),
    ...resting.map((slave) => alert("warn", "/slaves", `${slave.name} takes no work: ${slave.resting}`)),
  ];
  const mark = lines.map((line) => line.textContent).join("\n");
  if (alerts.dataset.mark === mark) return;
  alerts.dataset.mark = mark;
  alerts.hidden = lines.length === 0;
  fill(alerts, ...lines);
}

/** @param {string} kind @param {string} href @param {string} text */
const alert = (kind, href, text) => h("li", { class: kind }, h("a", { href }, text));

/** @param {any[]} known */
function drawMachines(known) {
  known.sort((a, b) => Number(b.online) - Number(a.online) || a.name.localeCompare(b.name, undefined, { numeric: true }));
  const mark = known.map((slave) => [slave.name, stateOf(slave), doing(slave), Math.round(slave.machine.load * 20)]).join("\n");
  if (machines.dataset.mark === mark) return;
  machines.dataset.mark = mark;
  if (!known.length) return fill(machines, noSlaves());
  fill(machines, ...known.slice(0, 60).map(machine));
}

/** @param {any} slave */
function machine(slave) {
  const load = slave.online ? slave.machine.load : 0;
  return h(
    "li",
    { "data-state": stateOf(slave), title: doing(slave) },
    h("b", {}, slave.name),
    h("span", { class: "load", role: "img", "aria-label": `load ${percent(load)}` }, h("i", { style: { width: `${load * 100}%` } })),
    h("small", {}, doing(slave)),
  );
}
