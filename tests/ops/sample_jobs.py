"""Jobs for the tests of the worker."""

from __future__ import annotations

import time

import sqlalchemy as sa

from app.core import settings, stopping
from app.core.db import db


def note(number: int) -> None:
    """Prove that there is an application context with a database."""
    answer = db.session.scalar(sa.select(sa.literal(number)))
    (settings.get().LEADERSEND_HOME / f"noted-{answer}").touch()


def last_until_told(number: int) -> None:
    """Work until the worker wants to leave, then say so."""
    home = settings.get().LEADERSEND_HOME
    (home / f"begun-{number}").touch()
    while not stopping.asked():
        time.sleep(0.02)
    (home / f"ended-{number}").touch()


def never_end(number: int) -> None:
    """Deaf to everything but SIGKILL."""
    (settings.get().LEADERSEND_HOME / f"begun-{number}").touch()
    while True:
        time.sleep(1)
