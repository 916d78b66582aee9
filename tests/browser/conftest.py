"""A real browser in front of the real server.

The server is a process of its own on the tests' database and queue, so that a test arranges rows
in Python and sees them in Chromium.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, expect, sync_playwright

from app.auth import sessions
from app.config import CHECKOUT, Config
from app.core.db import transaction
from tests.browser.looking import Onlooker
from tests.conftest import Person
from tests.servers import PATIENCE_S, Server, free_port, wait_until

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def chromium() -> str | None:
    """The installed browser, or None."""
    given = os.environ.get("CHROMIUM")
    return given or next(filter(None, map(shutil.which, NAMES)), None)


class WebServer(Server):
    """LeaderSend's web part, as `leadersend web` serves it."""

    def __init__(self, settings: Config, port: int) -> None:
        self.settings = settings
        self.url = f"http://localhost:{port}"
        self.port = port

    def start(self) -> None:
        settings = self.settings
        given = {
            "LEADERSEND_HOME": str(settings.LEADERSEND_HOME),
            "DATABASE_URL": settings.DATABASE_URL,
            "REDIS_URL": settings.REDIS_URL,
            "SECRET_KEY": settings.SECRET_KEY,
            "MAIL_DOMAIN": settings.MAIL_DOMAIN,
            "BASE_URL": self.url,
            "PORT": str(self.port),
        }
        log = (settings.LEADERSEND_HOME / "web.log").open("ab")
        self.process = subprocess.Popen(  # noqa: S603
            [
                sys.executable, "-m", "granian", "--interface", "wsgi", "--workers", "1",
                "--blocking-threads", "4", "--host", "127.0.0.1", "--port", str(self.port),
                "wsgi:app",
            ],
            env={**os.environ, **given}, cwd=CHECKOUT, stdout=log, stderr=log,
        )  # fmt: skip
        log.close()
        wait_until(self.is_up, what=f"the web server; see {settings.LEADERSEND_HOME}/web.log")

    def is_up(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/help", timeout=2) as answer:  # noqa: S310
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """The browser; without one the tests are skipped by name, or fail where one is demanded."""
    path = chromium()
    if path is None:
        if os.environ.get("LEADERSEND_REQUIRE_BROWSER") == "1":
            pytest.fail("Chromium is not installed: apt-get install chromium")
        pytest.skip("Chromium is not installed: apt-get install chromium")
    return path


@pytest.fixture(scope="session")
def browser(chromium_path: str) -> Iterator[Browser]:
    """One browser for the whole run; each test gets a context of its own."""
    # Only what fails waits so long; on a busy machine a page takes seconds now and then.
    expect.set_options(timeout=PATIENCE_S * 1000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium_path, args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def web(settings: Config, whole_app: Flask) -> Iterator[WebServer]:
    """The web server."""
    with WebServer(settings, free_port()) as server:
        yield server


@pytest.fixture(scope="session")
def pictures() -> Path | None:
    """Where screenshots go: the folder that LEADERSEND_PICTURES names; else none are taken."""
    given = os.environ.get("LEADERSEND_PICTURES")
    if not given:
        return None
    folder = Path(given)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def context(app: Flask, browser: Browser, web: WebServer) -> Iterator[BrowserContext]:
    """A fresh browser profile."""
    context = browser.new_context(base_url=web.url, locale="en-GB", timezone_id="UTC")
    yield context
    context.close()


@pytest.fixture
def onlooker(context: BrowserContext, web: WebServer, pictures: Path | None) -> Onlooker:
    """Somebody who looks at pages closely."""
    return Onlooker(context, web.url, pictures)


@pytest.fixture
def sign_in(app: Flask, context: BrowserContext, web: WebServer) -> Callable[[Person], None]:
    """Give the browser a session, without the pages that usually make one."""

    def enter(person: Person) -> None:
        with transaction():
            secret = sessions.start(person.member)
        serializer = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]
        cookie = serializer.dumps({"_user_id": secret, "_fresh": True})
        context.add_cookies([{"name": "leadersend", "value": cookie, "url": web.url}])

    return enter
