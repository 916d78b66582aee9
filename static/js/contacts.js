// How many people are ticked; the bar for them shows when somebody is, or all who fit are meant.

function refresh(form) {
  const bar = form.querySelector("[data-bulk-bar]");
  if (!bar) return;
  const boxes = [...form.querySelectorAll('input[name="ids"]')];
  const ticked = boxes.filter((box) => box.checked).length;
  const everyone = form.querySelector("[data-bulk-everyone]")?.checked;
  bar.hidden = ticked === 0 && !everyone;
  const page = form.querySelector("[data-bulk-page]");
  if (page) {
    page.checked = ticked > 0 && ticked === boxes.length;
    page.indeterminate = ticked > 0 && ticked < boxes.length;
  }
  bar.querySelector("[data-bulk-count]").textContent = everyone
    ? "With all who fit"
    : ticked === 1
      ? "With 1 person"
      : `With ${ticked.toLocaleString("en")} people`;
}

const all = () => document.querySelectorAll("[data-bulk]").forEach(refresh);

document.addEventListener("change", (event) => {
  const form = event.target.closest("[data-bulk]");
  if (!form) return;
  if (event.target.matches("[data-bulk-page]")) {
    form.querySelectorAll('input[name="ids"]').forEach((box) => {
      box.checked = event.target.checked;
    });
  }
  refresh(form);
});
document.addEventListener("htmx:after:swap", all);
addEventListener("pageshow", all);
all();
