// The name of a new list is asked for only when a new list was chosen.

const choice = document.querySelector('select[name="list"]');
const name = document.querySelector("[data-new-list]");

function refresh() {
  if (choice && name) name.hidden = choice.value !== "new";
}

choice?.addEventListener("change", refresh);
addEventListener("pageshow", refresh);
refresh();
