// Single keys: ? for the list, / for the search, g and a letter for a page. They can be turned off.

const dialog = document.querySelector("[data-keys]");
const choice = dialog?.querySelector("[data-keys-on]");
const STORED = "leadersend-single-keys";
const PAGES = { h: "/home", c: "/campaigns", p: "/contacts", r: "/reports", s: "/settings" };
let after = "";

const on = () => localStorage.getItem(STORED) !== "off";
const writing = (element) => element.closest?.("input, select, textarea, [contenteditable]");

function go(letter) {
  const links = [...document.querySelectorAll("nav a[href]")];
  const link = links.find((each) => each.getAttribute("href").startsWith(PAGES[letter]));
  link?.click();
}

if (choice) {
  choice.checked = on();
  choice.addEventListener("change", () => {
    localStorage.setItem(STORED, choice.checked ? "on" : "off");
  });
}

document.addEventListener("keydown", (event) => {
  if (!on() || writing(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
  if (document.querySelector("dialog[open]")) return;
  if (after === "g" && event.key in PAGES) go(event.key);
  else if (event.key === "?") dialog?.showModal();
  else if (event.key === "/") {
    const search = document.querySelector('main input[type="search"]');
    if (search) {
      event.preventDefault();
      search.focus();
    }
  }
  after = event.key;
});
