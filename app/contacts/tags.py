"""Words on contacts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import sqlalchemy as sa
from sqlalchemy.engine import CursorResult

from app.contacts import counting
from app.contacts.bulk import insert_missing
from app.contacts.models import Contact, Tag, contact_tag
from app.contacts.text import TAG_LENGTH, clean_line, refuse_card_number
from app.core.db import db
from app.core.errors import Invalid

MOST = 1_000


def clean(name: str) -> str:
    """A tag as it is kept. Raises CardNumber."""
    name = clean_line(name.replace(",", " "), TAG_LENGTH)
    refuse_card_number(name, "A tag")
    return name


def named(account_id: int, name: str) -> Tag:
    """The tag of that name, made where there is none. Raises Invalid."""
    name = _needed(name)
    if found := _find(account_id, name):
        return found
    so_far = sa.select(sa.func.count()).where(Tag.account_id == account_id)
    if (db.session.scalar(so_far) or 0) >= MOST:
        raise Invalid(
            f"An account can have {MOST:,} tags. Use a field for what differs per person."
        )
    tag = Tag(account_id=account_id, name=name, people=0)
    db.session.add(tag)
    db.session.flush()
    return tag


def known(account_id: int, name: str) -> Tag:
    """The tag of that name. Raises Invalid where there is none."""
    if found := _find(account_id, _needed(name)):
        return found
    raise Invalid(f"Nobody has a tag “{clean(name)}”. Look how it is written.")


def is_known(account_id: int, name: str) -> bool:
    """Whether there is a tag of that name."""
    return _find(account_id, clean(name)) is not None


def forget_unused(tag_id: int) -> None:
    """Remove a tag that nobody has."""
    db.session.execute(
        sa.delete(Tag).where(Tag.id == tag_id, Tag.people == 0),
        execution_options={"synchronize_session": False},
    )


def _needed(name: str) -> str:
    name = clean(name)
    if not name:
        raise Invalid("Give the tag a name.")
    return name


def _find(account_id: int, name: str) -> Tag | None:
    return db.session.scalar(sa.select(Tag).where(Tag.account_id == account_id, Tag.name == name))


def add(tag: Tag, contact_ids: Sequence[int]) -> int:
    """Put a tag on contacts of its account; returns how many did not have it."""
    rows = [{"contact_id": contact_id, "tag_id": tag.id} for contact_id in contact_ids]
    added = len(insert_missing(contact_tag, rows))
    counting.tagged(tag.id, added)
    return added


def remove(tag: Tag, contact_ids: Sequence[int]) -> int:
    """Take a tag off; returns how many had it."""
    done = db.session.execute(
        sa.delete(contact_tag).where(
            contact_tag.c.tag_id == tag.id, contact_tag.c.contact_id.in_(contact_ids)
        )
    )
    removed = done.rowcount if isinstance(done, CursorResult) else 0
    counting.tagged(tag.id, -removed)
    return removed


def replace(contact: Contact, names: Iterable[str]) -> bool:
    """Exactly these tags on a contact; whether anything changed."""
    wanted = {cleaned for name in names if (cleaned := clean(name))}
    has = {tag.name: tag for tag in _of(contact)}
    for name, tag in has.items():
        if name not in wanted:
            remove(tag, [contact.id])
    for name in sorted(wanted - has.keys()):
        add(named(contact.account_id, name), [contact.id])
    if wanted == has.keys():
        return False
    db.session.expire(contact, ["tags"])
    return True


def names_of(contact: Contact) -> set[str]:
    """The tags that a contact has."""
    return {tag.name for tag in _of(contact)}


def _of(contact: Contact) -> Sequence[Tag]:
    return db.session.scalars(
        sa.select(Tag).join(contact_tag).where(contact_tag.c.contact_id == contact.id)
    ).all()
