// What a job is made of: its files, or the revision that slaves get them from.

import { read } from "./api.js";
import { fill, h, write } from "./dom.js";
import { chip } from "./parts.js";
import { counted, number, size } from "./words.js";

const FILES_SHOWN_MAX = 500;

/** Fills a place with a job's files. @param {string} job @param {Element} place
 * @returns {Promise<(missing: Set<string>) => void>} to be told which contents are not there yet */
export async function showFiles(job, place) {
  const manifest = await read(`jobs/${job}/manifest`);
  if (!manifest.source) return showList(manifest, place);
  fill(place, source(manifest));
  return () => {};
}

/** @param {any} manifest @param {Element} place @returns {(missing: Set<string>) => void} */
function showList(manifest, place) {
  /** @type {Set<string>} */ let missing = new Set();
  const told = h("span");
  const files = [...manifest.files].sort((a, b) => b.size_bytes - a.size_bytes);
  const sum = files.reduce((bytes, file) => bytes + file.size_bytes, 0);
  const search = h("input", { type: "search", placeholder: `Filter ${number(files.length)} files`, "aria-label": "Filter files" });
  const body = h("tbody");
  const draw = () => {
    const found = files.filter((file) => file.path.toLowerCase().includes(search.value.toLowerCase()));
    const here = files.filter((file) => !missing.has(file.hash)).length;
    write(told, `${counted(files.length, "file")}, ${size(sum)}, ${here === files.length ? "all here" : `${number(here)} here`}`);
    fill(body, ...found.slice(0, FILES_SHOWN_MAX).map((file) => row(file, manifest.main, missing.has(file.hash))));
  };
  search.addEventListener("input", draw);
  draw();
  const head = h("tr", {}, ...["File", "Size", "State", "Needed by"].map((title) => h("th", { scope: "col", class: title === "Size" && "number" }, title)));
  fill(
    place,
    h("p", { class: "tools" }, told, h("span", { class: "gap" }), files.length > 8 && search),
    h("div", { class: "scroll short", tabindex: 0, role: "region", "aria-label": "Files" }, h("table", { class: "plain" }, h("thead", {}, head), body)),
    settings(manifest.settings ?? {}),
  );
  return (now) => {
    if (now.size === missing.size && [...now].every((hash) => missing.has(hash))) return;
    missing = now;
    draw();
  };
}

/** @param {any} file @param {string} main @param {boolean} isMissing */
function row(file, main, isMissing) {
  const frames = file.frames ? `frames ${file.frames[0]} to ${file.frames[1]}` : "all frames";
  return h(
    "tr",
    {},
    h("td", { class: "path" }, isMissing ? file.path : h("a", { href: `/api/v1/contents/${file.hash}`, download: file.path.split("/").at(-1) }, file.path), file.path === main && h("small", { class: "tag" }, "opened")),
    h("td", { class: "number" }, size(file.size_bytes)),
    h("td", {}, isMissing ? chip("waiting", "to come") : chip("done", "here")),
    h("td", {}, frames),
  );
}

/** @param {any} manifest */
function source({ source, main }) {
  const facts = [["System", source.system], ["Repository", source.remote], ["Revision", source.revision], ["Folder", source.folder ?? "–"], ["Scene", main]];
  return h("dl", { class: "facts" }, ...facts.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}

/** What is rendered otherwise than the file says. @param {any} settings */
function settings(settings) {
  const facts = [
    ["Scene", settings.scene],
    ["Engine", settings.engine],
    ["Resolution", settings.resolution_percent && `${settings.resolution_percent} %`],
    ["Samples", settings.samples],
    ["Final frames", settings.final_frames && "made by slaves"],
    ["Blender", settings.fresh_blender && "a new one for each chunk"],
    ["Scripts", settings.without_scripts && "do not run"],
  ].filter(([, value]) => value);
  return facts.length > 0 && h("dl", { class: "facts" }, ...facts.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}
