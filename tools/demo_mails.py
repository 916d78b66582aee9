"""Reading caught mails as recipients' programs do."""

from __future__ import annotations

import email
import json
import re
import time
from email.header import decode_header, make_header
from email.message import Message
from functools import cached_property
from html import unescape
from pathlib import Path

from demo_file import Person

REQUIRED = (
    "List-Unsubscribe", "List-Unsubscribe-Post", "List-Id", "Feedback-ID", "Message-ID", "Date",
    "From", "To", "Subject",
)  # fmt: skip
HREF = re.compile(r'href="([^"]+)"')
IMAGE = re.compile(r'src="([^"]*/o/[^"]+)"')


class Mail:
    """One mail with its envelope; the content is read when somebody asks."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with path.open("rb") as file:
            envelope = json.loads(file.readline())
        self.envelope_from: str = envelope["from"]
        self.to: list[str] = envelope["to"]

    @property
    def address(self) -> str:
        """The one recipient, in lower case."""
        return self.to[0].lower()

    @cached_property
    def headers(self) -> Message:
        """The whole message. The older parser is five times as fast as the newer one."""
        with self.path.open("rb") as file:
            file.readline()
            return email.message_from_binary_file(file)

    @cached_property
    def subject(self) -> str:
        """The subject, decoded."""
        return str(make_header(decode_header(self.headers["Subject"] or "")))

    @cached_property
    def html(self) -> str:
        """The HTML part."""
        return self._part("text/html")

    @cached_property
    def text(self) -> str:
        """The plain-text part."""
        return self._part("text/plain")

    def _part(self, kind: str) -> str:
        for part in self.headers.walk():
            if part.get_content_type() == kind:
                content = part.get_payload(decode=True)
                return content.decode("utf-8") if isinstance(content, bytes) else ""
        return ""

    @property
    def beacon(self) -> str:
        """The picture that tells of an opening."""
        found = IMAGE.search(self.html)
        return unescape(found[1]) if found else ""

    @property
    def links(self) -> list[str]:
        """Tracked links, in their order."""
        return [unescape(url) for url in HREF.findall(self.html) if "/c/" in url]

    @property
    def visible_unsubscribe(self) -> str:
        """The link at the end of the mail."""
        return next((unescape(url) for url in HREF.findall(self.html) if "/u/" in url), "")

    @property
    def unsubscribe(self) -> str:
        """The web address of the header."""
        found = re.search(r"<(https?:[^>]+)>", str(self.headers["List-Unsubscribe"]))
        return found[1] if found else ""

    @property
    def unsubscribe_address(self) -> str:
        """The mail address of the header."""
        found = re.search(r"<mailto:([^>?]+)", str(self.headers["List-Unsubscribe"]))
        return found[1] if found else ""

    def faults(self, person: Person | None) -> list[str]:
        """What this mail should have and has not."""
        missing = [f"header {name}" for name in REQUIRED if not self.headers[name]]
        checks = {
            "one recipient": len(self.to) == 1,
            "own bounce address": self.envelope_from.startswith("b+"),
            "one-click header": self.headers["List-Unsubscribe-Post"]
            == "List-Unsubscribe=One-Click",
            "beacon": bool(self.beacon),
            "three links": len(self.links) == 3,
            "unsubscribe link in the HTML part": bool(self.visible_unsubscribe),
            "unsubscribe link in the text part": "/u/" in self.text,
            "postal address in the HTML part": "1 High Street" in self.html,
            "postal address in the text part": "1 High Street" in self.text,
            "name in the text part": person is not None and person.first in self.text,
            "name in the HTML part": person is not None and person.first in unescape(self.html),
            "name in the subject": person is not None and person.first in self.subject,
            "no address in a link": not any("@" in url or "%40" in url for url in self.links),
            "no merge tag left over": "{{" not in self.html + self.text + self.subject,
        }
        return missing + [name for name, good in checks.items() if not good]


class Inbox:
    """The folder that the mail catcher fills."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.seen: set[str] = {path.name for path in self._paths()}

    def read_new(self) -> list[Mail]:
        """Mails that came since the last time."""
        fresh = [path for path in self._paths() if path.name not in self.seen]
        self.seen.update(path.name for path in fresh)
        return [Mail(path) for path in fresh]

    def wait_for(self, number: int, *, seconds: float) -> list[Mail]:
        """At least so many new mails, or what came within that time."""
        end = time.monotonic() + seconds
        found: list[Mail] = []
        while len(found) < number and time.monotonic() < end:
            found += self.read_new()
            time.sleep(0.1)
        return found

    def _paths(self) -> list[Path]:
        return sorted(self.folder.glob("*.eml")) if self.folder.exists() else []
