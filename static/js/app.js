// What every page needs: the CSRF header of htmx, errors that are seen, buttons that press once.

const token = () => document.querySelector('meta[name="csrf-token"]')?.content ?? "";

document.addEventListener("htmx:config:request", (event) => {
  const request = event.detail.ctx.request;
  if (!["GET", "HEAD"].includes((request.method ?? "GET").toUpperCase())) {
    request.headers["X-CSRFToken"] = token();
  }
});

function say(words) {
  const flash = document.getElementById("flash");
  if (!flash) return;
  const box = document.createElement("div");
  box.className = "flash flash--bad";
  const text = document.createElement("p");
  text.textContent = words;
  box.append(text);
  flash.replaceChildren(box);
}

// Parts of a page that ask for themselves until something is over ask again when the server was
// away or overloaded: each asks once only, so the first question without an answer would be its
// last.
const AGAIN_MS = 3000;
const AWAY = "The server does not answer right now. This page goes on by itself as soon as it does.";

const asksForItself = (part) => part?.matches?.('[hx-trigger^="load delay"]');

function askAgain(part) {
  say(AWAY);
  setTimeout(() => {
    if (!part.isConnected) return;
    const again = part.cloneNode(true);
    again.classList.remove("htmx-request");
    part.replaceWith(again);
    htmx.process(again);
  }, AGAIN_MS);
}

// No answer at all: the connection is gone or the server is away.
document.addEventListener("htmx:error", (event) => {
  if (asksForItself(event.target)) askAgain(event.target);
  else say("That did not work. Reload and try again.");
});

// A server that is starting or too busy, or the proxy in front of it, whose page is none of ours.
document.addEventListener("htmx:before:response", (event) => {
  if (!asksForItself(event.target)) return;
  if (event.detail.ctx.response.status >= 500) {
    event.preventDefault();
    askAgain(event.target);
  } else if (document.getElementById("flash")?.textContent.trim() === AWAY) {
    document.getElementById("flash").replaceChildren();
  }
});

// A form that was sent once is not sent again while its answer is under way.
const busy = new WeakSet();

function rest(form) {
  busy.delete(form);
  form.querySelectorAll('[aria-busy="true"]').forEach((button) => button.removeAttribute("aria-busy"));
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented && !form.matches("[hx-post]")) return;
  if (form.method !== "post" && !form.matches("[hx-post]")) return;
  if (busy.has(form)) {
    event.preventDefault();
    event.stopImmediatePropagation();
    return;
  }
  busy.add(form);
  event.submitter?.setAttribute("aria-busy", "true");
  setTimeout(() => rest(form), 5000);
});

document.addEventListener("htmx:finally:request", (event) => {
  const form = event.target.closest?.("form");
  if (form) rest(form);
});

addEventListener("pageshow", (event) => {
  if (event.persisted) document.querySelectorAll("form").forEach(rest);
});

// Light and dark without loading the page again; without scripts the form does it.
document.addEventListener("submit", async (event) => {
  const form = event.target.closest("[data-theme-switch]");
  if (!form || !event.submitter) return;
  event.preventDefault();
  const body = new FormData(form, event.submitter);
  const theme = event.submitter.value;
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  document.querySelectorAll("[data-theme-switch] button").forEach((button) => {
    button.setAttribute("aria-pressed", String(button.value === theme));
  });
  await fetch(form.action, { method: "POST", body, headers: { "X-CSRFToken": token() }, redirect: "manual" });
  rest(form);
});

// On a phone, bars of tabs are longer than the screen: show the tab one is on.
for (const tab of document.querySelectorAll("nav.tabs [aria-current], .settings__nav [aria-current]")) {
  const bar = tab.closest("nav");
  bar.scrollLeft = tab.offsetLeft - (bar.clientWidth - tab.offsetWidth) / 2;
}
