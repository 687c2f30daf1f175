// The jobs, in one table.

import { cancelAll } from "./actions.js";
import { COLUMNS, aboutOf, noJobs, ordered, tools, weigh, wordsOf } from "./columns.js";
import { h } from "./dom.js";
import { isOver, jobs, watch } from "./farm.js";
import { card, choice } from "./parts.js";
import { show } from "./shell.js";
import { Table } from "./table.js";
import { counted } from "./words.js";

/** @type {"all"|"active"|"over"} */ let which = "all";
const table = new Table({ label: "Jobs", columns: Object.values(COLUMNS), words: wordsOf, actions: tools, state: (job) => job.state, about: aboutOf });
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
const end = h("button", { class: "bad", onclick: cancelAll }, "Cancel all …");
const section = card("Jobs", [count, h("span", { class: "gap" }), table.filter("Filter by name, tag, state"), filters, end], none, table.element);
let isShown = false;
watch(() => {
  draw();
  if (!isShown) show(section);
  isShown = true;
});
