// Webhooks: addresses that the master tells when a job is over or a slave is lost.

import { ask, read } from "./api.js";
import { fail, note, sure } from "./dialog.js";
import { fill, h } from "./dom.js";
import { card, empty } from "./parts.js";
import { number } from "./words.js";

export class Webhooks {
  /** @param {any[]} hooks */
  constructor(hooks) {
    this.list = h("div");
    this.url = h("input", { type: "url", required: true, placeholder: "https://chat.example.org/hooks/…", "aria-label": "Address of a webhook", autocomplete: "off" });
    const form = h("form", { class: "adding" }, this.url, h("button", {}, "Add"));
    form.addEventListener("submit", (/** @type {Event} */ event) => {
      event.preventDefault();
      void this.add();
    });
    const text = h("p", { class: "soft" }, "Told by a POST of JSON when a job is over or a slave is lost. An address is shown whole to nobody once it is added: who knows it may write there.");
    this.element = card("Webhooks", [], text, this.list, form);
    this.draw(hooks);
  }

  /** Shows how they did since. */
  async renew() {
    try {
      this.draw(await read("webhooks"));
    } catch (error) {
      fail(error);
    }
  }

  /** @param {any[]} hooks */
  draw(hooks) {
    const mark = JSON.stringify(hooks);
    if (this.mark === mark) return;
    this.mark = mark;
    fill(this.list, hooks.length ? h("ul", { class: "lines" }, ...hooks.map((hook) => this.line(hook))) : empty("Nobody outside is told of anything."));
  }

  /** @param {any} hook */
  line(hook) {
    const did = [hook.told && `${number(hook.told)} told`, hook.failed && `${number(hook.failed)} not taken`].filter(Boolean).join(", ") || "not told of anything yet";
    return h(
      "li",
      {},
      h("b", { class: "path" }, hook.address),
      h("span", {}, h("small", {}, did), hook.failure && h("small", { class: "bad" }, ` · the last one failed: ${hook.failure}`)),
      h("button", { changes: true, "aria-label": `Try ${hook.address}`, onclick: () => this.tryOut(hook) }, "Try"),
      h("button", { changes: true, class: "bad", "aria-label": `Remove ${hook.address}`, onclick: () => this.remove(hook) }, "Remove …"),
    );
  }

  async add() {
    await this.change(() => ask("webhooks", "POST", { url: this.url.value }), "It is told from now on", () => (this.url.value = ""));
  }

  /** @param {any} hook */
  async tryOut(hook) {
    const deed = async () => {
      const { failure } = await (await ask(`webhooks/${hook.id}/try`, "POST")).json();
      if (failure) throw new Error(`${hook.address} did not take the message: ${failure}`);
    };
    await this.change(deed, `${hook.address} took the message`);
  }

  /** @param {any} hook */
  async remove(hook) {
    if (await sure(`Tell ${hook.address} nothing more?`, "Remove")) await this.change(() => ask(`webhooks/${hook.id}`, "DELETE"), `${hook.address} is told nothing more`);
  }

  /** @param {() => Promise<any>} deed @param {string} text @param {() => void} [done] */
  async change(deed, text, done) {
    try {
      await deed();
      note(text);
      done?.();
    } catch (error) {
      fail(error);
    }
    await this.renew();
  }
}
