// Work for a form, in Altcha's format: find the number whose SHA-256 behind the salt is the
// challenge. It begins once somebody touches the form and is over before they have typed their
// address. Without it (no script, no https) the server asks for one more press instead.

const BATCH = 500;
const bytes = new TextEncoder();

const hex = (buffer) => Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");

async function solve({ algorithm, challenge, maxnumber, salt, signature }) {
  for (let first = 0; first <= maxnumber; first += BATCH) {
    const numbers = Array.from({ length: Math.min(BATCH, maxnumber - first + 1) }, (_, i) => first + i);
    const found = await Promise.all(numbers.map((n) => crypto.subtle.digest(algorithm, bytes.encode(salt + n))));
    const at = found.findIndex((digest) => hex(digest) === challenge);
    if (at >= 0) return btoa(JSON.stringify({ algorithm, challenge, number: first + at, salt, signature }));
  }
  return "";
}

function prepare(form) {
  let work = null;
  let sent = false;
  const begin = () => {
    work ??= solve(JSON.parse(form.dataset.work)).then((answer) => { form.elements.altcha.value = answer; }, () => {});
    return work;
  };
  form.addEventListener("focusin", begin, { once: true });
  form.addEventListener("pointerdown", begin, { once: true });
  form.addEventListener("submit", async (event) => {
    if (sent || form.elements.altcha.value) return;
    event.preventDefault();
    const button = form.querySelector("button");
    button.setAttribute("aria-busy", "true");
    await begin();
    sent = true;
    form.requestSubmit();
  });
  // Somebody who came back with the browser's button gets a working form.
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
}

if (window.crypto?.subtle) document.querySelectorAll("form[data-sign-up]").forEach(prepare);
document.documentElement.dataset.js = "";

// In a frame, the page around it may want to know how tall this is, and in which colours. Nothing
// else is told.
if (window.parent !== window) {
  const tell = () => {
    const { color, backgroundColor } = getComputedStyle(document.querySelector("main"));
    const height = document.querySelector("main").offsetHeight + 10;
    parent.postMessage({ leadersend: "look", height, color, backgroundColor }, "*");
  };
  new ResizeObserver(tell).observe(document.querySelector("main"));
  tell();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", tell);
  addEventListener("keydown", (event) => {
    if (event.key === "Escape") parent.postMessage({ leadersend: "close" }, "*");
  });
}
