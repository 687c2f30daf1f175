// One job: its frames, its pictures, and everything else about it.

import * as act from "./actions.js";
import { read, readIfThere } from "./api.js";
import { showBakes } from "./bakes.js";
import { fail } from "./dialog.js";
import { fill, h, onceAFrame, refill, write } from "./dom.js";
import { editJob } from "./edit.js";
import { jobs } from "./farm.js";
import { showFiles } from "./files.js";
import { FrameDetails } from "./frame.js";
import { FrameGrid } from "./grid.js";
import { showTimes } from "./histogram.js";
import { follow, known, reader } from "./live.js";
import { bans } from "./machines.js";
import { bar, card, chip, choice, empty, explanation, Figure, stateOfJob, time } from "./parts.js";
import { Player } from "./player.js";
import { show, subject } from "./shell.js";
import { showTies } from "./ties.js";
import { counted, duration, number, percent, pieceOf } from "./words.js";

const SLOW_MS = 1_000;

/** @type {any} */ let job = null;
let hasFiles = false;
/** @type {Map<string, string>} */ const slaveNames = new Map();

const head = h("header", { class: "subject" });
const progress = h("div", { class: "progress-large" });
const why = h("div", { class: "whys", role: "status" });
const figures = { done: new Figure("Done"), left: new Figure("Left"), frame: new Figure("A frame takes"), usage: new Figure("Usage") };
const details = new FrameDetails(subject, (slave) => slaveNames.get(slave) ?? slave, () => grid.mark(NaN));
const grid = new FrameGrid(subject, (frame) => void details.open(frame));
const player = new Player(subject, (frame) => {
  grid.mark(frame);
  void details.open(frame);
});
/** Only jobs with files have pictures. */
const pictures = card("Pictures", [h("span", { class: "gap" }), player.views], player.element);
pictures.hidden = true;
const times = h("div");
const baked = h("ol", { class: "lines" });
const bakes = card("Bakes", [], baked);
bakes.hidden = true;
const timed = card("Frame times by slave", [], times);
const files = h("div");
const ties = h("div");
/** @type {(missing: Set<string>) => void} */ let tellMissing = () => {};
const life = h("ol", { class: "life" });
const facts = h("dl", { class: "facts" });
const banned = h("div");
const legend = h("p", { class: "legend" }, ...["queued", "rendering", "delivering", "done", "failed"].map((state) => h("span", {}, h("i", { "data-part": state }), state)));
const allFrames = card("Frames", [legend, h("span", { class: "gap" }), choice("Colour by", [["state", "State"], ["time", "Time"]], "state", (colours) => grid.colour(colours))], grid.element);

const page = [
  head,
  progress,
  why,
  h("div", { class: "figures" }, ...Object.values(figures).map((figure) => figure.element)),
  h(
    "div",
    { class: "columns job" },
    h(
      "div",
      { class: "stack" },
      allFrames,
      bakes,
      pictures,
      timed,
      card("Files", [], files),
    ),
    h("div", { class: "stack" }, details.element, card("Settings", [h("span", { class: "gap" }), h("button", { changes: true, onclick: () => editJob(job) }, "Edit …")], facts), card("Dependencies", [], ties), card("History", [], life), card("Blacklist", [], banned)),
  ),
];

/** What is to be read again. */
const stale = { job: false, all: false, frames: "" };
const refresh = reader(
  () => stale.job || stale.all || stale.frames !== "",
  readStale,
  () => (stale.job = stale.all = true),
);

/** Shows what stands in the page at once, and follows what changes from there on. */
function begin() {
  const first = known();
  hasFiles = first?.has_files ?? true;
  if (first) take(first.job);
  stale.all = true;
  refresh();
  follow({
    job: subject,
    after: first?.after,
    reset: () => {
      stale.job = stale.all = true;
      refresh();
    },
    changes: (changes) => {
      stale.job = true;
      for (const { frames } of changes.frames) stale.frames += (stale.frames && ",") + frames;
      refresh();
    },
  });
}

async function readStale() {
  const { all, frames } = stale;
  const isKnown = job !== null && !stale.job;
  Object.assign(stale, { job: false, all: false, frames: "" });
  const fresh = isKnown ? job : await readIfThere(`jobs/${subject}`);
  if (!fresh) return show(card("Gone", [], empty("This job was removed.", h("a", { href: "/jobs" }, "All jobs"))));
  // A reset, or frames that came or went, changes more than what is named.
  const other = !job || job.resets !== fresh.resets || job.frames !== fresh.frames;
  take(fresh);
  if (all || other) await grid.renew();
  else if (frames) await grid.update(frames);
  if (!bakes.hidden) await showBakes(baked, subject, (bake) => void details.open(bake));
  openNamed();
  rare();
  await details.renew();
  lookAgain();
}

let waitsToLook = 0;

/** How far bakes are is no change that anybody is told of: it is read as long as some are under way. */
function lookAgain() {
  if (waitsToLook || document.hidden || job.kind !== "bake" || !job.rendering) return;
  waitsToLook = setTimeout(() => {
    waitsToLook = 0;
    stale.job = true;
    refresh();
  }, SLOW_MS);
}

let named = new URLSearchParams(location.search).get("frame");

/** Opens the frame that the page's address names, once. */
function openNamed() {
  if (named === null) return;
  grid.mark(Number(named));
  void details.open(Number(named));
  named = null;
}

/** Takes what is known of the job now. @param {any} fresh */
function take(fresh) {
  const isFirst = job === null;
  job = fresh;
  jobs.set(job.id, job);
  if (!isFirst) return draw();
  drawNow();
  show(...page);
  bakes.hidden = job.kind !== "bake";
  // They are few, and each has a name and a time of its own.
  allFrames.hidden = timed.hidden = !bakes.hidden;
  pictures.hidden = !hasFiles || !bakes.hidden;
  if (!hasFiles) fill(files, h("p", { class: "soft" }, "This job has no files."));
  void showRest().catch(fail);
}

/** What is asked for once, or for as long as files are missing. */
async function showRest() {
  if (hasFiles) tellMissing = await showFiles(subject, files);
  await renewTies();
}

let tiesOf = "";

/** What it is tied to changes with its state, and while files come. */
async function renewTies() {
  const mark = `${job.state}|${job.depends_on}`;
  if (mark === tiesOf && job.state !== "waiting") return;
  tiesOf = mark;
  tellMissing(await showTies(subject, ties));
}

const draw = onceAFrame(drawNow);

function drawNow() {
  document.title = `${job.name} · netrender`;
  drawHead();
  const parts = [job.done, job.rendering, job.failed, job.total].join();
  if (progress.dataset.mark !== parts) fill(progress, bar(job));
  progress.dataset.mark = parts;
  const mark = job.explanation.join("\n");
  if (why.dataset.mark !== mark) fill(why, ...explanation(job.explanation));
  why.dataset.mark = mark;
  const left = job.queued + job.rendering;
  const share = job.percent === undefined ? job.done / Math.max(1, job.total) : job.percent / 100;
  const [what, done] = job.kind === "bake" ? ["bake", "baked"] : [pieceOf(job), "rendered"];
  figures.done.show(percent(share), `${number(job.done)} of ${counted(job.total, what)}`);
  figures.left.show(number(left), job.failed ? `${number(job.failed)} failed` : job.rendering ? `${number(job.rendering)} being ${done}` : `none being ${done}`, job.failed ? "bad" : "");
  write(figures.frame.name, `A ${job.denoises ? "tile" : what} takes`);
  figures.frame.show(job.frame_seconds ? duration(job.frame_seconds) : "–", "median of the latest");
  figures.usage.show(percent(job.usage), "of the farm, lately");
  drawFacts();
  const marks = job.transitions.map((/** @type {any} */ step) => `${step.at_ms}${step.state}`).join();
  if (life.dataset.mark !== marks) fill(life, ...job.transitions.map((/** @type {any} */ step) => h("li", { "data-state": step.state }, chip(step.state), time(step.at_ms))));
  life.dataset.mark = marks;
}

function drawHead() {
  const mark = [job.name, stateOfJob(job), job.failed > 0, job.done > 0, job.category, job.tags].join("|");
  if (head.dataset.mark === mark) return;
  head.dataset.mark = mark;
  const ids = [job.id];
  const over = ["finished", "failed", "cancelled"].includes(job.state);
  const button = (/** @type {string} */ text, /** @type {() => any} */ deed, kind = "") => h("button", { changes: true, class: kind, onclick: deed }, text);
  const link = (/** @type {string} */ text, /** @type {string} */ path) => h("a", { class: "button", href: `/api/v1/jobs/${job.id}/${path}`, download: true }, text);
  const remove = async () => (await act.remove(ids)) && location.assign("/jobs");
  refill(
    head,
    h("p", { class: "crumbs" }, h("a", { href: "/jobs" }, "Jobs"), " / ", job.id),
    h("h1", {}, job.name || job.id, " ", chip(stateOfJob(job)), job.category && h("small", { class: "category" }, job.category), ...job.tags.map((/** @type {string} */ tag) => h("small", { class: "tag" }, tag))),
    h(
      "p",
      { class: "buttons", role: "toolbar", "aria-label": "With this job" },
      job.state === "paused" && button("Resume", () => act.resume(ids), "main"),
      !over && job.state !== "paused" && button("Pause", () => act.pause(ids)),
      job.failed > 0 && button("Retry failed", () => act.resetFailed(ids)),
      button(job.kind === "bake" ? "Bake anew …" : "Render anew …", () => act.resetAll(ids)),
      !over && button("Cancel …", () => act.cancel(ids), "bad"),
      button("Remove …", remove, "bad"),
      h("span", { class: "gap" }),
      job.done > 0 && link(job.kind === "bake" ? "All caches (zip)" : "All frames (zip)", "results.zip"),
      link("Archive (zip)", "archive.zip"),
    ),
  );
}

function drawFacts() {
  const rows = [
    ["Priority", job.priority],
    [job.kind === "bake" ? "Bakes" : "Frames", job.frames],
    ...(job.kind === "bake" ? [] : [["Tiles", job.tiles === "1x1" ? "not cut" : job.tiles]]),
    ["Chunks", job.chunks || "chosen by the master"],
    ["Category", job.category || "–"],
    ["Tags", job.tags.join(", ") || "–"],
    ["Slaves must be", job.requirements || "anything"],
    ["Blender", job.blender ?? "any"],
    ["Attempts", job.attempts || "as the farm says"],
    ["Resets", job.resets],
    ["Came", time(job.submitted_ms)],
  ];
  const mark = JSON.stringify([job.priority, job.frames, job.chunks, job.category, job.tags, job.requirements, job.attempts, job.resets]);
  if (facts.dataset.mark === mark) return;
  facts.dataset.mark = mark;
  fill(facts, ...rows.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}

let waitsForRare = 0;

/** What needs not be newer than a second: it costs more to draw. */
function rare() {
  if (waitsForRare) return;
  waitsForRare = setTimeout(async () => {
    waitsForRare = 0;
    for (const cell of grid.cells) if (cell.slaveId) slaveNames.set(cell.slaveId, cell.slave);
    if (!pictures.hidden) player.offer(grid.cells.filter((cell) => cell.state === "d").map((cell) => cell.frame), job.resets);
    showTimes(times, grid.cells);
    try {
      await renewTies();
      const list = job.blacklisted ? await read(`jobs/${subject}/blacklist`) : [];
      fill(banned, list.length ? bans(list, subject) : h("p", { class: "soft" }, "Every slave may render it."));
    } catch (error) {
      fail(error);
    }
  }, grid.cells.length && job && !player.frames.length ? 0 : SLOW_MS);
}

begin();
