// A flip-book of the finished frames, and a range of them side by side.

import { thumbnail } from "./api.js";
import { fill, h } from "./dom.js";
import { choice, sign } from "./parts.js";

const WIDTH_PX = 960;
const SMALL_PX = 240;
/** Pictures kept at hand, and how many are asked for ahead. */
const KEPT_MAX = 240;
const AHEAD = 12;
const SIDE_BY_SIDE_MAX = 120;

const SIGNS = {
  first: "M6 5v14M19 5v14l-9-7z",
  back: "M15 5l-7 7 7 7",
  play: "M7 4v16l12-8z",
  pause: "M8 5v14M16 5v14",
  next: "M9 5l7 7-7 7",
  last: "M18 5v14M5 5v14l9-7z",
};

export class Player {
  /** @param {string} job @param {(frame: number) => void} open */
  constructor(job, open) {
    this.job = job;
    this.open = open;
    /** @type {number[]} */ this.frames = [];
    this.version = 0;
    this.place = 0;
    this.rate = 12;
    this.playing = 0;
    /** @type {Map<number, HTMLImageElement>} */ this.kept = new Map();
    this.screen = h("canvas", { class: "screen", role: "img", "aria-label": "Finished frames", width: 16, height: 9 });
    this.scrub = h("input", { type: "range", min: 0, max: 0, value: 0, "aria-label": "Frame", oninput: () => this.show(Number(this.scrub.value)) });
    this.label = h("button", { class: "quiet frame-number", title: "Open this frame", onclick: () => this.frames.length && this.open(this.frames[this.place]) }, "–");
    const button = (/** @type {keyof typeof SIGNS} */ name, /** @type {string} */ label, /** @type {() => void} */ deed) => h("button", { onclick: deed, "aria-label": label, title: label }, sign(SIGNS[name]));
    this.play = button("play", "Play", () => (this.playing ? this.stop() : this.start()));
    const rates = h("select", { "aria-label": "Frames a second", onchange: () => (this.rate = Number(rates.value)) }, ...[6, 12, 24, 30].map((rate) => h("option", { value: rate }, `${rate} fps`)));
    rates.value = String(this.rate);
    const controls = [
      button("first", "First frame", () => this.jump(0)),
      button("back", "Previous frame", () => this.jump(this.place - 1)),
      this.play,
      button("next", "Next frame", () => this.jump(this.place + 1)),
      button("last", "Last frame", () => this.jump(this.frames.length - 1)),
    ];
    this.book = h("div", { class: "book" }, this.screen, h("div", { class: "controls" }, ...controls, this.scrub, this.label, rates));
    this.from = h("input", { type: "number", "aria-label": "From frame", onchange: () => this.lay() });
    this.to = h("input", { type: "number", "aria-label": "To frame", onchange: () => this.lay() });
    this.sheet = h("div", { class: "sheet" });
    this.side = h("div", { hidden: true }, h("p", { class: "range" }, "Frames ", this.from, " to ", this.to), this.sheet);
    this.views = choice("View", [["book", "Flip-book"], ["side", "Side by side"]], "book", (view) => this.view(view));
    this.none = h("p", { class: "soft" }, "No frame is finished yet.");
    this.element = h("div", { class: "player" }, this.none, this.book, this.side);
    this.book.hidden = true;
  }

  /** Frames that have pictures now. @param {number[]} frames @param {number} version tells that pictures may be other ones */
  offer(frames, version) {
    if (version !== this.version) this.kept.clear();
    this.version = version;
    const shown = this.frames[this.place];
    const follows = this.place >= this.frames.length - 1;
    this.frames = frames;
    this.scrub.max = String(Math.max(0, frames.length - 1));
    this.none.hidden = frames.length > 0;
    this.book.hidden = frames.length === 0 || this.is === "side";
    if (!frames.length || this.playing) return;
    // Who looks at the latest frame goes on to do so.
    this.show(follows ? frames.length - 1 : Math.max(0, frames.indexOf(shown)));
    if (this.is === "side") this.lay();
  }

  /** @param {"book"|"side"} view */
  view(view) {
    this.is = view;
    this.stop();
    this.book.hidden = view === "side" || !this.frames.length;
    this.side.hidden = view !== "side";
    if (view === "side") this.lay();
  }

  start() {
    if (this.frames.length < 2) return;
    if (this.place >= this.frames.length - 1) this.place = -1;
    fill(this.play, sign(SIGNS.pause));
    let due = performance.now();
    const step = (/** @type {number} */ now) => {
      if (!this.playing) return;
      const next = (this.place + 1) % this.frames.length;
      this.load(next);
      // A picture that has not come yet is waited for, rather than skipped.
      if (now >= due && this.kept.get(this.frames[next])?.complete) {
        this.show(next);
        due = Math.max(now, due + 1000 / this.rate);
      }
      this.playing = requestAnimationFrame(step);
    };
    this.playing = requestAnimationFrame(step);
  }

  stop() {
    cancelAnimationFrame(this.playing);
    this.playing = 0;
    fill(this.play, sign(SIGNS.play));
  }

  /** @param {number} place */
  jump(place) {
    this.stop();
    this.show(Math.min(this.frames.length - 1, Math.max(0, place)));
  }

  /** @param {number} place */
  show(place) {
    this.place = place;
    this.scrub.value = String(place);
    const frame = this.frames[place];
    this.label.textContent = `frame ${frame}`;
    const picture = this.load(place);
    if (!picture) return;
    const draw = () => {
      if (this.frames[this.place] !== frame || !picture.naturalWidth) return;
      if (this.screen.width !== picture.naturalWidth || this.screen.height !== picture.naturalHeight) {
        this.screen.width = picture.naturalWidth;
        this.screen.height = picture.naturalHeight;
      }
      this.screen.getContext("2d").drawImage(picture, 0, 0);
      this.screen.setAttribute("aria-label", `Frame ${frame}`);
    };
    if (picture.complete) draw();
    else picture.addEventListener("load", draw, { once: true });
  }

  /** A picture and those that follow it. @param {number} place */
  load(place) {
    const ahead = this.playing ? AHEAD : 1;
    for (let next = place; next < Math.min(place + ahead, this.frames.length); next += 1) {
      const frame = this.frames[next];
      if (this.kept.has(frame)) continue;
      const picture = new Image();
      picture.src = thumbnail(this.job, frame, this.version, WIDTH_PX);
      this.kept.set(frame, picture);
    }
    const wanted = this.frames[place];
    for (const frame of this.kept.keys()) {
      if (this.kept.size <= KEPT_MAX) break;
      if (frame !== wanted) this.kept.delete(frame);
    }
    return this.kept.get(wanted);
  }

  /** Lays the pictures of the range out. */
  lay() {
    const [first, last] = [this.frames[0] ?? 0, this.frames.at(-1) ?? 0];
    const from = this.from.value === "" ? first : Number(this.from.value);
    const to = this.to.value === "" ? last : Number(this.to.value);
    this.from.placeholder = String(first);
    this.to.placeholder = String(last);
    const range = this.frames.filter((frame) => frame >= from && frame <= to).slice(0, SIDE_BY_SIDE_MAX);
    const mark = `${range}|${this.version}`;
    if (this.sheet.dataset.mark === mark) return;
    this.sheet.dataset.mark = mark;
    fill(this.sheet, ...range.map((frame) => this.print(frame)));
  }

  /** @param {number} frame */
  print(frame) {
    const picture = h("img", { src: thumbnail(this.job, frame, this.version, SMALL_PX), alt: "", loading: "lazy" });
    return h("button", { class: "print", onclick: () => this.open(frame), "aria-label": `Open frame ${frame}` }, picture, h("small", {}, frame));
  }
}
