"""How often forms are looked at: counted by the queue server, added to the rows now and then."""

from __future__ import annotations

import logging

import sqlalchemy as sa

from app.contacts.models import SignUpForm
from app.core import queue_server
from app.core.db import db, transaction

log = logging.getLogger(__name__)
KEY = "signup:shown"


def note(form_id: int) -> None:
    """A page with the form was shown. Costs one look where the queue server is away."""
    try:
        queue_server.hasty_client().hincrby(KEY, str(form_id), 1)
    except queue_server.AWAY as error:
        log.info("a look at a form is not counted: %s", type(error).__name__)


def take() -> int:
    """Add what was counted to the forms; returns how many looks."""
    client = queue_server.client()
    try:
        counted = {int(key): int(n) for key, n in client.hgetall(KEY).items() if int(n) > 0}
    except queue_server.AWAY:
        return 0
    if not counted:
        return 0
    with transaction():
        for form_id, n in sorted(counted.items()):
            db.session.execute(
                sa.update(SignUpForm)
                .where(SignUpForm.id == form_id)
                .values(shown=SignUpForm.shown + n)
                .execution_options(synchronize_session=False)
            )
    for form_id, n in counted.items():
        client.hincrby(KEY, str(form_id), -n)
    return sum(counted.values())
