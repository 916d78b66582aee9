// How many people are ticked; the bar for them shows when somebody is.

function refresh(form) {
  const bar = form.querySelector("[data-bulk-bar]");
  if (!bar) return;
  const ticked = form.querySelectorAll('input[name="ids"]:checked').length;
  bar.hidden = ticked === 0;
  bar.querySelector("[data-bulk-count]").textContent =
    ticked === 1 ? "With 1 person" : `With ${ticked.toLocaleString("en")} people`;
}

const all = () => document.querySelectorAll("[data-bulk]").forEach(refresh);

document.addEventListener("change", (event) => {
  const form = event.target.closest("[data-bulk]");
  if (form) refresh(form);
});
document.addEventListener("htmx:after:swap", all);
addEventListener("pageshow", all);
all();
