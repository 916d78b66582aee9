"""Formatting for people: filters and globals of the page templates."""

from __future__ import annotations

import secrets
from datetime import datetime
from zoneinfo import ZoneInfo

from flask import Flask, g

from app.core import room
from app.core.clock import now
from app.core.fragments import dom_id

NOTHING = "\N{EN DASH}"


def number(value: int | float | None) -> str:
    """1234567 as 1,234,567; nothing as a dash."""
    return NOTHING if value is None else f"{value:,}"


def percent(part: int, whole: int) -> str:
    """A share for people: 37.4 %, and a dash where there is no whole."""
    return NOTHING if not whole else f"{100 * part / whole:.1f} %"


def zone() -> ZoneInfo:
    """The time zone of the account that is looked at; UTC on public pages."""
    found: ZoneInfo = g.get("zone") or ZoneInfo("UTC")
    return found


def moment(value: datetime | None) -> str:
    """today 14:03, yesterday 09:12, 3 May 14:03, 3 May 2024: in the account's zone.

    What is to come has its hour, also next year.
    """
    if value is None:
        return NOTHING
    local, today = value.astimezone(zone()), now().astimezone(zone()).date()
    days = (today - local.date()).days
    clock = f"{local:%H:%M}"
    if days == 0:
        return f"today {clock}"
    if days in (1, -1):
        return f"{'yesterday' if days == 1 else 'tomorrow'} {clock}"
    day = f"{local.day} {local:%b}" if local.year == today.year else f"{local.day} {local:%b %Y}"
    return f"{day} {clock}" if local.year == today.year or days < 0 else day


def full_moment(value: datetime | None) -> str:
    """The whole date, for hover and for papers."""
    if value is None:
        return NOTHING
    local = value.astimezone(zone())
    return f"{local.day} {local:%B %Y, %H:%M:%S %Z}"


def count(n: int, one: str, many: str = "") -> str:
    """1 person, 1,204 people."""
    return f"{number(n)} {one if n == 1 else many or one + 's'}"


def size(n: int) -> str:
    """Bytes for people."""
    value = float(n)
    for unit in ("B", "KB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"


def form_key() -> str:
    """A fresh key for a form that creates or sends, so that pressing twice acts once."""
    return secrets.token_urlsafe(16)


def install(app: Flask) -> None:
    """Make the filters known to the templates."""
    app.jinja_env.filters.update(number=number, moment=moment, full_moment=full_moment, size=size)
    app.jinja_env.globals.update(
        percent=percent, count=count, dom_id=dom_id, form_key=form_key, disk_is_full=room.is_full
    )
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
