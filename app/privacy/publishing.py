"""Publishing the policy: a version is written once and never changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from app.config import Config
from app.core import settings
from app.core.db import db, transaction
from app.core.errors import NotFound
from app.privacy import comparing, policy
from app.privacy.models import PolicyVersion

_known: dict[Config, str] = {}


def current() -> PolicyVersion:
    """The version in force. Publishes a new one when the installation's text has moved on."""
    newest = _newest()
    if newest is not None and newest.fingerprint == _fingerprint_now():
        return newest
    try:
        with transaction():
            return publish(policy.text(settings.get()))
    except IntegrityError:  # another process was quicker
        found = _newest()
        assert found is not None  # noqa: S101
        return found


def publish(sections: Sequence[policy.Section]) -> PolicyVersion:
    """Add a version, or return the newest when it says the same."""
    newest = _newest()
    if newest is not None and newest.fingerprint == fingerprint(sections):
        return newest
    version = PolicyVersion(
        number=newest.number + 1 if newest else 1,
        sections=[dict(section) for section in sections],
        fingerprint=fingerprint(sections),
        summary=_summary(newest, sections),
    )
    db.session.add(version)
    db.session.flush()
    return version


def in_force() -> int | None:
    """The id of the newest version, without looking whether the text has moved on."""
    return db.session.scalar(
        sa.select(PolicyVersion.id).order_by(PolicyVersion.number.desc()).limit(1)
    )


def version(number: int) -> PolicyVersion:
    """A published version. Raises NotFound."""
    found = db.session.scalar(sa.select(PolicyVersion).where(PolicyVersion.number == number))
    if found is None:
        raise NotFound("That version")
    return found


def versions() -> Sequence[PolicyVersion]:
    """The latest hundred, newest first."""
    return db.session.scalars(
        sa.select(PolicyVersion).order_by(PolicyVersion.number.desc()).limit(100)
    ).all()


def fingerprint(sections: Sequence[policy.Section]) -> str:
    """SHA-256 of the text."""
    canonical = json.dumps(list(sections), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _fingerprint_now() -> str:
    config = settings.get()
    if config not in _known:
        _known[config] = fingerprint(policy.text(config))
    return _known[config]


def _newest() -> PolicyVersion | None:
    return db.session.scalar(
        sa.select(PolicyVersion).order_by(PolicyVersion.number.desc()).limit(1)
    )


def _summary(before: PolicyVersion | None, sections: Sequence[policy.Section]) -> str:
    if before is None:
        return "First version."
    changed = comparing.changed_titles(before.sections, [dict(section) for section in sections])
    return "Changed: " + ", ".join(changed) + "." if changed else "Reordered."
