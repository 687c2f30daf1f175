// One frame: its picture, who rendered it, its attempts with their logs, and what can be done with it.

import { ban, resetFrames } from "./actions.js";
import { readIfThere, thumbnail } from "./api.js";
import { enlarge, fail } from "./dialog.js";
import { fill, h } from "./dom.js";
import { LogView } from "./log.js";
import { chip } from "./parts.js";
import { showTiles } from "./tiles.js";
import { duration, size } from "./words.js";

const SMALL_PX = 480;
const LARGE_PX = 1_920;

export class FrameDetails {
  /** @param {string} job @param {(slave: string) => string} slaveName @param {() => void} closed */
  constructor(job, slaveName, closed) {
    this.job = job;
    this.slaveName = slaveName;
    this.closed = closed;
    this.element = h("aside", { class: "card details", "aria-label": "Frame", tabindex: -1, hidden: true });
    this.element.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => event.key === "Escape" && this.close());
    /** @type {number|null} */ this.frame = null;
    this.mosaic = h("div", { class: "mosaic" });
  }

  /** @param {number} frame */
  async open(frame) {
    this.frame = frame;
    this.attempt = undefined;
    this.log?.close();
    this.log = undefined;
    this.mark = "";
    this.element.hidden = false;
    await this.renew();
    this.element.focus({ preventScroll: true });
    this.element.scrollIntoView({ block: "nearest", behavior: "smooth" });
  }

  close() {
    this.log?.close();
    this.log = undefined;
    this.frame = null;
    this.element.hidden = true;
    this.closed();
  }

  /** Reads the frame again, if one is open. */
  async renew() {
    if (this.frame === null) return;
    try {
      const info = await readIfThere(`jobs/${this.job}/frames/${this.frame}`);
      if (!info) return this.close();
      if (info.frame === this.frame) this.draw(info);
    } catch (error) {
      fail(error);
    }
  }

  /** @param {any} info */
  draw(info) {
    const mark = JSON.stringify(info);
    if (mark === this.mark) return;
    this.mark = mark;
    this.info = info;
    this.attempt = Math.min(this.attempt ?? info.attempt, info.attempt) || info.attempt;
    const facts = [
      ["State", chip(info.state)],
      ["Slave", info.slave ? this.slaveName(info.slave) : "–"],
      ["Time", info.seconds === undefined ? "–" : duration(info.seconds)],
      ["Attempts", info.attempt],
      ["Size", info.size_bytes === undefined ? "–" : size(info.size_bytes)],
    ];
    this.logPlace = h("div");
    if (info.tiles) {
      facts[3] = ["Tiles", `${info.tiles.done} done of ${info.tiles.grid}`];
      void showTiles(this.mosaic, this.job, info, (tile) => this.openTile(tile)).catch(fail);
    }
    fill(
      this.element,
      h("header", {}, h("h2", {}, info.bake ? `Bake ${info.frame}: ${info.bake}` : `Frame ${info.frame}`), h("span", { class: "gap" }), h("button", { class: "quiet", "aria-label": "Close the frame", onclick: () => this.close() }, "×")),
      info.tiles ? this.mosaic : info.hash && !info.bake && this.picture(info),
      h("dl", { class: "facts" }, ...facts.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
      info.failure && h("p", { class: "error" }, info.failure),
      h("p", { class: "buttons" }, ...this.buttons(info)),
      info.attempt > 0 && !info.tiles && this.attempts(info),
      this.logPlace,
    );
    if (!info.tiles) this.showLog();
    else if (this.log) fill(this.logPlace, this.log.element);
  }

  /** Shows the log of a tile's latest attempt. @param {any} tile */
  openTile(tile) {
    this.log?.close();
    const { frame } = this;
    const number = Number.parseInt(tile.tile, 10);
    const grows = () => this.frame === frame && ["rendering", "delivering"].includes(tile.state);
    this.log = tile.attempt ? new LogView(this.job, /** @type {number} */ (frame), tile.attempt, grows, number) : undefined;
    fill(this.logPlace, h("p", { class: "soft" }, `Tile ${tile.tile}: ${tile.state}`, tile.slave && ` on ${this.slaveName(tile.slave)}`), this.log?.element);
  }

  /** @param {any} info */
  picture(info) {
    const image = h("img", { src: thumbnail(this.job, info.frame, info.attempt, SMALL_PX), alt: "" });
    const [large, name] = [thumbnail(this.job, info.frame, info.attempt, LARGE_PX), `Frame ${info.frame}`];
    return h("button", { class: "picture", "aria-label": `${name}, larger`, onclick: () => enlarge(large, name) }, image);
  }

  /** @param {any} info */
  buttons(info) {
    const path = `/api/v1/jobs/${this.job}/frames/${info.frame}`;
    return [
      info.hash && !info.tiles && !info.bake && h("a", { class: "button", href: `${path}/result`, download: `${String(info.frame).padStart(6, "0")}.exr` }, "EXR"),
      h("button", { onclick: () => resetFrames(this.job, [info.frame]) }, info.bake ? "Bake anew" : "Render anew"),
      info.slave && h("button", { onclick: () => ban(info.slave, this.job) }, "Not on this slave …"),
    ];
  }

  /** @param {any} info */
  attempts(info) {
    const from = Math.max(1, info.attempt - 9);
    const numbers = Array.from({ length: info.attempt - from + 1 }, (_, place) => from + place);
    const select = (/** @type {number} */ attempt) => {
      this.attempt = attempt;
      buttons.forEach((button, place) => button.setAttribute("aria-selected", String(numbers[place] === attempt)));
      this.showLog(true);
    };
    const buttons = numbers.map((attempt) =>
      h("button", { type: "button", role: "tab", "aria-selected": attempt === this.attempt, onclick: () => select(attempt) }, `Attempt ${attempt}`),
    );
    return h("div", { class: "tabs", role: "tablist", "aria-label": "Attempts" }, ...buttons);
  }

  /** @param {boolean} [anew] */
  showLog(anew = false) {
    const of = `${this.frame}|${this.attempt}`;
    if (anew || this.logOf !== of || !this.log) {
      this.log?.close();
      const { frame, attempt } = this;
      const grows = () => this.frame === frame && ["rendering", "delivering"].includes(this.info.state) && attempt === this.info.attempt;
      this.log = attempt ? new LogView(this.job, /** @type {number} */ (frame), attempt, grows) : undefined;
      this.logOf = of;
    }
    if (this.log && this.logPlace) fill(this.logPlace, this.log.element);
  }
}
