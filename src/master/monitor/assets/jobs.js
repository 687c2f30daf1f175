// The jobs, in one table.

import { cancelAll } from "./actions.js";
import { COLUMNS, USUAL, aboutOf, noJobs, ordered, tools, weigh, wordsOf } from "./columns.js";
import { open } from "./dialog.js";
import { h } from "./dom.js";
import { isOver, jobs, watch } from "./farm.js";
import { card, choice } from "./parts.js";
import { show } from "./shell.js";
import { Table } from "./table.js";
import { counted } from "./words.js";

const KEPT = "netrender-columns";

/** @type {"all"|"active"|"over"} */ let which = "all";
const table = new Table({ label: "Jobs", columns: chosenColumns(), words: wordsOf, actions: tools, state: (job) => job.state, about: aboutOf });
const count = h("small", { class: "soft" });
const none = noJobs();
const draw = () => {
  weigh();
  const all = ordered(jobs.values());
  const rows = all.filter((job) => which === "all" || isOver(job) === (which === "over"));
  count.textContent = counted(rows.length, "job");
  none.hidden = all.length > 0;
  table.element.hidden = all.length === 0;
  table.show(rows);
};
const filters = choice("Which", [["all", "All"], ["active", "Active"], ["over", "Over"]], which, (choice) => {
  which = choice;
  draw();
});
const columns = h("button", { class: "minor", onclick: () => void chooseColumns() }, "Columns …");
const end = h("button", { changes: true, class: "bad", onclick: cancelAll }, "Cancel all …");
const section = card("Jobs", [count, h("span", { class: "gap" }), table.filter("Filter by name, tag, state"), filters, columns, end], none, table.element);
let isShown = false;
watch(() => {
  draw();
  if (!isShown) show(section);
  isShown = true;
});

/** What this browser shows of each job. */
function chosenColumns() {
  const kept = localStorage.getItem(KEPT)?.split(",") ?? USUAL;
  const known = Object.keys(COLUMNS).filter((key) => kept.includes(key));
  return known.map((key) => COLUMNS[key]);
}

async function chooseColumns() {
  const shown = new Set(chosenColumns());
  const boxes = Object.entries(COLUMNS).map(([key, column]) => {
    // Without its name, a row is nothing.
    const box = h("input", { type: "checkbox", checked: shown.has(column), disabled: key === "name" });
    return { key, box, row: h("label", { class: "check" }, box, column.title) };
  });
  if (!(await open("Columns", [h("div", { class: "checks" }, ...boxes.map((one) => one.row))], "Show"))) return;
  localStorage.setItem(KEPT, boxes.filter(({ box }) => box.checked).map(({ key }) => key).join());
  table.arrange(chosenColumns());
}
