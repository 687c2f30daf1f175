// What can be changed about one job, as a form.

import { edit, words } from "./actions.js";
import { open } from "./dialog.js";
import { h } from "./dom.js";

/** Fields: key, label, kind, attributes. @type {[string, string, "text"|"number"|"list", Record<string, any>][]} */
const FIELDS = [
  ["name", "Name", "text", { required: true }],
  ["category", "Category", "text", { placeholder: "none" }],
  ["tags", "Tags that slaves need", "list", { placeholder: "none" }],
  ["requirements", "What slaves must be", "text", { placeholder: "cores>=8; gpu=cuda" }],
  ["priority", "Priority", "number", { min: 1, max: 10 }],
  ["chunks", "Frames per chunk (0: by itself)", "number", { min: 0, max: 65_535 }],
  ["frames", "Frames", "text", { placeholder: "1-100,120" }],
  ["depends_on", "Waits for jobs (ids)", "list", { placeholder: "none" }],
  ["attempts", "Attempts at a frame (0: as the farm says)", "number", { min: 0 }],
  ["frame_s", "Seconds a frame may take (0: as the farm says)", "number", { min: 0 }],
  ["stall_s", "Seconds without news (0: as the farm says)", "number", { min: 0 }],
];

/** Asks for new settings of a job. @param {any} job */
export async function editJob(job) {
  const inputs = FIELDS.map(([key, label, kind, how]) => {
    const value = kind === "list" ? (job[key] ?? []).join(", ") : String(job[key] ?? "");
    const input = h("input", { type: kind === "number" ? "number" : "text", value, ...how });
    // Frames too ragged to be shown whole cannot be edited here.
    if (key === "frames" && value.includes("…")) input.disabled = true;
    return { key, kind, input, value, row: h("label", {}, h("span", {}, label), input) };
  });
  if (!(await open(`Settings of “${job.name}”`, [h("div", { class: "fields" }, ...inputs.map((one) => one.row))], "Save"))) return;
  const changed = inputs.filter(({ input, value }) => input.value.trim() !== value && !input.disabled);
  const wanted = Object.fromEntries(changed.map(({ key, kind, input }) => [key, valueOf(kind, input.value.trim())]));
  if (changed.length) await edit([job.id], wanted);
}

/** @param {string} kind @param {string} text */
function valueOf(kind, text) {
  if (kind === "number") return Number(text);
  return kind === "list" ? words(text) : text;
}
