"""Whose login at the sign-in provider it is: linked once, after the person has agreed to it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import sqlalchemy as sa

from app.accounts import auditing, notices
from app.accounts.models import Member
from app.auth import provider, sessions, signing_in, steps
from app.auth.models import ProviderLogin
from app.auth.provider import Said
from app.core import settings
from app.core.clock import now
from app.core.db import db
from app.core.errors import Forbidden, NotFound, WrongState

LASTS = timedelta(hours=1)
#: So many mails an hour are enough.
AT_MOST = 3


def demand_place(said: Said) -> None:
    """Raises Forbidden for people of mail domains that the provider does not speak for."""
    domains = settings.get().OIDC_DOMAINS
    if domains and not (said.is_verified and said.email.rpartition("@")[2] in domains):
        where = ", ".join(domains)
        raise Forbidden(f"Only people with an address at {where} can sign in this way.")


def member_of(said: Said) -> Member | None:
    """Whose login it is, where it has been linked."""
    row = _row(said)
    if row is None:
        return None
    row.used_at, row.email = now(), said.email
    return db.session.get_one(Member, row.member_id)


def ask_to_link(said: Said) -> bool:
    """Mail the person of that address a link that links the login; False where there is nobody.

    The provider's word alone opens nothing: whoever runs it could claim any address.
    """
    member = signing_in.find(said.email) if said.is_verified else None
    if member is None:
        return False
    if steps.living("link", member) >= AT_MOST:
        return True
    secret = steps.begin(
        "link",
        member,
        lasts=LASTS,
        issuer=said.issuer,
        subject=said.subject,
        email=said.email,
        address=member.email,
    )
    url = f"{settings.get().BASE_URL}/sign-in/provider/link/{secret}"
    name = settings.get().OIDC_NAME
    notices.queue("provider_link", member.email, person=member.name, name=name, url=url)
    return True


def link_by_mail(secret: str) -> Member:
    """Use the link of that mail, once. Raises Over."""
    step = steps.find("link", secret)
    member = steps.member_of(step)
    if member.email != step.data["address"]:
        raise steps.Over
    steps.use(step)
    _link(member, step.data["issuer"], step.data["subject"], step.data["email"])
    return member


def link(member: Member, said: Said) -> None:
    """For somebody who is signed in and asked for it."""
    _link(member, said.issuer, said.subject, said.email)


def remove(member: Member, login_id: int) -> None:
    """Nobody signs in by it any more. Raises NotFound."""
    gone = db.session.execute(
        sa.delete(ProviderLogin)
        .where(ProviderLogin.id == login_id, ProviderLogin.member_id == member.id)
        .returning(ProviderLogin.id)
    )
    if gone.scalar() is None:
        raise NotFound("That login")
    auditing.note(sessions.first_account(member), member, "provider_login.remove")


def of(member: Member) -> Sequence[ProviderLogin]:
    """The person's logins at the provider of now."""
    if not provider.is_on():
        return []
    mine = sa.select(ProviderLogin).where(
        ProviderLogin.member_id == member.id, ProviderLogin.issuer == settings.get().OIDC_ISSUER
    )
    return db.session.scalars(mine.order_by(ProviderLogin.id)).all()


def _row(said: Said) -> ProviderLogin | None:
    return db.session.scalar(
        sa.select(ProviderLogin).where(
            ProviderLogin.issuer == said.issuer, ProviderLogin.subject == said.subject
        )
    )


def _link(member: Member, issuer: str, subject: str, email: str) -> None:
    row = db.session.scalar(
        sa.select(ProviderLogin).where(
            ProviderLogin.issuer == issuer, ProviderLogin.subject == subject
        )
    )
    if row is not None and row.member_id != member.id:
        raise WrongState("That login belongs to somebody else here.")
    if row is None:
        db.session.add(
            ProviderLogin(member_id=member.id, issuer=issuer, subject=subject, email=email)
        )
        auditing.note(sessions.first_account(member), member, "provider_login.add")
