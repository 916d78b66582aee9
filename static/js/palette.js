// Ctrl K or Command K opens the palette; arrows walk through what it found.

const palette = document.querySelector("[data-palette]");
const input = palette?.querySelector("input");
const mac = /Mac|iPhone|iPad/.test(navigator.platform);

if (mac) {
  document.querySelectorAll("[data-palette-key]").forEach((key) => (key.textContent = "⌘ K"));
}

function open() {
  if (palette.open) return;
  palette.showModal();
  input.value = "";
  input.focus();
  input.dispatchEvent(new CustomEvent("palette:open"));
}

function walk(step) {
  const links = [...palette.querySelectorAll(".results a")];
  if (!links.length) return;
  const at = links.indexOf(document.activeElement);
  if (at === 0 && step < 0) input.focus();
  else links[Math.min(Math.max(at + step, 0), links.length - 1)].focus();
}

if (palette) {
  document.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() === "k" && (mac ? event.metaKey : event.ctrlKey)) {
      event.preventDefault();
      open();
    }
  });
  palette.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      walk(step);
    } else if (event.key === "Enter" && event.target === input) {
      const first = palette.querySelector(".results a");
      if (first) {
        event.preventDefault();
        first.click();
      }
    }
  });
}

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-palette-open]") && palette) {
    event.preventDefault();
    open();
  } else if (event.target.closest("[data-close]")) {
    event.target.closest("dialog").close();
  } else if (event.target.matches?.("dialog.popover")) {
    event.target.close();
  }
});
