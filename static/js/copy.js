// Buttons with data-copy put their text on the clipboard; without scripts one copies by hand.

const show = () => document.querySelectorAll("button[data-copy][hidden]").forEach((button) => {
  button.hidden = false;
});

// Pages that did not come by https have no clipboard: the old way works there too.
function byHand(text) {
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "visually-hidden";
  document.body.append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  if (!copied) throw new Error("not copied");
}

async function copy(text) {
  if (navigator.clipboard) await navigator.clipboard.writeText(text);
  else byHand(text);
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-copy]");
  if (!button) return;
  const label = button.querySelector("[data-copy-label]");
  const before = label.dataset.copyLabel;
  try {
    await copy(button.dataset.copy);
    label.textContent = "Copied";
  } catch {
    label.textContent = "Select it and copy";
  }
  button.focus();
  setTimeout(() => { label.textContent = before; }, 2000);
});

document.addEventListener("htmx:after:swap", show);
show();
