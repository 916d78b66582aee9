"""From the request for a dot to the intake: a line on a stream of the queue server.

The line holds the page, the hash of the visitor for the day, and when; it is deleted as soon as
it was counted. Where the queue server does not answer, the view is not counted: figures of pages
may miss some, and nobody waits for them.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Mapping
from typing import Any

from app.analytics import marks, salting
from app.analytics.marks import Mark
from app.core import queue_server
from app.core.tokens import BadToken
from app.tracking import agents

STREAM = "views"
LONGEST_STREAM = 200_000
#: A page that was shown longer ago is not being looked at for the first time.
LATEST_S = 3_600
#: Time on a page is told so long after it was shown.
LATEST_TIME_S = 86_400
LONGEST_LOOK_S = 1_800
MOST_PLACES = 500
MOST_PIECES = 20

_HEADERS = (("User-Agent", "HTTP_USER_AGENT"), ("DNT", "HTTP_DNT"), ("Sec-GPC", "HTTP_SEC_GPC"))


def declines(headers: Mapping[str, str]) -> bool:
    """Whether the visitor asked not to be counted (Do Not Track, Global Privacy Control)."""
    return headers.get("DNT") == "1" or headers.get("Sec-GPC") == "1"


def looked(mark: str, environ: Mapping[str, Any]) -> None:
    """A dot was loaded; as `view`, in front of the web framework. Other marks count nothing."""
    headers = {name: environ[key] for name, key in _HEADERS if key in environ}
    with contextlib.suppress(BadToken):
        view(marks.read(mark), address=environ.get("REMOTE_ADDR", ""), headers=headers)


def view(mark: Mark, *, address: str, headers: Mapping[str, str]) -> None:
    """A page was shown, or says that somebody signed up."""
    if _counts(mark, headers, LATEST_S):
        _push(mark, "sign" if mark.is_sign_up else "view", 0, 0, address, headers)


def spent(
    mark: Mark, seconds: int, piece: int, *, address: str, headers: Mapping[str, str]
) -> None:
    """A page was in sight for some seconds; `piece` numbers the times that it was."""
    if seconds > 0 and 0 <= piece < MOST_PIECES and _counts(mark, headers, LATEST_TIME_S):
        _push(mark, "time", min(seconds, LONGEST_LOOK_S), piece, address, headers)


def followed(mark: Mark, place: int, *, address: str, headers: Mapping[str, str]) -> None:
    """A link or block of a page was followed, by its place."""
    if 0 < place <= MOST_PLACES and _counts(mark, headers, LATEST_TIME_S):
        _push(mark, "click", place, place, address, headers)


def _counts(mark: Mark, headers: Mapping[str, str], latest_s: int) -> bool:
    is_young = -60 < time.time() - mark.at < latest_s
    if not is_young or declines(headers):
        return False
    return agents.classify(headers.get("User-Agent") or "").kind == "person"


def _push(
    mark: Mark, what: str, n: int, piece: int, address: str, headers: Mapping[str, str]
) -> None:
    visitor = salting.visitor(
        address, headers.get("User-Agent") or "", scope=f"{mark.kind} {mark.of}"
    )
    line = (what, mark.kind, mark.key, mark.view, visitor, int(time.time()), n, piece, mark.host)
    entry: dict[Any, Any] = {"v": json.dumps(line)}
    queue_server.hastily(
        lambda client: client.xadd(STREAM, entry, maxlen=LONGEST_STREAM, approximate=True)
    )
