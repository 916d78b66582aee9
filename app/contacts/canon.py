"""The canonical content of a consent, and everything that is hashed of it.

An entry is two lines: JSON of what concerns nobody in particular, and the digest of JSON of what
does (address, wording, evidence). The digest has a salt of its own for each entry, made from the
installation's secret: evidence hands it out for one person, and nobody without the secret can try
out addresses against the digest that stays when a person is erased. Entries are leaves of a
Merkle tree as in RFC 9162, 2.1, so that evidence of one needs none of the others.

JSON has its keys in order and no spaces; what is null or empty is left out, so that a column
which comes later leaves older entries as they are.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from app.contacts.models import Consent
from app.core import settings
from app.core.canonical import encode, plain, says
from app.core.tokens import derive_key

MARK_BYTES = 8
"""Of an entry's hash, kept to find which one was altered."""

_NOT_SEALED = ("contact_id", "proof")
PERSONAL = ("address", "wording", "evidence")
PUBLIC = tuple(
    column.name
    for column in Consent.__table__.columns
    if column.name not in (*PERSONAL, *_NOT_SEALED, "id")
)
#: What an entry is made of, in this order, as the driver gives it: whatever somebody wrote there
#: by hand can be read, and a million rows are not turned into objects first.
COLUMNS: tuple[sa.ColumnElement[Any], ...] = tuple(
    sa.type_coerce(Consent.__table__.c[name], sa.types.NULLTYPE).label(name)
    for name in ("id", *PUBLIC, *PERSONAL, "proof")
)
_ACCOUNT = PUBLIC.index("account_id")


@dataclass(frozen=True, slots=True)
class Entry:
    """One consent as it is hashed."""

    public: str
    personal_digest: str
    """Hex."""
    personal: str | None
    """None once the person was erased."""

    @property
    def leaf(self) -> bytes:
        """The hash that stands for it in the tree."""
        return leaf_hash(f"{self.public}\n{self.personal_digest}")


def entry(row: Sequence[Any]) -> Entry:
    """From the values of COLUMNS."""
    consent_id, *public = row[:-4]
    address, wording, evidence, proof = row[-4:]
    before, behind = _around_id(tuple(public))
    text = f"{before}{consent_id}{behind}"
    if proof is not None:
        return Entry(text, proof, None)
    personal = _personal(address, _canonical(evidence), wording)
    digest = personal_digest(salt(public[_ACCOUNT], consent_id), personal)
    return Entry(text, digest, personal)


def leaves(rows: Iterable[Sequence[Any]]) -> list[bytes]:
    """`entry(row).leaf` of many."""
    return [entry(row).leaf for row in rows]


@lru_cache(maxsize=1024)
def _around_id(public: tuple[Any, ...]) -> tuple[str, str]:
    """JSON of the public part, before and behind the id: imports have the same thousands of
    times."""
    values = {name: plain(value) for name, value in zip(PUBLIC, public, strict=True) if says(value)}
    first = encode({name: value for name, value in values.items() if name < "id"})
    last = encode({name: value for name, value in values.items() if name > "id"})
    comma = "," if len(first) > len("{}") else ""
    more = "," if len(last) > len("{}") else ""
    return f'{first[:-1]}{comma}"id":', f"{more}{last[1:]}"


def _personal(address: Any, evidence: str, wording: str) -> str:
    parts = (
        ("address", encode(address) if address else ""),
        ("evidence", evidence),
        ("wording", _quoted(wording) if wording else ""),
    )
    return "{" + ",".join([f'"{name}":{value}' for name, value in parts if value]) + "}"


def _canonical(evidence: Any) -> str:
    """Evidence as canonical JSON; empty where it says nothing. SQLite gives text, PostgreSQL a
    dict."""
    if isinstance(evidence, str):
        return _canonical_text(evidence)
    return encode(evidence) if evidence else ""


@lru_cache(maxsize=1024)
def _canonical_text(evidence: str) -> str:
    try:
        found = json.loads(evidence)
    except ValueError:
        # Not written by us; it has a hash all the same, and that is another one.
        found = evidence
    return encode(found) if found else ""


_quoted: Callable[[str], str] = lru_cache(maxsize=4096)(encode)


def salt(account_id: int, consent_id: int) -> str:
    """What keeps the digest of one entry from being guessed, hex."""
    keyed = _keyed(settings.get().SECRET_KEY).copy()
    keyed.update(f"{account_id}:{consent_id}".encode())
    return str(keyed.hexdigest())


@lru_cache(maxsize=8)
def _keyed(secret: str) -> Any:
    return hashlib.blake2b(key=derive_key(secret, "consent"), digest_size=16)


def personal_digest(salted: str, personal: str) -> str:
    """SHA-256 of salt and content, a line each, hex."""
    return hashlib.sha256(f"{salted}\n{personal}".encode()).hexdigest()


def leaf_hash(text: str) -> bytes:
    """RFC 9162, 2.1.1."""
    return hashlib.sha256(b"\x00" + text.encode()).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """RFC 9162, 2.1.1."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(hashes: Sequence[bytes]) -> str:
    """The root over at least one leaf, hex."""
    level = list(hashes)
    while len(level) > 1:
        level = _next_level(level)
    return level[0].hex()


def path_to(hashes: Sequence[bytes], index: int) -> list[dict[str, str]]:
    """What a leaf needs to reach the root: {side: left or right, hash: hex}, from the bottom up."""
    level, path = list(hashes), []
    while len(level) > 1:
        neighbour = index ^ 1
        if neighbour < len(level):
            side = "left" if neighbour < index else "right"
            path.append({"side": side, "hash": level[neighbour].hex()})
        level, index = _next_level(level), index // 2
    return path


def _next_level(level: list[bytes]) -> list[bytes]:
    # Who has no neighbour goes up as it is: the shape of RFC 9162's tree.
    pairs = [node_hash(level[at], level[at + 1]) for at in range(0, len(level) - 1, 2)]
    return pairs + level[len(pairs) * 2 :]


def seal_text(seal: Any) -> str:
    """What a seal's hash is of; `seal` has the attributes of ConsentSeal."""
    names = ("account_id", "number", "first_id", "last_id", "entries", "root", "before")
    return encode({**{name: getattr(seal, name) for name in names}, "at": plain(seal.at)})


def seal_hash(seal: Any) -> str:
    """SHA-256 of `seal_text`, hex."""
    return hashlib.sha256(seal_text(seal).encode()).hexdigest()


def marks_of(ids: Sequence[int], hashes: Sequence[bytes]) -> bytes:
    """For each entry, how far its id is from the one before (varint), and its hash's beginning."""
    out, before = bytearray(), 0
    for consent_id, leaf in zip(ids, hashes, strict=True):
        step, before = consent_id - before, consent_id
        while step > 0x7F:
            out.append(step & 0x7F | 0x80)
            step >>= 7
        out.append(step)
        out += leaf[:MARK_BYTES]
    return bytes(out)


def read_marks(packed: bytes) -> list[tuple[int, bytes]]:
    """The ids with their marks; as far as it can be read where somebody altered it."""
    found, at, before = [], 0, 0
    while at < len(packed):
        step = shift = 0
        while at < len(packed):
            byte = packed[at]
            at += 1
            step |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                break
        before += step
        found.append((before, packed[at : at + MARK_BYTES]))
        at += MARK_BYTES
    return found
