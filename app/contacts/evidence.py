"""Evidence of what one person agreed to: everything recorded, its place in the chain, and how
anybody can check both.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypedDict

import sqlalchemy as sa

from app.accounts.models import Account
from app.contacts import canon, chaining
from app.contacts.models import Consent, ConsentSeal, Contact, ContactList
from app.core.canonical import plain
from app.core.clock import now
from app.core.db import db
from app.privacy.models import PolicyVersion

FORMAT = "leadersend consent evidence 1"
MOST = 500
WHAT = {
    "stated": "The sender states that the person agreed",
    "asked": "The person was asked, or asked for it",
    "confirmed": "The person confirmed",
    "withdrawn": "Withdrawn",
    "restored": "Taken back: mail is wanted again",
    "paused": "A break from all mail begun",
    "resumed": "The break ended before its time",
    "frequency": "How often mail may come chosen",
    "changed": "Details changed",
}
HOW = {
    "hand": "entered by hand",
    "api": "by a program of the sender",
    "import": "by a file of the sender",
    "form": "by a form",
    "link": "by the link of a mail",
    "reminder": "by asking everybody once more",
    "one_click": "by one click in the mail program",
    "mail": "by mail",
    "provider": "by the link of the mail provider",
    "undo": "by undo",
    "preferences": "on their own preference page",
}
INSTRUCTIONS = (
    'An entry is two lines: "public" as it stands here, and "personal_digest".',
    (
        '"personal_digest" is the SHA-256 of two lines, "salt" and "personal" as they stand here, '
        "without a line feed at the end. So what is shown as agreed to is what was recorded."
    ),
    'Its hash "leaf" is the SHA-256 of a zero byte and the entry (RFC 9162, 2.1.1).',
    (
        'Go through "path" from the leaf: each time, the next hash is the SHA-256 of a byte of '
        "value 1, then the left and the right hash in raw bytes. What comes out is the seal's "
        '"root".'
    ),
    (
        'The seal\'s "hash" is the SHA-256 of its other values as JSON with keys in order, '
        'without spaces, "at" among them. "before" is the hash of the seal before: each seal '
        "holds all others before it."
    ),
    (
        "The sender's operator confirms that the seal is in the chain, and that nothing in the "
        "chain was altered, with: leadersend consent verify --account ACCOUNT --known-head HASH"
    ),
    (
        "Who holds the operator's database and its secret key could write a whole chain anew. So "
        "note the hash: a chain in which it is missing is not the one of this day."
    ),
)


class Seal(TypedDict):
    """The seal over an entry."""

    account_id: int
    number: int
    first_id: int
    last_id: int
    entries: int
    root: str
    before: str
    at: str
    hash: str


class Step(TypedDict):
    """One step from a leaf towards the root."""

    side: str
    hash: str


class Proof(TypedDict):
    """What it takes to find an entry under its seal."""

    public: str
    personal: str
    salt: str
    personal_digest: str
    leaf: str
    position: int
    path: list[Step]
    seal: Seal


class Recorded(TypedDict):
    """One entry in words, with its proof; none while the tick has not sealed it yet."""

    entry: int
    at: str
    address: str
    what: str
    how: str
    kind: str
    source: str
    list: str
    wording: str
    details: dict[str, Any]
    policy_version: int | None
    proof: Proof | None


class Evidence(TypedDict):
    """The whole document."""

    format: str
    made_at: str
    account: int
    business: str
    business_address: str
    contact: int
    address: str
    name: str
    entries: list[Recorded]
    head: str
    how_to_verify: list[str]


def of(account: Account, contact: Contact) -> Evidence:
    """Everything recorded of a contact of the account, oldest first, the latest MOST."""
    rows = db.session.scalars(
        sa.select(Consent)
        .where(Consent.contact_id == contact.id, Consent.account_id == account.id)
        .order_by(Consent.id.desc())
        .limit(MOST)
    ).all()
    head = chaining.head(account.id)
    return {
        "format": FORMAT,
        "made_at": plain(now()),
        "account": account.id,
        "business": account.name,
        "business_address": account.address,
        "contact": contact.id,
        "address": contact.email,
        "name": contact.full_name or contact.company,
        "entries": _recorded(account.id, list(reversed(rows))),
        "head": head.hash if head else "",
        "how_to_verify": list(INSTRUCTIONS),
    }


def _recorded(account_id: int, rows: Sequence[Consent]) -> list[Recorded]:
    proofs = _proofs(account_id, [row.id for row in rows])
    lists = _names(row.list_id for row in rows)
    versions = _versions(row.policy_version_id for row in rows)
    return [
        {
            "entry": row.id,
            "at": plain(row.at),
            "address": row.address or "",
            "what": WHAT.get(row.kind, row.kind),
            "how": HOW.get(row.source, row.source),
            "kind": row.kind,
            "source": row.source,
            "list": str(row.evidence.get("list") or lists.get(row.list_id or 0, "")),
            "wording": row.wording,
            "details": {name: value for name, value in row.evidence.items() if name != "list"},
            "policy_version": versions.get(row.policy_version_id or 0),
            "proof": proofs.get(row.id),
        }
        for row in rows
    ]


def _names(ids: Any) -> dict[int, str]:
    wanted = {one for one in ids if one}
    query = sa.select(ContactList.id, ContactList.name).where(ContactList.id.in_(wanted))
    return {row.id: row.name for row in db.session.execute(query)} if wanted else {}


def _versions(ids: Any) -> dict[int, int]:
    wanted = {one for one in ids if one}
    query = sa.select(PolicyVersion.id, PolicyVersion.number).where(PolicyVersion.id.in_(wanted))
    return {row.id: row.number for row in db.session.execute(query)} if wanted else {}


def _proofs(account_id: int, ids: Sequence[int]) -> dict[int, Proof]:
    """By entry; one reading of a block of entries for each seal that holds some of them."""
    found: dict[int, Proof] = {}
    for seal in _seals_over(account_id, ids):
        under = (Consent.account_id == account_id, Consent.id.between(seal.first_id, seal.last_id))
        rows = (
            db.session.connection()
            .execute(sa.select(*canon.COLUMNS).where(*under).order_by(Consent.id))
            .all()
        )
        hashes = canon.leaves(rows)
        for position, row in enumerate(rows):
            if row[0] in ids:
                found[row[0]] = _proof(seal, row, hashes, position)
    return found


def _seals_over(account_id: int, ids: Sequence[int]) -> Sequence[ConsentSeal]:
    holds = [
        sa.and_(ConsentSeal.first_id <= one, ConsentSeal.last_id >= one) for one in sorted(set(ids))
    ]
    if not holds:
        return []
    query = sa.select(ConsentSeal).where(ConsentSeal.account_id == account_id, sa.or_(*holds))
    return db.session.scalars(query.order_by(ConsentSeal.number)).all()


def _proof(seal: ConsentSeal, row: sa.Row[Any], hashes: list[bytes], position: int) -> Proof:
    entry = canon.entry(row)
    path: list[Step] = [
        {"side": step["side"], "hash": step["hash"]} for step in canon.path_to(hashes, position)
    ]
    return {
        "public": entry.public,
        "personal": entry.personal or "",
        "salt": canon.salt(seal.account_id, row[0]),
        "personal_digest": entry.personal_digest,
        "leaf": entry.leaf.hex(),
        "position": position + 1,
        "path": path,
        "seal": {
            "account_id": seal.account_id,
            "number": seal.number,
            "first_id": seal.first_id,
            "last_id": seal.last_id,
            "entries": seal.entries,
            "root": seal.root,
            "before": seal.before,
            "at": plain(seal.at),
            "hash": seal.hash,
        },
    }
