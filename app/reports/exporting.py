"""What readers did with a campaign as CSV: each open, click, bounce and the like, a line each."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa

from app.campaigns.models import Campaign
from app.contacts.models import Contact
from app.contacts.rows import as_csv
from app.core.db import db
from app.core.errors import NotFound
from app.delivery.models import Event, Link
from app.reports.people import TITLES

CHUNK = 2_000
KINDS = {
    "opened": "open",
    "clicked": "click",
    "left": "unsubscribe",
    "bounced": "bounce",
    "complained": "complaint",
}
COLUMNS = ("address", "first_name", "last_name", "at", "verdict", "fault", "link", "reason")


def events(campaign: Campaign, what: str) -> Iterator[str]:
    """Of TITLES; read in slices, so that a million needs no memory.

    Raises NotFound for anything else, and where persons are not counted.
    """
    is_counted = campaign.tracking == "individual" or what not in ("opened", "clicked")
    if what not in TITLES or not is_counted:
        raise NotFound("This list")
    return _written(campaign.id, KINDS[what])


def _written(campaign_id: int, kind: str) -> Iterator[str]:
    yield as_csv([COLUMNS])
    after = 0
    while True:
        rows = db.session.execute(
            sa.select(
                Event.id, Contact.email, Contact.first_name, Contact.last_name, Event.at,
                Event.verdict, Event.fault, Link.url, Event.reason,
            )
            .outerjoin(Contact, Contact.id == Event.contact_id)
            .outerjoin(Link, Link.id == Event.link_id)
            .where(Event.campaign_id == campaign_id, Event.kind == kind, Event.id > after)
            .order_by(Event.id)
            .limit(CHUNK)
        ).all()  # fmt: skip
        yield as_csv(
            [r.email, r.first_name, r.last_name, r.at.isoformat(), r.verdict, r.fault, r.url,
             r.reason]
            for r in rows
        )  # fmt: skip
        if len(rows) < CHUNK:
            return
        after = rows[-1].id
