// A form that saves itself: one request at a time, soon after the last key, at once with Ctrl S.
// Without scripts its Save button does the same.

const form = document.querySelector("form[data-compose]");
const WAIT_MS = 1200;
let dirty = false;
let saving = false;
let timer = 0;
let goTo = null;
let lastField = document.querySelector("[data-insert-here]");

function save() {
  clearTimeout(timer);
  if (!form || saving || !dirty) return;
  saving = true;
  dirty = false;
  form.dispatchEvent(new Event("autosave", { bubbles: true }));
}

function changed() {
  dirty = true;
  clearTimeout(timer);
  timer = setTimeout(save, WAIT_MS);
}

function saved(event) {
  if (event.target !== form) return;
  saving = false;
  const ok = event.detail.ctx.response?.status === 200;
  // Forms beside this one that say which version their reader saw.
  const version = document.querySelector("[data-version]")?.value;
  const followers = document.querySelectorAll("[data-follows-version] [name=version]");
  if (ok && version) for (const follower of followers) follower.value = version;
  if (!ok) dirty = true;
  else if (goTo) location.href = goTo;
  else if (dirty) changed();
  goTo = null;
}

if (form) {
  form.addEventListener("input", changed);
  form.addEventListener("submit", () => {
    clearTimeout(timer);
    dirty = false;
  });
  document.addEventListener("htmx:finally:request", saved);
  addEventListener("beforeunload", (event) => {
    if (dirty || saving) event.preventDefault();
  });
}

document.addEventListener("keydown", (event) => {
  if (!form || event.key.toLowerCase() !== "s" || !(event.ctrlKey || event.metaKey)) return;
  event.preventDefault();
  dirty = true;
  save();
});

// Going to another stop saves first, so that it shows what was just written.
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[data-stop], #compose a.button--main");
  if (!link || !form || !(dirty || saving) || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  goTo = link.href;
  save();
});

// Merge tags go where one is writing.
document.addEventListener("focusin", (event) => {
  if (event.target.matches?.("#compose textarea, #subject, #preheader")) lastField = event.target;
});

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-insert]");
  if (!button || !lastField) return;
  lastField.setRangeText(button.dataset.insert, lastField.selectionStart, lastField.selectionEnd, "end");
  lastField.focus();
  lastField.dispatchEvent(new Event("input", { bubbles: true }));
});
