"""The figures that texts of ours name, each from the code that keeps to it."""

from __future__ import annotations

from datetime import timedelta

from app.accounts import people
from app.api import repeats
from app.auth import passwords, sessions, tidying
from app.contacts import journal, uploads
from app.moving import taking_out
from app.privacy import following
from app.tracking import returns

#: How long things are kept, and how long links work.
FIGURES: dict[str, timedelta] = {
    "session": sessions.LASTS,
    "ended": tidying.KEPT,
    "registration": tidying.KEPT,
    "password_link": passwords.LASTS,
    "first_password_link": passwords.FIRST_LASTS,
    "invitation": people.LASTS,
    "upload": uploads.KEPT,
    "import_undo": journal.KEPT,
    "takeout": taking_out.KEPT,
    "repeats": repeats.KEPT,
    "returns": returns.REMEMBERED,
    "follow_link": following.LINK_LIFE,
}
