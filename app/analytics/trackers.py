"""A third party that counts visits, where the operator wants one: one place says all about it.

The built-in counting needs none. With TRACKER_SCRIPT set, its script stands on the pages of the
public site (never in the application, on forms or in mails), the security policy of these pages
lets it load, and the register of processors and the privacy policy name it.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from app.config import Config
from app.core.headers import CSP


@dataclass(frozen=True)
class Tracker:
    """Who counts visits for the operator, and what they get to see."""

    name: str
    host: str
    """The host that the browser of a visitor talks to."""
    script: str
    policy: str
    """The address of their own privacy policy."""
    purpose: str = "Counting visits of this site, in sums"
    data: str = (
        "network address and browser of visitors of the public site, and which pages they look at"
    )
    where: str = "pages of the public site; not inside the application, in forms or in mails"


def third_party_trackers(config: Config) -> list[Tracker]:
    """Every third party that a page of this installation loads something from; usually none."""
    if not config.TRACKER_SCRIPT:
        return []
    return [
        Tracker(
            name=config.TRACKER_NAME,
            host=urlsplit(config.TRACKER_HOST).hostname or "",
            script=config.TRACKER_SCRIPT,
            policy=config.TRACKER_POLICY,
        )
    ]


def attributes(config: Config) -> dict[str, str]:
    """What the script tag says beside, as data-… attributes."""
    pairs = (pair.partition("=") for pair in config.TRACKER_DATA.split(";"))
    names = ((name.strip().lower(), value.strip()) for name, _, value in pairs)
    return {f"data-{name}": value for name, value in names if name.replace("-", "").isalnum()}


def security_policy(config: Config) -> str:
    """The usual one, with the script's host and the host that it reports to."""
    script = f"https://{urlsplit(config.TRACKER_SCRIPT).netloc}"
    hosts = " ".join(dict.fromkeys((script, config.TRACKER_HOST)))
    opened = CSP.replace("img-src 'self' data:", f"img-src 'self' data: {hosts}")
    return f"{opened}; script-src 'self' {script}; connect-src 'self' {hosts}"
