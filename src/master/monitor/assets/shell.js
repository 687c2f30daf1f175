// What every page begins with.

import { fill } from "./dom.js";

/** The id of the job whose page this is. */
export const subject = document.body.dataset.subject ?? "";

/** Puts a page's content in its place. @param {...any} content */
export function show(...content) {
  const main = document.getElementById("main");
  if (main) fill(main, ...content);
}
