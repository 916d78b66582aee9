"""What members declared, agreed to and accepted. Rows are only ever added: the newest counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from app.accounts import auditing
from app.accounts.models import Account, Member
from app.core.clock import now
from app.core.db import db
from app.core.errors import Invalid, NotFound
from app.privacy import publishing
from app.privacy.models import Acceptance, MemberConsent, PolicyVersion


@dataclass(frozen=True)
class Wording:
    """What a box says. A change of the text needs a new version."""

    title: str
    text: str
    version: int
    is_consent: bool
    """Can be taken back; a declaration cannot."""
    is_topic: bool = False
    """What news by mail is about; holds as long as nobody takes it back."""


WORDINGS = {
    "business": Wording(
        "Acting for a business",
        "I act for a business, a public body or an association, not as a consumer.",
        1,
        is_consent=False,
    ),
    "marketing_email": Wording(
        "News by e-mail",
        "Send me information and offers about LeaderSend by e-mail. I can take this back at any "
        "time.",
        1,
        is_consent=True,
    ),
    "marketing_post": Wording(
        "News by post",
        "Send me information and offers about LeaderSend by post. I can take this back at any "
        "time.",
        1,
        is_consent=True,
    ),
    "marketing_phone": Wording(
        "News by telephone",
        "Call me with information and offers about LeaderSend. I can take this back at any time.",
        1,
        is_consent=True,
    ),
}
WORDINGS |= {
    "topic_newsletter": Wording(
        "Newsletter",
        "Of what you send me by e-mail, I want the newsletter: what is new, and how to use it.",
        1, is_consent=True, is_topic=True,
    ),
    "topic_promotions": Wording(
        "Promotions",
        "Of what you send me by e-mail, I want offers and promotions.",
        1, is_consent=True, is_topic=True,
    ),
}  # fmt: skip
ACCEPT_WORDING = "I have read the privacy policy, version {number}, and accept it."


def record(
    member: Member, account: Account | None, kind: str, *, granted: bool, network: str = ""
) -> MemberConsent:
    """Note a declaration, a consent or its withdrawal, with the wording of today."""
    wording = WORDINGS.get(kind)
    if wording is None:
        raise NotFound("That consent")
    if not granted and not wording.is_consent:
        raise Invalid("A declaration stays on record. Close the account if it is no longer true.")
    row = MemberConsent(
        member_id=member.id,
        account_id=account.id if account else None,
        kind=kind,
        granted=granted,
        wording=wording.text,
        wording_version=wording.version,
        network=network,
    )
    db.session.add(row)
    auditing.note(account, member, "consent.give" if granted else "consent.take_back", kind)
    return row


def acceptable(number: int) -> PolicyVersion:
    """A version that counts, or will. Raises NotFound for one that is over or never counts."""
    version = publishing.version(number)
    is_over = version.effective_at <= now() and version.id != publishing.keep_up()
    if is_over or publishing.replacements([version]):
        raise NotFound("That version is not in force. The newest one")
    return version


def accept(
    member: Member, account: Account | None, version: PolicyVersion, *, network: str = ""
) -> None:
    """Note that the person accepted a version; a second time changes nothing."""
    if has_accepted(member, version):
        return
    db.session.add(
        Acceptance(
            member_id=member.id,
            account_id=account.id if account else None,
            policy_version_id=version.id,
            wording=ACCEPT_WORDING.format(number=version.number),
            network=network,
        )
    )
    auditing.note(account, member, "policy.accept", f"version {version.number}")


def has_accepted(member: Member, version: PolicyVersion) -> bool:
    """Whether the person accepted this version."""
    return bool(
        db.session.scalar(
            sa.select(Acceptance.id)
            .where(Acceptance.member_id == member.id, Acceptance.policy_version_id == version.id)
            .limit(1)
        )
    )


def last_accepted(member: Member) -> PolicyVersion | None:
    """The newest version that the person accepted."""
    return db.session.scalar(
        sa.select(PolicyVersion)
        .join(Acceptance)
        .where(Acceptance.member_id == member.id)
        .order_by(PolicyVersion.number.desc())
        .limit(1)
    )


def standing(member: Member) -> dict[str, MemberConsent]:
    """What counts now, by kind: the newest row of each."""
    newest = (
        sa.select(sa.func.max(MemberConsent.id))
        .where(MemberConsent.member_id == member.id)
        .group_by(MemberConsent.kind)
    )
    rows = db.session.scalars(sa.select(MemberConsent).where(MemberConsent.id.in_(newest)))
    return {row.kind: row for row in rows}


def standing_of(member_ids: Sequence[int]) -> dict[int, dict[str, MemberConsent]]:
    """As `standing`, by member, for many at once."""
    newest = (
        sa.select(sa.func.max(MemberConsent.id))
        .where(MemberConsent.member_id.in_(member_ids))
        .group_by(MemberConsent.member_id, MemberConsent.kind)
    )
    found: dict[int, dict[str, MemberConsent]] = {}
    for row in db.session.scalars(sa.select(MemberConsent).where(MemberConsent.id.in_(newest))):
        found.setdefault(row.member_id, {})[row.kind] = row
    return found


def history(member: Member) -> Sequence[MemberConsent]:
    """Everything on record, newest first."""
    return db.session.scalars(
        sa.select(MemberConsent)
        .where(MemberConsent.member_id == member.id)
        .order_by(MemberConsent.id.desc())
        .limit(100)
    ).all()


def acceptances(member: Member) -> Sequence[Acceptance]:
    """Accepted versions, newest first."""
    return db.session.scalars(
        sa.select(Acceptance)
        .where(Acceptance.member_id == member.id)
        .order_by(Acceptance.id.desc())
        .limit(100)
    ).all()
