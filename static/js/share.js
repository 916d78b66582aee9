// The browser's own way to share, where it has one; the links beside it need no script.

document.documentElement.dataset.js = "";

for (const box of document.querySelectorAll("[data-share]")) {
  const button = box.querySelector("[data-share-native]");
  const what = { title: box.dataset.title, url: box.dataset.url };
  if (!button || !navigator.share || navigator.canShare?.(what) === false) continue;
  button.hidden = false;
  // Closing the list without choosing is no error.
  button.addEventListener("click", () => navigator.share(what).catch(() => {}));
}
