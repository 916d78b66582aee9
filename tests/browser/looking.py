"""Looking at a page as people do: on three screens, by day and by night."""

from __future__ import annotations

import re
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request

WIDTHS = {"phone": (360, 740), "tablet": (768, 1024), "desk": (1280, 860)}
SCHEMES = ("light", "dark")
RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    # The frames hold mails in a sandbox without scripts, where axe cannot get an answer.
    "iframes": False,
}
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
        """Visit a page at every width and in both schemes; returns what is wrong with it."""
        self.faults = []
        for scheme in SCHEMES:
            self.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            for screen, (width, height) in WIDTHS.items():
                if scheme == "dark" and screen != "phone" and self.pictures is None:
                    continue  # the dark colours are the same at every width, and so are widths
                self.page.set_viewport_size({"width": width, "height": height})
                answer = self.page.goto(self.base_url + path)
                if answer is None or answer.status != status:
                    self.faults.append(f"{path} answered {answer and answer.status}")
                self.check(f"{path} {screen} {scheme}")
                self.take_picture(name or path, screen, scheme)
        return self.faults

    def check(self, where: str) -> list[str]:
        """Note the faults of what is shown now."""
        self.page.evaluate("document.fonts.ready.then(() => true)")
        if (excess := self.page.evaluate(WIDER_THAN_SCREEN)) > 0:
            self.faults.append(f"{where}: {excess} px wider than the screen")
        if self.page.viewport_size == {"width": WIDTHS["tablet"][0], "height": WIDTHS["tablet"][1]}:
            return self.faults
        for violation in Axe().run(self.page, options=RULES).response["violations"]:
            nodes = [node["html"][:160] for node in violation["nodes"][:3]]
            self.faults.append(f"{where}: {violation['id']}: {violation['help']}: {nodes}")
        return self.faults

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
