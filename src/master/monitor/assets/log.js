// A log of Blender: its end as it grows, and a search in it.

import { ask, Fault } from "./api.js";
import { fill, h } from "./dom.js";
import { counted } from "./words.js";

const FOLLOW_MS = 1_000;
/** Longer logs show their end; the whole one is a link away. */
const SHOWN_BYTES_MAX = 400_000;

export class LogView {
  /** @param {string} job @param {number} frame @param {number} attempt @param {() => boolean} grows @param {number} [tile] of a frame that is cut */
  constructor(job, frame, attempt, grows, tile) {
    const which = tile === undefined ? "" : `&tile=${tile}`;
    this.path = `jobs/${job}/frames/${frame}/log`;
    this.query = `attempt=${attempt}${which}`;
    this.grows = grows;
    this.offset = 0;
    this.text = "";
    this.pre = h("pre", { class: "log", tabindex: 0, role: "log", "aria-label": `Log of frame ${frame}`, "aria-live": "off" });
    this.count = h("small", { class: "soft" });
    const search = h("input", { type: "search", placeholder: "Search the log", "aria-label": "Search the log" });
    search.addEventListener("input", () => {
      this.word = search.value;
      this.draw();
    });
    this.word = "";
    const whole = h("a", { href: `/api/v1/${this.path}?${this.query}`, target: "_blank", rel: "noopener" }, "Whole log");
    this.element = h("div", { class: "logged" }, h("p", { class: "tools" }, search, this.count, h("span", { class: "gap" }), whole), this.pre);
    void this.read();
  }

  /** Reads what has come since, as long as it is looked at. */
  async read() {
    if (this.closed) return;
    let goesOn = this.grows();
    try {
      const answer = await ask(`${this.path}?${this.query}&offset=${this.offset}`);
      const bytes = await answer.arrayBuffer();
      this.offset += bytes.byteLength;
      this.decoder ??= new TextDecoder();
      this.text = (this.text + this.decoder.decode(bytes, { stream: true })).slice(-SHOWN_BYTES_MAX);
      if (bytes.byteLength || !this.pre.childNodes.length) this.draw();
    } catch (error) {
      if (!(error instanceof Fault) || error.status === 401) goesOn = false;
      if (!this.text) fill(this.pre, error instanceof Fault && error.status === 404 ? "Nothing was printed yet." : String(error));
    }
    if (goesOn) this.timer = setTimeout(() => this.read(), FOLLOW_MS);
  }

  draw() {
    const atEnd = this.pre.scrollTop + this.pre.clientHeight >= this.pre.scrollHeight - 40;
    const word = this.word.toLowerCase();
    if (!word) {
      this.pre.textContent = this.text;
      this.count.textContent = "";
    } else {
      const lines = this.text.split("\n").filter((line) => line.toLowerCase().includes(word));
      fill(this.pre, ...lines.flatMap((line) => [...marked(line, word), "\n"]));
      this.count.textContent = counted(lines.length, "line");
    }
    if (atEnd && !word) this.pre.scrollTop = this.pre.scrollHeight;
  }

  close() {
    this.closed = true;
    clearTimeout(this.timer);
  }
}

/** A line with the word marked in it. @param {string} line @param {string} word */
function marked(line, word) {
  const parts = [];
  let rest = line;
  for (let at = rest.toLowerCase().indexOf(word); at >= 0; at = rest.toLowerCase().indexOf(word)) {
    parts.push(rest.slice(0, at), h("mark", {}, rest.slice(at, at + word.length)));
    rest = rest.slice(at + word.length);
  }
  return [...parts, rest];
}
