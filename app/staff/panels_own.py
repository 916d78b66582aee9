"""The panels that the console brings itself. Each reads as little as it shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app.accounts import auditing, domains, mail_servers, senders
from app.accounts import queries as account_queries
from app.accounts.models import Account, Member, Membership
from app.auth.models import SignedIn
from app.contacts import queries as contact_queries
from app.contacts.models import Suppression
from app.core.db import db
from app.privacy import consenting
from app.reports import queries as reports
from app.staff import granting
from app.staff.panels import panel

#: What has no kept counter is counted so far.
MOST_COUNTED = 10_000
#: People of an account that are shown.
MOST_PEOPLE = 100


@dataclass(frozen=True)
class PersonLine:
    """Somebody who works in an account: no password, and no trace of one but when it was set."""

    id: int
    name: str
    email: str
    role: str
    password_set_at: datetime | None
    seen_at: datetime | None


@panel("business", "Business", "staff/panels/_business.html", icon="store")
def business(account: Account) -> dict[str, Any]:
    return {}


@panel("people", "People", "staff/panels/_people.html", icon="users")
def people(account: Account) -> dict[str, Any]:
    seen = (
        sa.select(sa.func.max(SignedIn.seen_at))
        .where(SignedIn.member_id == Member.id)
        .scalar_subquery()
    )
    rows = db.session.execute(
        sa.select(
            Member.id, Member.name, Member.email, Membership.role, Member.password_set_at, seen
        )
        .join(Membership)
        .where(Membership.account_id == account.id)
        .order_by(Membership.id)
        .limit(MOST_PEOPLE)
    )
    return {"people": [PersonLine(*row) for row in rows]}


@panel("sending", "Sending", "staff/panels/_sending.html", icon="server")
def sending(account: Account) -> dict[str, Any]:
    return {
        "senders": senders.of_account(account),
        "domains": domains.of_account(account),
        "servers": [mail_servers.label(one) for one in mail_servers.all_of_account(account.id)],
    }


@panel("campaigns", "Campaigns", "staff/panels/_campaigns.html", icon="send")
def campaigns(account: Account) -> dict[str, Any]:
    return {"lines": reports.overview(account).items}


@panel("contacts", "Contacts", "staff/panels/_contacts.html", icon="users")
def contacts(account: Account) -> dict[str, Any]:
    some = sa.select(Suppression.id).where(Suppression.account_id == account.id)
    not_mailed = sa.select(sa.func.count()).select_from(some.limit(MOST_COUNTED).subquery())
    return {
        "headcount": contact_queries.headcount(account),
        "lists": contact_queries.lists(account),
        "not_mailed": db.session.scalar(not_mailed) or 0,
        "most": MOST_COUNTED,
    }


@panel("choices", "What they agreed to", "staff/panels/_choices.html", icon="shield")
def choices(account: Account) -> dict[str, Any]:
    members = db.session.scalars(
        sa.select(Member)
        .join(Membership)
        .where(Membership.account_id == account.id)
        .order_by(Membership.id)
        .limit(MOST_PEOPLE)
    ).all()
    agreed = [(member, consenting.standing(member)) for member in members]
    return {"agreed": agreed, "wordings": consenting.WORDINGS}


@panel("log", "Changes", "staff/panels/_log.html", icon="clipboard-list")
def log(account: Account) -> dict[str, Any]:
    return {"lines": account_queries.audit(account).items, "words": auditing.WORDS}


@panel("takeout", "Take-out", "staff/panels/_takeout.html", icon="download")
def takeout(account: Account) -> dict[str, Any]:
    return {
        "grant": granting.standing(account.id),
        "exports": granting.exports(account),
    }
