"""What a User-Agent tells: a reader's program, a proxy that asks for a person, or a machine.

A list of our own for what reads mail comes first, then crawlerdetect's long list of robots.
The decisions that are open to argument:

- Gmail, Yahoo, Fastmail and Shortwave fetch pictures through a proxy *when somebody opens the
  mail*. Their opens count as a person's. They never follow links: such a click is a machine's.
- Apple Mail Privacy Protection loads pictures whether anybody reads or not, and shows the bare
  "Mozilla/5.0". Its opens count as a machine's.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from crawlerdetect import CrawlerDetect

LONGEST = 512


@dataclass(frozen=True)
class Agent:
    """`kind` is person, proxy or machine; `name` is for the reason that people read."""

    kind: str
    name: str = ""


PERSON = Agent("person")
PRELOADER = Agent("machine", "Apple Mail loads pictures by itself")

_PROXIES = {
    "googleimageproxy": "Gmail",
    "yahoomailproxy": "Yahoo",
    "fastmailua": "Fastmail",
    "shortwave image fetcher": "Shortwave",
}
_READERS = ("ms-office", "msoffice", "microsoft outlook", "thunderbird")
_MACHINES = {
    "safelinks": "Microsoft Safe Links",
    "barracuda": "Barracuda",
    "proofpoint": "Proofpoint",
    "mimecast": "Mimecast",
    "cisco": "Cisco secure e-mail",
    "ironport": "Cisco secure e-mail",
    "tmes": "Trend Micro",
    "trend micro": "Trend Micro",
    "fireeye": "FireEye",
    "symantec": "Symantec",
    "messagelabs": "Symantec",
    "forcepoint": "Forcepoint",
    "sophos": "Sophos",
    "bitdefender": "Bitdefender",
    "zscaler": "Zscaler",
    "urlscan": "a link scanner",
    "scanner": "a link scanner",
    "virustotal": "VirusTotal",
    "slackbot": "Slack preview",
    "slack-imgproxy": "Slack preview",
    "facebookexternalhit": "Facebook preview",
    "link preview": "a link preview",
    "bingpreview": "Bing preview",
    "headlesschrome": "a browser without a screen",
    "phantomjs": "a browser without a screen",
    "puppeteer": "a browser without a screen",
    "playwright": "a browser without a screen",
    "python": "a program",
    "go-http-client": "a program",
    "curl/": "a program",
    "wget": "a program",
    "okhttp": "a program",
    "java/": "a program",
    "libwww": "a program",
    "httpclient": "a program",
    "axios": "a program",
    "node-fetch": "a program",
}
_robots = CrawlerDetect()


@lru_cache(maxsize=4096)
def classify(user_agent: str) -> Agent:
    """Who asks, by the header alone. The cache forgets by itself and names no person."""
    words = user_agent[:LONGEST].strip().lower()
    if not words:
        return Agent("machine", "a program that does not name itself")
    if words == "mozilla/5.0":
        return PRELOADER
    if name := _found(words, _PROXIES):
        return Agent("proxy", name)
    if name := _found(words, _MACHINES):
        return Agent("machine", name)
    if any(reader in words for reader in _READERS):
        return PERSON
    return Agent("machine", "a known robot") if _robots.isCrawler(words) else PERSON


def _found(words: str, names: dict[str, str]) -> str:
    return next((name for part, name in names.items() if part in words), "")
