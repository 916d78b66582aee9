"""Finding people among a million in the same time as among ten.

A search walks sources, one after the other: each is a range of an index, read in its order in
small batches, without ever counting or sorting. Filters look at one batch at a time, and a page
that would need too many batches ends early with a cursor to go on from.
"""

from __future__ import annotations

import math
import time
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import idna
import sqlalchemy as sa

from app.contacts import segments
from app.contacts.bulk import among
from app.contacts.models import (
    Contact,
    ContactList,
    Finding,
    Segment,
    Subscription,
    Suppression,
    Tag,
    contact_tag,
)
from app.contacts.segments import counting, mailboxes
from app.contacts.text import search_key
from app.core.db import db
from app.core.errors import Invalid
from app.core.pagination import PAGE_SIZE, Page, decode, encode

FIRST_BATCH = 60
LARGEST_BATCH = 1_000
FEW = 2_000
MOST_LOOKED_AT = 4_000
#: With a segment in question: in smaller steps, and never longer than a page should take.
COSTLY_BATCH = 400
PATIENCE_S = 0.015
#: So many ids of a segment are remembered; fewer are all of them.
KNOWN = counting.KEPT_IDS
STATES = ("active", "pending", "ended", "suppressed")

_NO_PAGE = "This page address is not complete. Start again from the list."
#: Behind every text that begins with the same letters.
_END = "\U0010ffff"


@dataclass(frozen=True)
class Wanted:
    """What people are looked for; everything empty means everybody."""

    text: str = ""
    list_id: int | None = None
    tag_id: int | None = None
    state: str = ""
    """active, pending or ended on the list; suppressed: whom the account must not mail."""
    segment_id: int | None = None
    kind: str = ""
    """person or organisation."""
    mailbox: str = ""
    """A kind of address: one of segments.rule.MAILBOXES."""
    finding: str = ""
    """What a look through the contacts found: a Finding's kind, or silent-DAYS."""
    external_id: str = ""
    """Exactly what they are called in another system of the owner's."""

    @property
    def is_everybody(self) -> bool:
        """Whether nothing is asked."""
        asked = (
            self.list_id, self.tag_id, self.state, self.segment_id, self.kind, self.mailbox,
            self.finding, self.external_id,
        )  # fmt: skip
        return not (self.text.strip() or any(asked))


@dataclass(frozen=True)
class Source:
    """A range of an index that leads to contacts; `keys` is its order, unique at the end."""

    keys: tuple[Any, ...]
    contact_id: Any
    conditions: tuple[Any, ...]
    matches: Any = None
    """The range as a condition on Contact: later sources leave these people out."""
    descending: bool = False
    joined: Any = None

    def batch(self, after: Sequence[Any] | None, limit: int) -> list[tuple[list[Any], int]]:
        """The next contact ids, each with its key."""
        query = sa.select(self.contact_id, *self.keys)
        if self.joined is not None:
            query = query.join_from(*self.joined)
        query = query.where(*self.conditions)
        if after is not None:
            here = sa.tuple_(*self.keys)
            there = sa.tuple_(
                *(sa.literal(value, key.type) for value, key in zip(after, self.keys, strict=True))
            )
            query = query.where(here < there if self.descending else here > there)
        order = [key.desc() if self.descending else key for key in self.keys]
        found = db.session.execute(query.order_by(*order).limit(limit)).all()
        return [(list(row[1:]), row[0]) for row in found]


@dataclass(frozen=True)
class Plan:
    """Where to look, and what each contact found there must be."""

    sources: Sequence[Source]
    filters: Sequence[Any]
    is_costly: bool = False
    """A segment is asked for: what that costs per person differs by the rule."""


def page(
    account_id: int, wanted: Wanted, *, cursor: str | None = None, limit: int = PAGE_SIZE
) -> Page[Contact]:
    """Some of these people. It may hold fewer than `limit` and still have a cursor."""
    plan = replace(_plan(account_id, wanted), is_costly=bool(wanted.segment_id or wanted.mailbox))
    ids, older = _walk(plan, _position(cursor, plan.sources), limit)
    return Page(_load(account_id, ids), older)


def everyone(account_id: int, wanted: Wanted, *, limit: int = 500) -> Iterator[Sequence[Contact]]:
    """All of these people, some at a time: for exports."""
    plan = _plan(account_id, wanted)
    at: tuple[int, list[Any] | None] | None = (0, None)
    while at is not None:
        ids, older = _walk(plan, at, limit)
        yield _load(account_id, ids)
        at = _position(older, plan.sources) if older else None


def some(account_id: int, rule: Mapping[str, Any], *, limit: int = 5) -> Sequence[Contact]:
    """The newest of the people whom a segment's rule fits, as far as a short look finds them."""
    filters = [segments.condition(account_id, rule)]
    plan = Plan(_narrowest(account_id, rule) or [_everybody(account_id)], filters, is_costly=True)
    ids, _ = _walk(plan, (0, None), limit)
    return _load(account_id, ids)


def known(
    account_id: int, wanted: Wanted, ids: Sequence[int], *, after: str | None
) -> Page[Contact] | None:
    """A page of a segment from ids that fitted it a while ago; None where there is nobody.

    It goes on where `page` would by the same cursor, for both walk by the id.
    """
    last = (decode(after) or [0, 0])[-1]
    below = [number for number in ids if not after or (isinstance(last, int) and number < last)]
    conditions = [among(Contact.id, below), *_filters(account_id, wanted)]
    query = sa.select(Contact.id).where(*conditions).order_by(Contact.id.desc())
    fitting = list(db.session.scalars(query.limit(PAGE_SIZE + 1)))
    if not fitting:
        return None
    shown = fitting[:PAGE_SIZE]
    is_all = len(fitting) <= PAGE_SIZE and len(ids) < KNOWN
    return Page(_load(account_id, shown), None if is_all else encode([0, shown[-1]]))


def these(account_id: int, ids: Sequence[int]) -> Sequence[Contact]:
    """Contacts of the account by id; who is gone is left out."""
    return _load(account_id, ids)


def _walk(plan: Plan, at: tuple[int, list[Any] | None], limit: int) -> tuple[list[int], str | None]:
    """Ids of fitting contacts from a position on, and the cursor behind the last of them."""
    (number, after), sources = at, plan.sources
    ids: list[int] = []
    until = time.monotonic() + (PATIENCE_S if plan.is_costly else math.inf)
    looked_at, size = 0, max(FIRST_BATCH, limit + 1)
    while number < len(sources):
        batch = sources[number].batch(after, size)
        fitting = _fitting(plan, number, [found for _, found in batch])
        for key, contact_id in batch:
            if contact_id in fitting:
                if len(ids) == limit:
                    return ids, encode([number, *(after or [])])
                ids.append(contact_id)
            after = key
        looked_at += len(batch)
        if len(batch) < size:
            number, after = number + 1, None
        elif looked_at >= MOST_LOOKED_AT or time.monotonic() > until:
            return ids, encode([number, *(after or [])])
        size = min(size * 4, COSTLY_BATCH if plan.is_costly else LARGEST_BATCH)
    return ids, None


def _fitting(plan: Plan, number: int, ids: list[int]) -> set[int]:
    """Which of these contacts pass the filters and were not met in an earlier source."""
    earlier = [source.matches for source in plan.sources[:number] if source.matches is not None]
    conditions = [*plan.filters, *(~match for match in earlier)]
    if not conditions or not ids:
        return set(ids)
    # The sources see to the account; named again here, it would tempt the planner to its index.
    query = sa.select(Contact.id).where(among(Contact.id, ids))
    return set(db.session.scalars(query.where(*conditions)))


def _rule(account_id: int, wanted: Wanted) -> Mapping[str, Any] | None:
    """Of the segment that is asked for; another account's fits nobody."""
    if not wanted.segment_id:
        return None
    own = sa.select(Segment.rule).where(
        Segment.account_id == account_id, Segment.id == wanted.segment_id
    )
    return db.session.scalar(own) or {}


def _narrowest(account_id: int, rule: Mapping[str, Any]) -> list[Source]:
    """The list or tag that everybody of a rule is on or has: sooner looked through than all."""
    parts = rule["all"] if isinstance(rule.get("all"), list) else [rule]
    found: list[tuple[int, Source]] = []
    for part in parts:
        if part.get("field") == "tag" and part.get("op") in ("has", "is"):
            query = sa.select(Tag.id, Tag.people).where(Tag.name == part["value"])
            if row := db.session.execute(query.where(Tag.account_id == account_id)).first():
                found.append((row[1], _tagged(row[0])))
        elif part.get("field") == "list" and part.get("op") in ("on", "is", "has"):
            state = part.get("state", "active")
            size = sa.select(ContactList.active).where(ContactList.account_id == account_id)
            people = db.session.scalar(size.where(ContactList.id == part["value"]))
            if people is not None and state == "active":
                found.append((people, _on_list(part["value"], state)))
    return [min(found, key=lambda one: one[0])[1]] if found else []


def _filters(account_id: int, wanted: Wanted) -> list[Any]:
    """What the source itself does not guarantee; each looks at one row of an index."""
    found: list[Any] = []
    if (rule := _rule(account_id, wanted)) is not None:
        found.append(segments.condition(account_id, rule))
    if wanted.list_id:
        on_list = sa.exists().where(
            Subscription.contact_id == Contact.id, Subscription.list_id == wanted.list_id
        )
        if wanted.state in ("active", "pending", "ended"):
            on_list = on_list.where(Subscription.state == wanted.state)
        else:
            on_list = on_list.where(Subscription.state != "ended")
        found.append(on_list)
    if wanted.tag_id:
        found.append(
            sa.exists().where(
                contact_tag.c.contact_id == Contact.id, contact_tag.c.tag_id == wanted.tag_id
            )
        )
    if wanted.state == "suppressed":
        found.append(
            sa.exists().where(
                Suppression.account_id == account_id, Suppression.address == Contact.address
            )
        )
    if wanted.kind:
        found.append(Contact.kind == wanted.kind)
    if wanted.external_id:
        found.append(_is_called(wanted.external_id))
    if wanted.mailbox:
        found.append(mailboxes.condition(wanted.mailbox))
    if wanted.finding:
        found.append(
            sa.exists().where(
                Finding.contact_id == Contact.id, *_found_as(account_id, wanted.finding)
            )
        )
    return found


def _found_as(account_id: int, finding: str) -> tuple[Any, ...]:
    """Findings of a kind as a condition; silent ones from so many days on."""
    kind, _, days = finding.partition("-")
    same = (Finding.account_id == account_id, Finding.kind == kind)
    return (*same, Finding.n >= int(days)) if days.isdecimal() and len(days) < 6 else same


def conditions(account_id: int, wanted: Wanted) -> list[Any]:
    """What makes a contact one of these people, as conditions on its row: for statements that
    walk through contacts by themselves."""
    found = [Contact.account_id == account_id, *_filters(account_id, wanted)]
    if words := wanted.text.split():
        found.append(sa.or_(*(source.matches for source in _by_text(account_id, words))))
    return found


def _plan(account_id: int, wanted: Wanted) -> Plan:
    """The narrowest way to these people."""
    filters = _filters(account_id, wanted)
    small = _few(wanted)
    if words := wanted.text.split():
        sources = _by_text(account_id, words)
        if not small:
            return Plan(sources, filters)
        # A few people on a list are looked through sooner than the many of a name.
        return Plan(small, [*filters, sa.or_(*(source.matches for source in sources))])
    if small:
        return Plan(small, filters)
    if wanted.external_id:
        return Plan([_called(account_id, wanted.external_id)], filters)
    if wanted.state == "suppressed":
        return Plan([_suppressed(account_id)], filters)
    if wanted.list_id:
        return Plan(_on_list_as(wanted), filters)
    if wanted.tag_id:
        return Plan([_tagged(wanted.tag_id)], filters)
    if wanted.finding:
        return Plan([_found(account_id, wanted.finding)], filters)
    rule = _rule(account_id, wanted)
    narrow = _narrowest(account_id, rule) if rule else []
    return Plan(narrow or [_everybody(account_id)], filters)


def _everybody(account_id: int) -> Source:
    own = (Contact.account_id == account_id,)
    return Source((Contact.id,), Contact.id, own, descending=True)


def _few(wanted: Wanted) -> list[Source]:
    """The tag or the list asked for, when its counter says that it has few people."""
    if wanted.tag_id:
        people = db.session.scalar(sa.select(Tag.people).where(Tag.id == wanted.tag_id))
        if people is not None and people <= FEW:
            return [_tagged(wanted.tag_id)]
    if wanted.list_id and wanted.state != "ended":
        size = sa.select(ContactList.active + ContactList.pending)
        people = db.session.scalar(size.where(ContactList.id == wanted.list_id))
        if people is not None and people <= FEW:
            return _on_list_as(wanted)
    return []


def _on_list_as(wanted: Wanted) -> list[Source]:
    one = wanted.state in ("active", "pending", "ended")
    states = (wanted.state,) if one else ("active", "pending")
    return [_on_list(wanted.list_id or 0, state) for state in states]


def _on_list(list_id: int, state: str) -> Source:
    return Source(
        (Subscription.contact_id,),
        Subscription.contact_id,
        (Subscription.list_id == list_id, Subscription.state == state),
        descending=True,
    )


def _tagged(tag_id: int) -> Source:
    contact_id = contact_tag.c.contact_id
    return Source((contact_id,), contact_id, (contact_tag.c.tag_id == tag_id,), descending=True)


def _found(account_id: int, finding: str) -> Source:
    keys = (Finding.contact_id, Finding.other_id)
    return Source(keys, Finding.contact_id, _found_as(account_id, finding))


def _suppressed(account_id: int) -> Source:
    same = sa.and_(
        Contact.account_id == Suppression.account_id, Contact.address == Suppression.address
    )
    return Source(
        (Suppression.id,),
        Contact.id,
        (Suppression.account_id == account_id,),
        descending=True,
        joined=(Suppression, Contact, same),
    )


def _is_called(external_id: str) -> Any:
    """The second part is what the index is made for."""
    return sa.and_(Contact.external_id == external_id, Contact.external_id != "")


def _called(account_id: int, external_id: str) -> Source:
    own = _is_called(external_id)
    return Source(
        (Contact.id,), Contact.id, (Contact.account_id == account_id, own), matches=own,
        descending=True,
    )  # fmt: skip


def _by_text(account_id: int, words: Sequence[str]) -> list[Source]:
    """Address, names and company that begin so, and who is called exactly so in another system;
    of several words also first and last name."""
    whole = search_key(" ".join(words))
    first, last, company = Contact.first_key, Contact.last_key, Contact.company_key
    sources = [
        _begins(account_id, last, whole, first),
        _begins(account_id, first, whole, last),
        _begins(account_id, company, whole),
    ]
    if len(words) == 1:
        sources.insert(0, _begins(account_id, Contact.address, _address_beginning(words[0])))
        sources.insert(0, _called(account_id, words[0]))
    for cut in range(1, min(len(words), 4)):
        one, two = search_key(" ".join(words[:cut])), search_key(" ".join(words[cut:]))
        sources.append(_begins(account_id, last, two, equal=(first, one)))
        sources.append(_begins(account_id, first, two, equal=(last, one)))
    return sources


def _address_beginning(text: str) -> str:
    """As addresses are kept: composed, small, the names of the domain in their ASCII form."""
    local, at, domain = unicodedata.normalize("NFC", text).lower().partition("@")
    return local + at + ".".join(map(_ascii_name, domain.split(".")))


def _ascii_name(name: str) -> str:
    try:
        return name if name.isascii() else idna.alabel(name).decode()
    except idna.IDNAError:
        return name


def _begins(
    account_id: int, column: Any, text: str, *more: Any, equal: tuple[Any, str] | None = None
) -> Source:
    """Contacts whose column begins with the text, in the order of the column's index."""
    span = sa.and_(column >= text, column < text + _END)
    if equal:
        span = sa.and_(equal[0] == equal[1], span)
    keys = (column, *more, Contact.id)
    return Source(keys, Contact.id, (Contact.account_id == account_id, span), matches=span)


def _position(cursor: str | None, sources: Sequence[Source]) -> tuple[int, list[Any] | None]:
    found = decode(cursor)
    if found is None:
        return 0, None
    number, *after = found or [None]
    if not isinstance(number, int) or not 0 <= number < len(sources):
        raise Invalid(_NO_PAGE)
    keys = sources[number].keys
    if after and (len(after) != len(keys) or not all(map(_fits, after, keys))):
        raise Invalid(_NO_PAGE)
    return number, after or None


def _fits(value: Any, key: Any) -> bool:
    if key.type.python_type is int:
        return type(value) is int and abs(value) < 1 << 62
    return isinstance(value, str) and "\0" not in value


def _load(account_id: int, ids: Sequence[int]) -> list[Contact]:
    """The rows, in the order of their ids in the list."""
    if not ids:
        return []
    rows = db.session.scalars(
        sa.select(Contact).where(Contact.id.in_(ids), Contact.account_id == account_id)
    )
    by_id = {row.id: row for row in rows}
    return [by_id[found] for found in ids if found in by_id]
