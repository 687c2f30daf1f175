// Notes at the edge of the page, and questions in front of it.

import { h } from "./dom.js";

const NOTE_MS = 6_000;
const UNDO_MS = 10_000;

/**
 * Says something for a while.
 * @param {string} text
 * @param {{kind?: "info"|"bad", undo?: () => void}} [how]
 */
export function note(text, { kind = "info", undo } = {}) {
  const place = document.getElementById("notes");
  if (!place) return;
  const close = () => shown.remove();
  const back = undo && h("button", { onclick: () => (close(), undo()) }, "Undo");
  const shown = h("div", { class: `note ${kind}` }, h("span", {}, text), back, h("button", { class: "quiet", "aria-label": "Close", onclick: close }, "×"));
  while (place.childElementCount >= 3) place.firstElementChild?.remove();
  place.append(shown);
  setTimeout(close, undo ? UNDO_MS : NOTE_MS);
}

/** Says why something did not work. @param {any} error */
export function fail(error) {
  note(error.hint ? `${error.message}; ${error.hint}` : String(error.message ?? error), { kind: "bad" });
}

/**
 * Asks before something that cannot be undone.
 * @param {string} question
 * @param {string} answer what its button says
 * @param {any[]} [more]
 * @returns {Promise<boolean>}
 */
export function sure(question, answer, ...more) {
  return open(question, more, answer, true);
}

/** A picture in front of the page, until somebody presses Escape or anywhere. @param {string} address @param {string} name */
export function enlarge(address, name) {
  const alone = h("a", { href: address, target: "_blank", rel: "noopener" }, "Open it alone");
  const dialog = h("dialog", { class: "large", "aria-label": name, onclick: () => dialog.close() }, h("img", { src: address, alt: name }), h("p", {}, name, " · ", alone));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

/**
 * A form in front of the page.
 * @param {string} title
 * @param {any[]} content
 * @param {string} answer what its button says
 * @param {boolean} [harmful]
 * @returns {Promise<boolean>} whether it was answered
 */
export function open(title, content, answer, harmful = false) {
  return new Promise((resolve) => {
    const form = h(
      "form",
      { method: "dialog" },
      h("h2", { id: "question" }, title),
      ...content,
      h(
        "p",
        { class: "answers" },
        h("button", { type: "button", onclick: () => dialog.close("no") }, "Cancel"),
        h("button", { value: "yes", class: harmful ? "main bad" : "main" }, answer),
      ),
    );
    const dialog = h("dialog", { "aria-labelledby": "question" }, form);
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
