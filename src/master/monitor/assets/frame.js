// One frame: its picture, who rendered it, its attempts with their logs, and what can be done with it.

import { ban, resetFrames, resetTile } from "./actions.js";
import { readIfThere, thumbnail, tileNumber, tilesOf } from "./api.js";
import { enlarge, fail } from "./dialog.js";
import { fill, h } from "./dom.js";
import { LogView } from "./log.js";
import { chip } from "./parts.js";
import { showTiles } from "./tiles.js";
import { duration, size } from "./words.js";

const SMALL_PX = 480;
const LARGE_PX = 1_920;

/** What tells a picture of a frame, or tile, from an older one. @param {any} info */
const versionOf = (info) => (info.tiles ? (info.hash ?? `${info.attempt}-${info.tiles.done}`) : info.attempt);

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
    this.isOfTile = false;
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
    // Drawn anew, a log would lose its place: how far a bake is stands in the list.
    const mark = JSON.stringify({ ...info, percent: undefined });
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
    const { log } = this;
    const top = log?.pre.scrollTop;
    // Once all tiles are done, attempts and log are those of the denoising.
    const hasOwn = !info.tiles || (info.tiles.denoising && info.tiles.done === tilesOf(info.tiles.grid));
    if (info.tiles) {
      facts[3] = ["Tiles", `${info.tiles.done} done of ${info.tiles.grid}`];
      if (info.tiles.denoising) facts.push(["Denoising", chip(info.tiles.denoising)]);
      void showTiles(this.mosaic, this.job, info, (tile) => this.openTile(tile)).catch(fail);
    }
    fill(
      this.element,
      h("header", {}, h("h2", {}, info.bake ? `Bake ${info.frame}: ${info.bake}` : `Frame ${info.frame}`), h("span", { class: "gap" }), h("button", { class: "quiet", "aria-label": "Close the frame", onclick: () => this.close() }, "×")),
      info.hash && !info.bake && (!info.tiles || info.tiles.denoising) && this.picture(info),
      info.tiles && this.mosaic,
      h("dl", { class: "facts" }, ...facts.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
      info.failure && h("p", { class: "error" }, info.failure),
      h("p", { class: "buttons" }, ...this.buttons(info)),
      info.attempt > 0 && hasOwn && this.attempts(info),
      this.logPlace,
    );
    if (hasOwn && !this.isOfTile) this.showLog();
    else if (this.log) fill(this.logPlace, this.log.element);
    // What is put elsewhere begins at its top again.
    if (log && log === this.log) log.pre.scrollTop = top ?? 0;
  }

  /** Shows the log of a tile's latest attempt. @param {any} tile */
  openTile(tile) {
    this.log?.close();
    this.isOfTile = true;
    const { frame } = this;
    const number = tileNumber(tile.tile);
    const grows = () => this.frame === frame && ["rendering", "delivering"].includes(tile.state);
    this.log = tile.attempt ? new LogView(this.job, /** @type {number} */ (frame), tile.attempt, grows, number) : undefined;
    const exr = `/api/v1/jobs/${this.job}/frames/${frame}/result?tile=${number}`;
    const buttons = [
      tile.hash && this.enlarging(tile),
      tile.hash && h("a", { class: "button", href: exr, download: true }, "EXR of the tile"),
      tile.attempt > 0 && h("button", { changes: true, onclick: () => resetTile(this.job, tile.frame, number) }, "Render this tile anew"),
    ];
    fill(
      this.logPlace,
      h("p", { class: "soft" }, `Tile ${tile.tile}: ${tile.state}`, tile.slave && ` on ${this.slaveName(tile.slave)}`),
      tile.failure && h("p", { class: "error" }, tile.failure),
      h("p", { class: "buttons" }, ...buttons),
      this.log?.element,
    );
  }

  /** @param {any} info */
  picture(info) {
    const image = h("img", { src: thumbnail(this.job, info.frame, versionOf(info), SMALL_PX), alt: "" });
    return this.enlarging(info, "picture", image);
  }

  /** Shows the picture of a frame or tile as large as there is one; of a frame that is cut, of the tiles that are there. @param {any} info
   * @param {string} [kind] @param {any} [shown] */
  enlarging(info, kind, shown = "Larger") {
    const address = thumbnail(this.job, info.frame, versionOf(info), LARGE_PX, info.tile);
    const name = info.tile ? `Tile ${info.tile} of frame ${info.frame}` : `Frame ${info.frame}`;
    return h("button", { class: kind, "aria-label": `${name}, larger`, onclick: () => enlarge(address, name) }, shown);
  }

  /** @param {any} info */
  buttons(info) {
    const path = `/api/v1/jobs/${this.job}/frames/${info.frame}`;
    return [
      info.tiles?.done > 0 && this.enlarging(info),
      info.hash && !info.bake && h("a", { class: "button", href: `${path}/result`, download: `${String(info.frame).padStart(6, "0")}.exr` }, "EXR"),
      h("button", { changes: true, onclick: () => resetFrames(this.job, [info.frame]) }, info.bake ? "Bake anew" : "Render anew"),
      info.slave && h("button", { changes: true, onclick: () => ban(info.slave, this.job) }, "Not on this slave …"),
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
    this.isOfTile = false;
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
