"""Passwords: set by their owner through a link that works once, kept as a scrypt hash, never seen.

The first password and a forgotten one take the same way.
"""

from __future__ import annotations

import unicodedata
from datetime import timedelta

import sqlalchemy as sa
from werkzeug.security import check_password_hash, generate_password_hash

from app.accounts import auditing, notices
from app.accounts.models import Account, Member, Membership
from app.auth import common, links, sessions, steps, strength
from app.auth.models import PasswordLink
from app.auth.strength import Strength
from app.core import settings, tokens
from app.core.clock import now
from app.core.db import db
from app.core.errors import Invalid

LASTS = timedelta(hours=1)
#: Somebody without a password has nothing yet that the link could open to a thief.
FIRST_LASTS = timedelta(days=3)
SHORTEST = 10
LONGEST = 1000
METHOD = "scrypt:32768:8:1"
#: Compared with when nobody has that address, so that the answer takes as long as any other.
_NOBODY = f"{METHOD}${'x' * 16}${'0' * 128}"
#: In place of a hash: there was a password, and it lets nobody in any more.
SPENT = "spent"


def issue(member: Member) -> str:
    """A secret for /password/<secret>: works once, for an hour (three days for a first one)."""
    secret = tokens.secret()
    lasts = LASTS if member.password_hash else FIRST_LASTS
    db.session.add(
        PasswordLink(
            member_id=member.id, token_hash=tokens.hashed(secret), expires_at=now() + lasts
        )
    )
    db.session.flush()
    return secret


def url(secret: str) -> str:
    """The public address of the page that sets a password."""
    return f"{settings.get().BASE_URL}/password/{secret}"


def mail_link(member: Member) -> None:
    """Mail the person a link to set a password."""
    kind = "password_link" if member.password_hash else "password_first"
    notices.queue(kind, member.email, person=member.name, url=url(issue(member)))


def find(secret: str) -> PasswordLink:
    """A living link. Raises DeadLink."""
    return links.living(PasswordLink, secret)


def redeem(secret: str, password: str) -> Member:
    """Set a password by link: once, ending every session, every sign-in that is under way, and
    every other link of the person.

    Raises DeadLink, and Invalid for a password that is too easy.
    """
    link = find(secret)
    member = link.member
    check_strength(password, email=member.email, known=known_about(member))
    links.use_up(link)
    first = member.password_hash is None
    member.password_hash = hashed(password)
    member.password_set_at = now()
    forget_links(member)
    steps.end_all(member)
    sessions.end_all(member)
    _activate(member)
    auditing.note(sessions.first_account(member), member, "password.set")
    if not first:
        notices.queue("password_changed", member.email, person=member.name)
    return member


def forget_links(member: Member) -> None:
    """Let every open link of the person die."""
    db.session.execute(
        sa.update(PasswordLink)
        .where(PasswordLink.member_id == member.id, PasswordLink.used_at.is_(None))
        .values(used_at=now())
    )


def _activate(member: Member) -> None:
    """The mailbox has answered: accounts that waited for their owner are open."""
    owned = sa.select(Membership.account_id).where(
        Membership.member_id == member.id, Membership.role == "owner"
    )
    db.session.execute(
        sa.update(Account)
        .where(Account.id.in_(owned), Account.state == "pending")
        .values(state="active")
    )


def check_strength(password: str, *, email: str, known: tuple[str, ...] = ()) -> None:
    """Raises Invalid with a reason for a password that would be guessed.

    `known` is what everybody can know besides the address: names of the person and the business.
    """
    thought = judge(password, email=email, known=known)
    if thought.level == 0:
        raise Invalid(thought.advice, {"password": [thought.advice]})


def judge(password: str, *, email: str, known: tuple[str, ...] = ()) -> Strength:
    """How strong a password is, and what would make it stronger."""
    plain = _normalised(password)
    if problem := _weakness(plain, email.casefold()):
        return Strength(0, problem)
    return strength.of(plain, known=(email, *known))


def known_about(member: Member) -> tuple[str, ...]:
    """What others know about the person, for judging their password."""
    account = sessions.first_account(member)
    return (member.name, account.name if account else "")


def _weakness(password: str, email: str) -> str:
    if len(password) < SHORTEST:
        return f"Use {SHORTEST} characters or more. A few words in a row are easy to keep in mind."
    if len(password) > LONGEST:
        return f"Use at most {LONGEST} characters."
    folded = password.casefold()
    if folded in (email, email.partition("@")[0], email[::-1]):
        return "This is your address. Choose something that others do not know."
    if common.is_common(password):
        return "This is one of the passwords that everybody tries first. Choose another."
    return ""


def hashed(password: str) -> str:
    """For the database: salted scrypt of the NFC form, the same on every keyboard."""
    return generate_password_hash(_normalised(password), method=METHOD)


def matches(member: Member | None, password: str) -> bool:
    """Whether it is this person's password; takes as long for nobody as for somebody."""
    stored = member.password_hash if member and has_password(member) else None
    right = check_password_hash(stored or _NOBODY, _normalised(password))
    return right and stored is not None


def opens(stored: str, password: str) -> bool:
    """Whether a password of something else than a person, kept as `hashed` gives it, is right."""
    return check_password_hash(stored, _normalised(password))


def has_password(member: Member) -> bool:
    """Whether there is one that lets the person in."""
    return member.password_hash not in (None, SPENT)


def spend(member: Member) -> None:
    """Let the password die: somebody else may know it."""
    if member.password_hash:
        member.password_hash = SPENT


def hold(member: Member, matched: str | None) -> bool:
    """Whether the hash that a password matched is still the person's; held to the end of the
    transaction, so that none is set or spent before whatever the old one opens is there to end.
    """
    query = sa.select(Member.password_hash).where(Member.id == member.id).with_for_update()
    return db.session.scalar(query) == matched


def refresh(member: Member, password: str) -> None:
    """Hash anew where the parameters have grown since; call with a password that matched."""
    if not (member.password_hash or "").startswith(f"{METHOD}$"):
        member.password_hash = hashed(password)


def _normalised(password: str) -> str:
    return unicodedata.normalize("NFC", password)
