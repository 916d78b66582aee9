"""Publishing the policy: a version is written once and never changed.

People publish the draft, with a date from which it counts. The program publishes by itself where
the settings or the program have moved on, so that the text never says what is not so.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import aliased, defer

from app.accounts import auditing
from app.accounts.models import Member
from app.core import settings
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import Invalid, NotFound, WrongState
from app.privacy import comparing, figures, inventory, policy
from app.privacy.models import Acceptance, PolicyMailing, PolicyVersion

#: More than any version has.
LARGEST = 1_000_000
#: How far ahead a version may be announced: one for a mistyped year would stand there for good.
FURTHEST = timedelta(days=366)
_known: dict[tuple[Any, ...], str] = {}


@dataclass(frozen=True)
class News:
    """A version as the banner tells of it, without its text."""

    number: int
    published_at: datetime
    effective_at: datetime
    summary: str
    changes: int
    follows: int | None
    matters: bool

    @property
    def is_ahead(self) -> bool:
        """Whether it does not count yet."""
        return self.effective_at > now()


@dataclass(frozen=True)
class Standing:
    """What a person has not accepted."""

    news: News | None
    """The newest version, counting already or soon."""
    wanted: News | None
    """The version that they must accept before they go on."""
    is_kept_up: bool
    """Whether the version in force says what is so; else another one is to be published."""


def current() -> PolicyVersion:
    """The version in force. Publishes a new one when the installation's text has moved on."""
    keep_up()
    return _in_force(now())


def keep_up() -> int:
    """Publish by itself where the version in force does not say any more what is so; the id of
    the one in force."""
    row = db.session.execute(_latest(now(), PolicyVersion.id, PolicyVersion.fingerprint)).first()
    if row is not None and row.fingerprint == _fingerprint_now(*row):
        return int(row.id)
    try:
        with transaction():
            sources = db.session.scalar(_latest(now(), PolicyVersion.sources)) or {}
            return publish(policy.text(settings.get(), sources), sources=sources).id
    except IntegrityError:  # another process was quicker
        return _in_force(now()).id


def publish(
    sections: Sequence[policy.Section],
    *,
    sources: Mapping[str, Any] | None = None,
    summary: str = "",
    effective_at: datetime | None = None,
    matters: bool = False,
    by: Member | None = None,
) -> PolicyVersion:
    """Add a version, or return the one it would follow when that says the same."""
    # The number first: who reads the texts later than that and finds the number taken was slower.
    number = (db.session.scalar(sa.select(sa.func.max(PolicyVersion.number))) or 0) + 1
    moment = effective_at or now()
    before: PolicyVersion | None = db.session.scalar(_latest(moment, PolicyVersion))
    if before is not None and before.fingerprint == fingerprint(sections):
        return before
    parts = comparing.compare(before.sections, sections) if before else []
    version = PolicyVersion(
        number=number,
        effective_at=moment,
        sections=[dict(section) for section in sections],
        fingerprint=fingerprint(sections),
        summary=summary or _summary(before, parts),
        sources=dict(sources or {}),
        follows=before.number if before else None,
        changes=sum(part.changes for part in parts),
        matters=matters,
        by_member_id=by.id if by else None,
    )
    db.session.add(version)
    db.session.flush()
    if before is not None:
        db.session.add(PolicyMailing(policy_version_id=version.id))
        db.session.flush()
    return version


def publish_draft(
    by: Member, *, seen: str, summary: str, effective_at: datetime | None, matters: bool
) -> PolicyVersion:
    """Publish what the draft says now. Raises Invalid, and WrongState where it is not the text
    with the fingerprint `seen`, which the person looked at.
    """
    if not summary.strip():
        raise Invalid("Say in plain words what changes.")
    if effective_at is not None and effective_at < now():
        effective_at = None
    if effective_at is not None and effective_at > now() + FURTHEST:
        text = "Choose a day within a year: what is published cannot be taken back."
        raise Invalid(text, {"effective_on": [text]})
    sources = inventory.draft()
    sections = policy.text(settings.get(), sources)
    if fingerprint(sections) != seen:
        raise WrongState("The draft has changed since you looked at it. Look again, then publish.")
    said: PolicyVersion | None = db.session.scalar(_latest(effective_at or now(), PolicyVersion))
    if said is not None and said.fingerprint == seen:
        raise Invalid("The draft says what the policy says already. There is nothing to publish.")
    try:
        version = publish(
            sections, sources=sources, summary=summary.strip(), effective_at=effective_at,
            matters=matters, by=by,
        )  # fmt: skip
    except IntegrityError:  # the number is taken: two pressed the button at the same instant
        raise WrongState(
            "Somebody else published a version at the same moment. Look at the draft again."
        ) from None
    if (version.by_member_id, version.summary) != (by.id, summary.strip()):
        raise WrongState("Somebody else has just published this draft.")
    auditing.note(None, by, "policy.publish", f"version {version.number}")
    return version


def drafted() -> list[policy.Section]:
    """The text that publishing now would give."""
    return policy.text(settings.get(), inventory.draft())


def standing_of(member: Member) -> Standing:
    """What the versions mean to a person. Every page asks for it, so it is one statement."""
    found = _standing_of(member)
    in_force = found.get("in_force")
    return Standing(
        _news(found.get("news")),
        _news(found.get("wanted")),
        in_force is not None
        and in_force.fingerprint == _fingerprint_now(in_force.id, in_force.fingerprint),
    )


def _standing_of(member: Member) -> dict[str, sa.Row[Any]]:
    moment = now()
    columns = [PolicyVersion.id, PolicyVersion.fingerprint]
    columns += [getattr(PolicyVersion, name) for name in News.__dataclass_fields__]
    newest = (
        sa.select(*columns)
        .where(~_accepted_since(member), ~_is_replaced())
        .order_by(PolicyVersion.number.desc())
        .limit(1)
    )
    wanted = PolicyVersion.matters.is_(True), PolicyVersion.effective_at <= moment
    rows = {
        "in_force": _latest(moment, *columns), "news": newest, "wanted": newest.where(*wanted),
    }  # fmt: skip
    each = [
        sa.select(sa.literal(name).label("name"), query.subquery()) for name, query in rows.items()
    ]
    return {row.name: row for row in db.session.execute(sa.union_all(*each))}


def _news(row: sa.Row[Any] | None) -> News | None:
    if row is None:
        return None
    return News(**{name: getattr(row, name) for name in News.__dataclass_fields__})


def in_force() -> int | None:
    """The id of the version in force, without looking whether the text has moved on."""
    found: int | None = db.session.scalar(_latest(now(), PolicyVersion.id))
    return found


def version(number: int) -> PolicyVersion:
    """A published version. Raises NotFound."""
    found = (
        db.session.scalar(sa.select(PolicyVersion).where(PolicyVersion.number == number))
        if number < LARGEST
        else None
    )
    if found is None:
        raise NotFound("That version")
    return found


def number_or_none(number: int | None) -> int | None:
    """The number where there is a version of it: what addresses name may be anything."""
    if number is None or not 0 < number < LARGEST:
        return None
    found: int | None = db.session.scalar(
        sa.select(PolicyVersion.number).where(PolicyVersion.number == number)
    )
    return found


def versions(limit: int = 100) -> Sequence[PolicyVersion]:
    """The latest, newest first, without their texts."""
    return db.session.scalars(
        sa.select(PolicyVersion)
        .options(defer(PolicyVersion.sections), defer(PolicyVersion.sources))
        .order_by(PolicyVersion.number.desc())
        .limit(limit)
    ).all()


def ahead() -> PolicyVersion | None:
    """The next version that is published and does not count yet."""
    return db.session.scalar(
        sa.select(PolicyVersion)
        .where(PolicyVersion.effective_at > now(), ~_is_replaced())
        .order_by(PolicyVersion.effective_at, PolicyVersion.number.desc())
        .limit(1)
    )


def replacements(found: Sequence[PolicyVersion]) -> dict[int, int]:
    """Numbers of versions that never count → the number that took their place."""
    later = aliased(PolicyVersion)
    rows = db.session.execute(
        sa.select(PolicyVersion.number, sa.func.max(later.number).label("by"))
        .join(later, _replaces(later))
        .where(PolicyVersion.id.in_([one.id for one in found]))
        .group_by(PolicyVersion.number)
    )
    return {row.number: row.by for row in rows}


def accepted_by(version_id: int) -> int:
    """How many people accepted a version."""
    return (
        db.session.scalar(
            sa.select(sa.func.count()).where(Acceptance.policy_version_id == version_id)
        )
        or 0
    )


def fingerprint(sections: Sequence[policy.Section]) -> str:
    """SHA-256 of the text."""
    canonical = json.dumps(list(sections), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _fingerprint_now(version_id: int, written: str) -> str:
    """Of what the version would say now; `written` is of what it says."""
    key = (settings.get(), version_id, written, *figures.in_words().values())
    if key not in _known:
        _known.clear()
        row = db.session.scalar(
            sa.select(PolicyVersion.sources).where(PolicyVersion.id == version_id)
        )
        _known[key] = fingerprint(policy.text(settings.get(), row))
    return _known[key]


def _latest(moment: datetime, *what: Any) -> sa.Select[Any]:
    """The version that counts at a moment."""
    return (
        sa.select(*what)
        .where(PolicyVersion.effective_at <= moment, ~_is_replaced())
        .order_by(PolicyVersion.effective_at.desc(), PolicyVersion.number.desc())
        .limit(1)
    )


def _is_replaced() -> sa.Exists:
    """Whether somebody published another text for an earlier day since: that one is their last
    word, and this one would take it back on its day. What the program publishes by itself leaves
    alone what people have announced."""
    later = aliased(PolicyVersion)
    return sa.select(later.id).where(_replaces(later)).correlate(PolicyVersion).exists()


def _replaces(later: Any) -> sa.ColumnElement[bool]:
    return sa.and_(
        later.number > PolicyVersion.number,
        later.effective_at < PolicyVersion.effective_at,
        later.by_member_id.is_not(None),
    )


def _in_force(moment: datetime) -> PolicyVersion:
    found: PolicyVersion | None = db.session.scalar(_latest(moment, PolicyVersion))
    assert found is not None  # noqa: S101
    return found


def _accepted_since(member: Member) -> sa.Exists:
    """Whether somebody accepted that version, or one that counts from later on. What people
    published afterwards is news also to who accepted what it replaced."""
    accepted = aliased(PolicyVersion)
    return (
        sa.select(Acceptance.id)
        .join(accepted, accepted.id == Acceptance.policy_version_id)
        .where(
            Acceptance.member_id == member.id,
            sa.tuple_(accepted.effective_at, accepted.number)
            >= sa.tuple_(PolicyVersion.effective_at, PolicyVersion.number),
            sa.or_(PolicyVersion.by_member_id.is_(None), accepted.number >= PolicyVersion.number),
        )
        .correlate(PolicyVersion)
        .exists()
    )


def _summary(before: PolicyVersion | None, parts: Sequence[comparing.Comparison]) -> str:
    if before is None:
        return "First version."
    changed = [part.title for part in parts if part.changes]
    return "Changed: " + ", ".join(changed) + "." if changed else "Reordered."
