"""Looking at a page as people do: on three screens, by day and by night."""

from __future__ import annotations

import re
from pathlib import Path

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request

WIDTHS = {"phone": (360, 740), "tablet": (768, 1024), "desk": (1280, 860)}
SCHEMES = ("light", "dark")
RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    # The frames hold mails in a sandbox without scripts, where axe cannot get an answer.
    "iframes": False,
    # All rules run; of what they find in order, nothing is written down and carried over.
    "resultTypes": ["violations"],
}
HAS_AXE = "typeof axe === 'object' && typeof axe.run === 'function'"
VIOLATIONS = """async (rules) => (await axe.run(rules)).violations.map(({ id, help, nodes }) =>
  `${id}: ${help}: ${nodes.slice(0, 3).map((node) => node.html.slice(0, 160)).join(" | ")}`)"""
#: Letters are there, what htmx asked for too (within 5 s), and every change is drawn to its end.
SETTLED = """async () => {
  const frame = () => new Promise((drawn) => {
    requestAnimationFrame(drawn);
    setTimeout(drawn, 200); // a page behind another may not be drawn
  });
  const end = performance.now() + 5000;
  await document.fonts.ready;
  await frame();
  while (document.querySelector(".htmx-request") && performance.now() < end) await frame();
  for (const one of document.getAnimations()) {
    if (Number.isFinite(one.effect?.getComputedTiming().endTime)) one.finish();
  }
  await frame();
}"""
WIDER_THAN_SCREEN = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


class Onlooker:
    """A browser that notes what is wrong with the pages it sees."""

    def __init__(self, context: BrowserContext, base_url: str, pictures: Path | None) -> None:
        self.base_url = base_url
        self.pictures = pictures
        self.faults: list[str] = []
        self.page: Page = context.new_page()
        self.page.on("console", self._on_console)
        self.page.on("pageerror", lambda error: self.faults.append(f"script: {error}"))
        self.page.on("request", self._on_request)
        self.page.on("requestfailed", self._on_failure)

    def look_at(self, path: str, name: str = "", *, status: int = 200) -> list[str]:
        """Visit a page at every width and in both schemes; returns what is wrong with it.

        It is loaded for the first look; then the window changes its size and the night comes.
        Where something is wrong after such a change, a fresh load has the last word.
        """
        self.faults = []
        for number, (scheme, screen) in enumerate(self._looks()):
            width, height = WIDTHS[screen]
            self.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            self.page.set_viewport_size({"width": width, "height": height})
            where = f"{path} {screen} {scheme}"
            if number == 0:
                self._load(path, status)
            found = self._found(where)
            if found and number > 0:
                self._load(path, status)
                found = self._found(where)
            self.faults += found
            self.take_picture(name or path, screen, scheme)
        return self.faults

    def _looks(self) -> list[tuple[str, str]]:
        """Scheme and screen of each look. The dark colours are the same at every width, and so are
        widths in the dark: only who wants pictures looks at them all."""
        return [
            (scheme, screen)
            for scheme in SCHEMES
            for screen in WIDTHS
            if scheme == "light" or screen == "phone" or self.pictures is not None
        ]

    def _load(self, path: str, status: int) -> None:
        answer = self.page.goto(self.base_url + path)
        if answer is None or answer.status != status:
            self.faults.append(f"{path} answered {answer and answer.status}")

    def check(self, where: str) -> list[str]:
        """Note the faults of what is shown now."""
        self.faults += self._found(where)
        return self.faults

    def _found(self, where: str) -> list[str]:
        """What is too wide, and, but for the tablet, what axe has to say."""
        found = []
        self.page.evaluate(SETTLED)
        if (excess := self.page.evaluate(WIDER_THAN_SCREEN)) > 0:
            found.append(f"{where}: {excess} px wider than the screen")
        if self.page.viewport_size == {"width": WIDTHS["tablet"][0], "height": WIDTHS["tablet"][1]}:
            return found
        if not self.page.evaluate(HAS_AXE):
            self.page.evaluate(AXE_SCRIPT)
        return found + [f"{where}: {each}" for each in self.page.evaluate(VIOLATIONS, RULES)]

    def take_picture(self, name: str, screen: str, scheme: str) -> None:
        """Keep what is shown now, the whole page, where somebody wants to see it."""
        if self.pictures is None:
            return
        slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "start"
        self.page.screenshot(
            path=str(self.pictures / f"{slug}--{screen}-{scheme}.png"), full_page=True
        )

    def _on_console(self, message: ConsoleMessage) -> None:
        # The browser itself writes a line for an answer of 4xx; the status is checked elsewhere.
        if message.type in ("error", "warning") and "status of 4" not in message.text:
            self.faults.append(f"console: {message.text}")

    def _on_request(self, request: Request) -> None:
        if not request.url.startswith((self.base_url, "data:", "blob:")):
            self.faults.append(f"foreign request: {request.url}")

    def _on_failure(self, request: Request) -> None:
        if request.failure and "ERR_ABORTED" not in request.failure:
            self.faults.append(f"failed: {request.url}: {request.failure}")
