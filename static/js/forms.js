// Building a form: what visitors would see follows each change, and questions move up and down.
// Without scripts the Save button shows it, and the numbers of places do the moving.

const builder = document.getElementById("form-builder");
const token = document.querySelector('meta[name="csrf-token"]')?.content ?? "";
const WAIT_MS = 300;
let timer = 0;
let asked = 0;

// The page's policy allows no style attributes; values set one by one are always allowed.
function paint() {
  const preview = document.getElementById("form-preview");
  const shown = preview.querySelector(".signup");
  const colours = Object.entries(JSON.parse(preview.dataset.colours));
  for (const [name, value] of colours) shown.style.setProperty(`--${name}`, value);
  if (colours.length) shown.style.colorScheme = "light";
}

async function look() {
  const number = ++asked;
  const answer = await fetch(`${builder.getAttribute("action")}/preview`, {
    method: "POST", body: new FormData(builder), headers: { "X-CSRFToken": token },
  }).catch(() => null);
  if (!answer?.ok || number !== asked) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  document.getElementById("form-preview").replaceWith(page.getElementById("form-preview"));
  paint();
}

function changed() {
  clearTimeout(timer);
  timer = setTimeout(look, WAIT_MS);
}

function move(question, by) {
  const other = by < 0 ? question.previousElementSibling : question.nextElementSibling;
  if (!other) return;
  if (by < 0) other.before(question);
  else other.after(question);
  builder.querySelectorAll("[data-place]").forEach((place, i) => { place.value = i + 1; });
  changed();
}

builder?.addEventListener("input", (event) => {
  const picked = event.target.dataset.colourOf;
  if (picked) builder.elements[picked].value = event.target.value;
  changed();
});

builder?.addEventListener("click", (event) => {
  const button = event.target.closest("[data-move]");
  if (!button) return;
  move(button.closest("[data-question]"), Number(button.dataset.move));
  button.focus();
});

if (builder) paint();
