"""Addresses that an account must not mail, and why."""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from app.contacts import travelling
from app.contacts.bulk import among
from app.contacts.models import Suppression
from app.core import settings
from app.core.clock import now
from app.core.db import db, insert
from app.core.errors import DomainError
from app.core.tokens import derive_key

#: What a person asked for: only that person can take it back.
BY_PERSON = ("unsubscribed", "complaint", "erased")
WORDS = {
    "unsubscribed": "asked not to get any more mail",
    "complaint": "complained about a mail",
    "bounced": "cannot be reached: mail bounced back",
    "erased": "asked to be erased",
    "account": "was added by you",
    "import": "was marked as not to be mailed in a file",
}

_keys: dict[str, bytes] = {}


class Suppressed(DomainError):
    """The address must not be mailed by this account."""

    status = 409

    def __init__(self, suppression: Suppression) -> None:
        self.suppression = suppression
        who = suppression.address or "This person"
        way = (
            "Only they can change that, by signing up and confirming anew."
            if suppression.by_person
            else "See Contacts, Never mailed."
        )
        super().__init__(f"{who} {WORDS[suppression.reason]}. {way}")


class OnlyThePerson(DomainError):
    """An owner wants to lift what a person asked for."""

    status = 403

    def __init__(self) -> None:
        super().__init__(
            "This person asked for it, so only they can take it back, by confirming anew."
        )


def address_hash(account_id: int, address: str) -> str:
    """What keeps an erased address out: keyed with the installation's secret, hex.

    `address` is normalised (mailer.address).
    """
    return hmac.digest(_key(), f"{account_id}:{address}".encode(), "sha256").hex()


def _key() -> bytes:
    secret = settings.get().SECRET_KEY
    if secret not in _keys:
        _keys[secret] = derive_key(secret, "suppression")
    return _keys[secret]


def add(account_id: int, address: str, *, reason: str, detail: str = "") -> bool:
    """Keep an address out; False when it was kept out already for a reason as strong.

    What a person asked for replaces weaker reasons, never the other way round.
    """
    statement = _upsert(reason, detail).returning(Suppression.id)
    values = {
        "the_account": account_id,
        "the_hash": address_hash(account_id, address),
        "the_address": address,
    }
    return db.session.scalar(statement, values) is not None


def add_many(
    account_id: int, reasons: Mapping[str, str], *, detail: str = "", import_id: int | None = None
) -> None:
    """As `add` for each address with its reason; by `import_id` when a file is all that says so."""
    by_reason: dict[str, list[dict[str, Any]]] = {}
    for address, reason in reasons.items():
        by_reason.setdefault(reason, []).append(
            {
                "the_account": account_id,
                "the_hash": address_hash(account_id, address),
                "the_address": address,
            }
        )
    for reason, rows in by_reason.items():
        db.session.connection().execute(_upsert(reason, detail, import_id), rows)


def _upsert(reason: str, detail: str, import_id: int | None = None) -> Any:
    values = {
        "address": sa.bindparam("the_address", type_=Suppression.__table__.c.address.type),
        "reason": reason,
        "detail": detail,
        "import_id": import_id,
        "created_at": now(),
    }
    row = insert(Suppression).values(
        account_id=sa.bindparam("the_account"), address_hash=sa.bindparam("the_hash"), **values
    )
    if import_id is not None:
        return row.on_conflict_do_nothing(index_elements=["account_id", "address_hash"])
    # What a file alone said is said anew by whoever comes later: no undo takes that back.
    only_a_file = Suppression.import_id.is_not(None)
    weaker = sa.and_(*(Suppression.reason != strong for strong in BY_PERSON))
    replaces = sa.and_(sa.literal(reason in BY_PERSON), sa.or_(weaker, only_a_file))
    there = Suppression.__table__.c
    return row.on_conflict_do_update(
        index_elements=["account_id", "address_hash"],
        set_={name: sa.case((replaces, row.excluded[name]), else_=there[name]) for name in values}
        | {"import_id": None},
        where=sa.or_(replaces, only_a_file),
    )


def say_again(account_id: int, addresses: Sequence[str], import_id: int) -> None:
    """Another file says so too: it stays when the first one is undone."""
    db.session.execute(
        sa.update(Suppression)
        .where(
            Suppression.account_id == account_id,
            among(Suppression.address, addresses),
            Suppression.import_id != import_id,
        )
        .values(import_id=None),
        execution_options={"synchronize_session": False},
    )


def find(account_id: int, address: str) -> Suppression | None:
    """Why the address must not be mailed; None when it may be."""
    hashes = [address_hash(account_id, address), *travelling.foreign_hashes(account_id, [address])]
    return db.session.scalar(
        sa.select(Suppression)
        .where(
            Suppression.account_id == account_id,
            sa.or_(Suppression.address_hash.in_(hashes), Suppression.address == address),
        )
        .order_by(Suppression.id)
        .limit(1)
    )


def lift(suppression: Suppression) -> None:
    """The owner takes back what is theirs to take back. Raises OnlyThePerson."""
    if suppression.by_person:
        raise OnlyThePerson
    db.session.delete(suppression)


def lift_for_person(account_id: int, address: str) -> bool:
    """The person confirmed anew: whatever they or a machine said before is over.

    What the owner added stays: nobody can make a business write to them.
    """
    lifted = False
    # More than one where the person was kept out here and in an account that was taken in.
    while (found := find(account_id, address)) and found.reason != "account":
        db.session.delete(found)
        db.session.flush()
        lifted = True
    return lifted and found is None


def forget_address(suppression: Suppression, *, reason: str = "") -> None:
    """Keep only hashes: the person was erased and stays out, here and after a move."""
    if suppression.address is not None:
        key = travelling.own_key(suppression.account_id)
        suppression.travel_hash, suppression.travel_key = key.hash(suppression.address), None
    suppression.address = None
    suppression.import_id = None
    suppression.detail = ""
    suppression.reason = reason or suppression.reason
