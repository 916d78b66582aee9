"""Mails of the bakery that have been sent, and decisions about who may read them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from app.campaigns.archive import deciding
from app.campaigns.models import Campaign
from app.core.clock import now
from app.core.db import db, transaction
from tests.conftest import Person
from tests.trust.conftest import olga

__all__ = ["olga"]
Send = Callable[..., Campaign]
BODY = """# Hello {{ contact.first_name | default: "friend" }}

Bread is [here](https://bakery.example/bread?for={{ contact.email }}).

![A loaf](https://bakery.example/loaf.jpg)

[Leave]({{ links.unsubscribe }}), [pass it on]({{ links.share }})
or [tell a friend]({{ links.friend }}).
"""


@pytest.fixture
def send(alice: Person) -> Send:
    """Makes a campaign that went out so many days ago, and shows it to everybody."""

    def sent(subject: str = "Fresh bread", *, choice: str = "yes", days: int = 0, **more: Any):  # type: ignore[no-untyped-def]
        at: datetime = now() - timedelta(days=days)
        values = {
            "account_id": alice.account.id, "name": subject, "subject": subject,
            "preheader": "Warm since six", "from_name": "Bakery", "body": BODY,
            "from_email": "news@bakery.example", "state": "sent", "started_at": at,
            "finished_at": at, "created_at": at,
        }  # fmt: skip
        with transaction():
            campaign = Campaign(**{**values, **more})
            db.session.add(campaign)
            db.session.flush()
            deciding.decide(campaign, choice)
        return campaign

    return sent
