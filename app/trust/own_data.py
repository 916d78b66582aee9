"""What is kept about a person who signs in: everything out as a file, and the login erased.

The file is made from the tables themselves: every row that is the member's own, without what is
secret. A table that is new tomorrow is in it tomorrow. Rows of a business that only say who made
or changed something are the business's: of those stands in the file when it was and what was
done, not what they hold, for the member may not see that any more.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app.accounts import auditing, notices, withdrawing
from app.accounts.models import Account, Member, Membership, Notice
from app.accounts.people import LastOwner
from app.core import settings
from app.core.clock import now
from app.core.db import Base, UtcDateTime, db
from app.core.errors import Invalid, WrongState
from app.moving.parts import is_secret
from app.trust import closing

#: Columns by which a row names a member.
NAMES = (
    "member_id", "by_id", "asked_by_id", "created_by_id", "invited_by_id", "answered_by_id",
    "made_by_id", "written_by_id",
)  # fmt: skip
#: What a row of a business says of what a person did; besides, its number and its times.
DEEDS = ("account_id", "verb", *NAMES)
#: What is a person's own, by table, in words.
TITLES = {
    "member": "Your name and address",
    "acceptance": "Privacy policies that you accepted",
    "alarm_link": "Links to say that it was not you",
    "authenticator": "Authenticator apps",
    "email_change": "Changes of your address",
    "known_browser": "Browsers that you signed in with",
    "member_consent": "What you agreed to be told, and by which way",
    "membership": "Businesses that you work in",
    "passkey": "Passkeys",
    "password_link": "Links to set a password",
    "provider_login": "Sign-ins by a provider",
    "recovery_code": "Recovery codes",
    "sign_in_step": "Sign-ins under way",
    "signed_in": "Sessions",
    "ticket": "Your questions to us",
}
#: Rows of one table; more says so.
MOST = 20_000
SECRET_PARTS = ("secret", "token", "hash", "sealed", "public_key", "credential")
README = """Everything that {operator} keeps about {email} as a person who signs in.

data.json   one list a table; times are UTC
            password: kept as a hash that nobody can read back; it is not in here
            contacts and campaigns of your businesses are the businesses' own: an owner takes
            them out under Settings, Take-out; of what you made or changed there, it says when

Made {made}.
"""


def gather(member: Member) -> dict[str, list[dict[str, Any]]]:
    """{table: rows}: all that names the member, without secrets; and mails to their address."""
    found: dict[str, list[dict[str, Any]]] = {}
    for table in Base.metadata.sorted_tables:
        condition = _own(table, member)
        shown = [column for column in table.c if not _is_secret(column.name)]
        if condition is None and "contact_id" not in table.c:
            condition, shown = _done_by(table, member), _deeds(table)
        if condition is not None and (rows := list(_rows(table, shown, condition))):
            found[table.name] = rows
    return found


def counts(member: Member) -> dict[str, int]:
    """{table: rows} of what is the member's own, by indexes alone; TITLES has words for each."""
    found: dict[str, int] = {}
    for table in Base.metadata.sorted_tables:
        condition = _own(table, member)
        if condition is None or table.name == "notice":
            continue
        query = sa.select(sa.func.count()).select_from(table).where(condition)
        if n := db.session.scalar(query):
            found[table.name] = n
    return found


def _own(table: sa.Table, member: Member) -> sa.ColumnElement[bool] | None:
    """The condition for rows that go with the person; None where there are none."""
    if table.name == "member":
        return table.c.id == member.id
    if table.name == "notice":
        return table.c.to_email == member.email
    is_own = "member_id" in table.c and bool(table.c.member_id.foreign_keys)
    return table.c.member_id == member.id if is_own else None


def _done_by(table: sa.Table, member: Member) -> sa.ColumnElement[bool] | None:
    named = [table.c[name] == member.id for name in NAMES if name in table.c]
    return sa.or_(*named) if named else None


def _deeds(table: sa.Table) -> list[sa.Column[Any]]:
    return [
        column
        for column in table.c
        if column.primary_key or column.name in DEEDS or isinstance(column.type, UtcDateTime)
    ]


def _rows(
    table: sa.Table, shown: Sequence[sa.Column[Any]], condition: sa.ColumnElement[bool]
) -> Iterator[dict[str, Any]]:
    order = list(table.primary_key.columns)
    for row in db.session.execute(
        sa.select(*shown).where(condition).order_by(*order).limit(MOST)
    ).mappings():
        yield {name: _plain(value) for name, value in row.items()}


def _is_secret(column: str) -> bool:
    if column == "account_id":
        return False
    return is_secret(column) or any(part in column for part in SECRET_PARTS)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return value if isinstance(value, str | int | float | bool | list | dict | None) else str(value)


def as_zip(member: Member) -> bytes:
    """data.json and a README, for downloading."""
    text = json.dumps(gather(member), ensure_ascii=False, indent=1, sort_keys=True)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("data.json", text)
        file.writestr("README.txt", README.format(
            operator=settings.get().OPERATOR_NAME, email=member.email,
            made=f"{now():%Y-%m-%d %H:%M}",
        ))  # fmt: skip
    return out.getvalue()


def alone_in(member: Member) -> list[Account]:
    """Accounts of which the member is the only owner: those are closed or handed on first."""
    owned = (
        sa.select(Membership.account_id)
        .where(Membership.member_id == member.id, Membership.role == "owner")
    )  # fmt: skip
    others = sa.exists().where(
        Membership.account_id == Account.id, Membership.role == "owner",
        Membership.member_id != member.id,
    )  # fmt: skip
    return list(
        db.session.scalars(
            sa.select(Account).where(Account.id.in_(owned), ~others).order_by(Account.id)
        )
    )


def delete_login(member: Member, *, typed: str) -> None:
    """Erase the person's login and all that is theirs alone.

    Raises Invalid, LastOwner, WrongState.
    """
    if typed.strip().casefold() != member.email.casefold():
        words = f"Type your address exactly: {member.email}"
        raise Invalid(words, {"typed": [words]})
    if member.staff_roles:
        raise WrongState("You work for the operator: ask them to end your login.")
    places = db.session.scalars(
        sa.select(Membership.account_id).where(Membership.member_id == member.id)
    ).all()
    # Held, so that two owners cannot leave each other's account at the same time.
    db.session.execute(sa.select(Account.id).where(Account.id.in_(places)).with_for_update())
    if alone_in(member):
        raise LastOwner
    for account_id in places:
        account = db.session.get_one(Account, account_id)
        auditing.note(account, member, "person.leave", f"member {member.id}")
    db.session.flush()
    notices.queue(
        "last_word", member.email, person=member.name, title="Your login is erased",
        lines=["Your login and what was kept about you are erased.",
               "What you did in a business stays in its audit under a number, without your name."],
    )  # fmt: skip
    db.session.execute(sa.delete(Membership).where(Membership.member_id == member.id))
    for account_id in places:
        withdrawing.withdraw(db.session.get_one(Account, account_id), member, member.id)
    db.session.flush()
    db.session.expire(member)
    if not closing.forget_login(member):
        raise WrongState("This login is still needed. Try again.")
    db.session.execute(
        sa.delete(Notice).where(Notice.to_email == member.email, Notice.kind != "last_word")
    )
