// How long a public page is in sight, and which of its marked links are followed: told without a
// cookie, to the address of the page's own dot.
const dot = document.querySelector("[data-dot]");
if (dot) {
  const address = dot.src.replace(/\.gif$/, "");
  let since = document.visibilityState === "visible" ? performance.now() : null;
  let piece = 0;

  const tell = () => {
    if (since === null) return;
    const seconds = Math.round((performance.now() - since) / 1000);
    since = null;
    if (seconds > 0) navigator.sendBeacon(`${address}?t=${seconds}&n=${piece++}`);
  };

  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "hidden") tell();
    else since = performance.now();
  });
  addEventListener("pagehide", tell);
  document.addEventListener("click", (event) => {
    const place = event.target.closest?.("[data-place]")?.dataset.place;
    if (place) navigator.sendBeacon(`${address}?p=${place}`);
  });
}
