"""How long links work, and sessions and looks last, each from the code that keeps to it."""

from __future__ import annotations

from datetime import timedelta

from app.auth import passwords, sessions
from app.core import watch
from app.privacy import following
from app.staff import looking

FIGURES: dict[str, timedelta] = {
    "session": sessions.LASTS,
    "session_in_all": sessions.AT_MOST,
    "refusals": watch.KEPT,
    "password_link": passwords.LASTS,
    "first_password_link": passwords.FIRST_LASTS,
    "follow_link": following.LINK_LIFE,
    "look": timedelta(minutes=max(looking.MINUTES)),
}
