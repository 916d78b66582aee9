// A form of LeaderSend as a pop-up on somebody's own page. One line puts it there:
//   <script async src="https://…/f/pop-up.js" data-form="SLUG" data-open="delay" data-after="10"></script>
// data-open: button (any element with data-sign-up="SLUG" opens it), delay (seconds), scroll (per
// cent of the page). It opens by itself once, which is remembered on this page's own site, as is that
// it was closed. No cookie is set, and nothing is sent to anybody until the visitor sends the form in.

(() => {
  const script = document.currentScript;
  const { form, open = "button", after, label = "Sign up", close = "Close" } = script.dataset;
  const base = new URL(".", script.src);
  const seen = `leadersend-form-${form}`;
  const again = Number(script.dataset.again ?? 90) * 86400000;
  let dialog = null, frame = null;

  const style = {
    dialog: "border:0;padding:0;border-radius:14px;inline-size:min(30rem,calc(100vw - 2rem));max-block-size:calc(100dvh - 2rem);margin:auto;overflow:auto;background:Canvas;color:CanvasText;box-shadow:0 18px 50px rgb(0 0 0/.35)",
    bar: "display:flex;justify-content:flex-end;padding:.5rem .5rem 0",
    close: "font:inherit;min-inline-size:44px;min-block-size:44px;padding:0 .75rem;border:1px solid transparent;border-radius:8px;background:none;color:inherit;cursor:pointer",
    frame: "display:block;inline-size:100%;block-size:26rem;border:0;color-scheme:normal",
  };

  // The page's policy may forbid style attributes; what is set one by one is always allowed.
  function dress(element, rules) {
    for (const rule of rules.split(";")) {
      const at = rule.indexOf(":");
      element.style.setProperty(rule.slice(0, at), rule.slice(at + 1));
    }
  }

  function remembered() {
    try { return Date.now() - Number(localStorage.getItem(seen) ?? 0) < again; } catch { return false; }
  }

  function remember() {
    try { localStorage.setItem(seen, String(Date.now())); } catch { /* asked again next time */ }
  }

  function build() {
    dialog = document.createElement("dialog");
    dialog.setAttribute("aria-label", label);
    dress(dialog, style.dialog);
    const bar = document.createElement("div");
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: close });
    dress(bar, style.bar);
    dress(button, style.close);
    button.addEventListener("click", () => dialog.close());
    bar.append(button);
    frame = document.createElement("iframe");
    frame.title = label;
    const address = new URL(`${encodeURIComponent(form)}/frame`, base);
    address.searchParams.set("page", location.origin + location.pathname);
    frame.src = address.href;
    dress(frame, style.frame);
    dialog.append(bar, frame);
    dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
    dialog.addEventListener("close", remember);
    document.body.append(dialog);
  }

  function show() {
    if (dialog?.open) return;
    if (!dialog) build();
    // A modal dialog keeps the keyboard inside, closes with Escape and gives the focus back.
    dialog.showModal();
  }

  // As tall as the form, and in its colours all around.
  function fit({ height, color, backgroundColor }) {
    if (Number(height) > 0) frame.style.blockSize = `${Math.min(Number(height), 4000)}px`;
    for (const [name, value] of [["color", color], ["background-color", backgroundColor]]) {
      if (/^rgba?\([\d., ]+\)$/.test(value)) dialog.style.setProperty(name, value);
    }
  }

  addEventListener("message", (event) => {
    if (!frame || event.source !== frame.contentWindow || event.origin !== base.origin) return;
    if (event.data?.leadersend === "close") dialog.close();
    if (event.data?.leadersend === "look") fit(event.data);
  });

  document.addEventListener("click", (event) => {
    const opener = event.target.closest?.("[data-sign-up]");
    if (!opener || opener.dataset.signUp !== form) return;
    event.preventDefault();
    show();
  });

  function byItself() {
    if (remembered() || document.querySelector("dialog[open]")) return;
    // Now, not when it is closed: who goes on to the next page meanwhile has seen it as well.
    remember();
    show();
  }

  function onScroll() {
    const whole = document.documentElement.scrollHeight - innerHeight;
    if (whole > 0 && (scrollY / whole) * 100 < Number(after ?? 50)) return;
    removeEventListener("scroll", onScroll);
    byItself();
  }

  if (open === "delay") setTimeout(byItself, Number(after ?? 10) * 1000);
  if (open === "scroll") {
    addEventListener("scroll", onScroll, { passive: true });
    // Who came back to the page, or read on while this was loaded, is down there already.
    if (scrollY > 0) onScroll();
  }
})();
