"""Bulk actions about permission and being here at all: lists, never mailing, erasing, mending.

They keep the evidence that the same acts by hand leave, and never override what a person wanted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from app.contacts import consent, counting, erasing, suppressions, typos, writing
from app.contacts.bulk import among
from app.contacts.bulk_verbs import (
    Condition,
    Verb,
    changed,
    insert_from,
    is_suppressed,
    mine,
    run,
)
from app.contacts.models import (
    BulkAction,
    Consent,
    Contact,
    ContactList,
    Subscription,
    Suppression,
    bulk_change,
)
from app.contacts.selecting import Span
from app.core.clock import now
from app.core.db import Base, connection, db
from app.core.errors import Invalid
from app.privacy import publishing

PLACE = Base.metadata.tables["subscription"]
#: Each is asked by mail: more than these would look like what forms are misused for.
MOST_ASKED = 5_000


class PutOnList(Verb):
    """given: list (id), name, opt_in, wording (how they agreed)."""

    name = "list"

    def title(self, given: Mapping[str, Any]) -> str:
        asked = " and ask each by mail to confirm" if given.get("opt_in") == "double" else ""
        return f"Put on the list “{given['name']}”{asked}"

    def reasons(self, action: BulkAction) -> Sequence[tuple[str, Condition]]:
        list_id = action.given["list"]
        return [
            ("suppressed", is_suppressed()),
            ("already", _is_on(list_id, "active")),
            ("pending", _is_on(list_id, "pending")),
            ("left", sa.and_(_is_on(list_id, "ended"), _left_themselves(list_id))),
        ]

    def before(self, action: BulkAction) -> Mapping[str, Any]:
        return _place_before(action.given["list"], "ended")

    def do(self, action: BulkAction, wanted: Sequence[Any], span: Span) -> Counter[str]:
        counts = super().do(action, wanted, span)
        if counts["change"] and action.given.get("opt_in") != "double":
            wording = action.given.get("wording", "")
            _note(action, "stated", wording, changed(action, span))
        return counts

    def apply(self, action: BulkAction, span: Span) -> None:
        if action.given.get("opt_in") == "double":
            _ask_each(action, span)
            return
        values = {"state": "active", "since": action.began_at, "ended_at": None}
        there = run(
            sa.update(PLACE)
            .where(PLACE.c.list_id == action.given["list"], PLACE.c.state == "ended")
            .where(among(PLACE.c.contact_id, changed(action, span)))
            .values(**values)
        )
        names = ["contact_id", "list_id", "account_id", "state", "since"]
        new = sa.select(
            bulk_change.c.contact_id, sa.literal(action.given["list"]),
            sa.literal(action.account_id), sa.literal("active"),
            sa.literal(action.began_at, PLACE.c.since.type),
        ).where(*mine(action, span))  # fmt: skip
        joined = there + insert_from(PLACE, new, names)
        counting.on_list(action.given["list"], active=joined)

    def take_back(self, action: BulkAction, span: Span) -> int:
        list_id, old = action.given["list"], bulk_change.c
        ours = sa.or_(
            sa.and_(PLACE.c.state == "active", PLACE.c.since == action.began_at),
            sa.and_(PLACE.c.state == "pending", PLACE.c.since >= action.began_at),
        )
        here = [PLACE.c.list_id == list_id, among(PLACE.c.contact_id, changed(action, span)), ours]
        still = sa.select(PLACE.c.contact_id).where(*here)
        _note(action, "withdrawn", "", db.session.scalars(still).all())
        numbers = sa.select(PLACE.c.state, sa.func.count()).where(*here).group_by(PLACE.c.state)
        states = {state: n for state, n in connection().execute(numbers)}  # noqa: C416
        back = sa.update(PLACE).where(
            PLACE.c.contact_id == old.contact_id, PLACE.c.list_id == list_id, ours,
            *mine(action, span), old.was_state.is_not(None),
        )  # fmt: skip
        done = run(back.values(state=old.was_state, since=old.was_since, ended_at=old.was_ended))
        done += run(sa.delete(PLACE).where(*here))
        for state, n in states.items():
            counting.on_list(list_id, **{state: -n})
        return done


class TakeOffList(Verb):
    """given: list (id), name."""

    name = "unlist"

    def title(self, given: Mapping[str, Any]) -> str:
        return f"Take off the list “{given['name']}”"

    def reasons(self, action: BulkAction) -> Sequence[tuple[str, Condition]]:
        on = _is_on(action.given["list"], "active", "pending")
        return [("not_so", ~on)]

    def before(self, action: BulkAction) -> Mapping[str, Any]:
        return _place_before(action.given["list"], "active", "pending")

    def apply(self, action: BulkAction, span: Span) -> None:
        list_id, old = action.given["list"], bulk_change.c
        numbers = sa.select(old.was_state, sa.func.count()).where(*mine(action, span))
        states = connection().execute(numbers.group_by(old.was_state)).all()
        run(
            sa.update(PLACE)
            .where(PLACE.c.list_id == list_id, among(PLACE.c.contact_id, changed(action, span)))
            .values(state="ended", ended_at=action.began_at)
        )
        _note(action, "withdrawn", "", changed(action, span))
        for state, n in states:
            counting.on_list(list_id, **{state: -n})

    def take_back(self, action: BulkAction, span: Span) -> int:
        list_id, old = action.given["list"], bulk_change.c
        ours = sa.and_(PLACE.c.state == "ended", PLACE.c.ended_at == action.began_at)
        here = [PLACE.c.contact_id == old.contact_id, PLACE.c.list_id == list_id, ours]
        numbers = sa.select(old.was_state, sa.func.count()).where(*mine(action, span), *here)
        states = connection().execute(numbers.group_by(old.was_state)).all()
        still = sa.select(PLACE.c.contact_id).where(
            among(PLACE.c.contact_id, changed(action, span)), PLACE.c.list_id == list_id, ours
        )
        _note(action, "restored", "", db.session.scalars(still).all())
        done = run(
            sa.update(PLACE)
            .where(*here, *mine(action, span))
            .values(state=old.was_state, since=old.was_since, ended_at=old.was_ended)
        )
        for state, n in states:
            counting.on_list(list_id, **{state: n})
        return done


def _is_on(list_id: int, *states: str) -> Condition:
    return sa.exists().where(
        Subscription.contact_id == Contact.id,
        Subscription.list_id == list_id,
        Subscription.state.in_(states),
    )


def _left_themselves(list_id: int) -> Condition:
    """As consent.subscribe asks it: the last word about this list was the person's own no."""
    no, later = aliased(Consent), aliased(Consent)
    said = (
        no.contact_id == Contact.id, no.list_id == list_id, no.kind == "withdrawn",
        no.source.in_(consent.BY_PERSON),
    )  # fmt: skip
    taken_back = sa.exists().where(
        later.contact_id == no.contact_id, later.list_id == list_id, later.id > no.id
    )
    return sa.exists().where(*said, ~taken_back)


def _place_before(list_id: int, *states: str) -> dict[str, Any]:
    """A place in one of these states. They are named so that each index leads to the one row,
    whichever PostgreSQL takes while it knows nothing yet of a new list."""

    def was(column: Any) -> Any:
        here = sa.select(column).where(
            PLACE.c.contact_id == Contact.id, PLACE.c.list_id == list_id, PLACE.c.state.in_(states)
        )
        return here.correlate(Contact).scalar_subquery()

    return {
        "was_state": was(PLACE.c.state),
        "was_since": was(PLACE.c.since),
        "was_ended": was(PLACE.c.ended_at),
    }


def _ask_each(action: BulkAction, span: Span) -> None:
    """One confirmation mail each, and never two a day: as by hand."""
    list_ = db.session.get_one(ContactList, action.given["list"])
    ids = changed(action, span)
    for contact in db.session.scalars(sa.select(Contact).where(among(Contact.id, ids))):
        consent.subscribe(
            contact, list_, source="hand", wording=action.given.get("wording", ""),
            evidence=_evidence(action),
        )  # fmt: skip


def _note(action: BulkAction, kind: str, wording: str, ids: Sequence[int]) -> None:
    """The evidence that the same act leaves for one person, for many."""
    said = {
        "account_id": action.account_id, "list_id": action.given["list"], "kind": kind,
        "source": "hand", "wording": wording, "at": now(),
        "evidence": {"list": action.given["name"], **_evidence(action)},
        "policy_version_id": publishing.in_force(),
    }  # fmt: skip
    columns = Consent.__table__.c
    values = {name: sa.literal(value, columns[name].type) for name, value in said.items()}
    people = sa.select(Contact.id, Contact.address, *values.values()).where(among(Contact.id, ids))
    connection().execute(
        sa.insert(Consent.__table__).from_select(  # type: ignore[arg-type]
            ["contact_id", "address", *values], people.order_by(Contact.id), include_defaults=False
        )
    )


def _evidence(action: BulkAction) -> dict[str, Any]:
    return {"member": action.member_id, "bulk": action.id}


class NeverMail(Verb):
    """given: nothing. They get no more mail of this account, at once."""

    name = "suppress"
    chunk = 5_000
    is_grave = True

    def title(self, given: Mapping[str, Any]) -> str:
        return "Never mail them again"

    def reasons(self, action: BulkAction) -> Sequence[tuple[str, Condition]]:
        return [("already", is_suppressed())]

    def apply(self, action: BulkAction, span: Span) -> None:
        self.bar(action, changed(action, span))

    def take_back(self, action: BulkAction, span: Span) -> int:
        return run(sa.delete(Suppression).where(*self.bars(action, changed(action, span))))

    def bar(self, action: BulkAction, ids: Sequence[int]) -> None:
        """Keep these people out, in a way that this action's undo knows again."""
        addresses = db.session.scalars(
            sa.select(Contact.address).where(among(Contact.id, ids))
        ).all()
        detail = self.detail(action)
        reasons = dict.fromkeys(addresses, "account")
        suppressions.add_many(action.account_id, reasons, detail=detail)

    def bars(self, action: BulkAction, ids: Sequence[int]) -> list[Any]:
        """The suppressions that this action made, while they are still its own."""
        addresses = db.session.scalars(sa.select(Contact.address).where(among(Contact.id, ids)))
        return [
            Suppression.account_id == action.account_id, Suppression.reason == "account",
            Suppression.detail == self.detail(action), among(Suppression.address, addresses.all()),
        ]  # fmt: skip

    def detail(self, action: BulkAction) -> str:
        """Shown with the suppression."""
        return f"with many others, no. {action.id}"


class Erase(NeverMail):
    """given: nothing. At once nobody of them is mailed; a day later they are erased."""

    name = "delete"
    chunk = 2_000
    undo_days = 0

    def title(self, given: Mapping[str, Any]) -> str:
        return "Erase them"

    def reasons(self, action: BulkAction) -> Sequence[tuple[str, Condition]]:
        waits = sa.exists().where(
            bulk_change.c.contact_id == Contact.id, bulk_change.c.action_id == action.id
        )
        return [("already", waits)]

    def before(self, action: BulkAction) -> Mapping[str, Any]:
        return {"was_state": sa.case((is_suppressed(), "suppressed"), else_=sa.null())}

    def apply(self, action: BulkAction, span: Span) -> None:
        here = bulk_change.c
        free = sa.select(here.contact_id).where(
            here.action_id == action.id, span.of(here.contact_id), here.was_state.is_(None)
        )
        self.bar(action, db.session.scalars(free).all())

    def detail(self, action: BulkAction) -> str:
        return f"waits to be erased, no. {action.id}"

    def take_back(self, action: BulkAction, span: Span) -> int:
        super().take_back(action, span)
        return span.people  # also those who must not be mailed for another reason

    def erase(self, action: BulkAction, span: Span) -> int:
        """The end of the wait: nothing of them stays but what keeps out who wanted to be out."""
        ids = changed(action, span)
        if ids:
            run(sa.delete(Suppression).where(*self.bars(action, changed(action, span))))
            erasing.erase_many(action.account_id, ids, by="owner")
        return len(ids)


class MendAddress(Verb):
    """given: nothing. gmial.com becomes gmail.com, for those whose right address is free."""

    name = "mend"
    chunk = 500

    def title(self, given: Mapping[str, Any]) -> str:
        return "Mend mistyped addresses"

    def count(self, action: BulkAction, wanted: Sequence[Any], span: Span) -> Counter[str]:
        return Counter(what for what, _ in self._sorted(action, wanted, span))

    def do(self, action: BulkAction, wanted: Sequence[Any], span: Span) -> Counter[str]:
        counts: Counter[str] = Counter()
        rows = []
        for what, contact in self._sorted(action, wanted, span):
            counts[what] += 1
            if what == "change":
                was = {"email": contact.email}
                rows.append({"action_id": action.id, "contact_id": contact.id, "was_value": was})
                writing.update(contact, email=typos.meant(contact.email))
        if rows:
            connection().execute(sa.insert(bulk_change), rows)
        return counts

    def take_back(self, action: BulkAction, span: Span) -> int:
        old = sa.select(bulk_change.c.contact_id, bulk_change.c.was_value)
        done = 0
        for contact_id, was in connection().execute(old.where(*mine(action, span))).all():
            contact = db.session.get(Contact, contact_id)
            if contact and contact.email == typos.meant(was["email"]):
                try:
                    writing.update(contact, email=was["email"])
                except (writing.AddressTaken, suppressions.Suppressed):
                    continue
                done += 1
        return done

    def _sorted(
        self, action: BulkAction, wanted: Sequence[Any], span: Span
    ) -> list[tuple[str, Contact]]:
        people = db.session.scalars(sa.select(Contact).where(*wanted, span.of(Contact.id))).all()
        meant = {contact.id: typos.meant(contact.address) for contact in people}
        account = Contact.account_id == action.account_id
        found = sa.select(Contact.address).where(
            account, among(Contact.address, list(filter(None, meant.values())))
        )
        taken, out = set(db.session.scalars(found)), []
        for contact in people:
            right = meant[contact.id]
            what = "change" if right and right not in taken else "taken" if right else "right"
            if what == "change" and _is_barred(contact, right):
                what = "barred"
            taken.add(right)
            out.append((what, contact))
        return out


def _is_barred(contact: Contact, right: str) -> bool:
    """Whether the new address, or the old one for more than a bounce, must not be mailed."""
    old = suppressions.find(contact.account_id, contact.address)
    return bool(suppressions.find(contact.account_id, right) or (old and old.reason != "bounced"))


def check_number(given: Mapping[str, Any], verb: str, n: int) -> None:
    """Raises Invalid where it would be too many letters at once."""
    if verb == "list" and given.get("opt_in") == "double" and n > MOST_ASKED:
        raise Invalid(
            f"This list asks each person by mail. At most {MOST_ASKED:,} can be asked at once; "
            "choose fewer, or a list that people are on at once."
        )
