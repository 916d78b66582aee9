"""Tokens by which programs act for an account. Shown once, kept as a hash."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from datetime import timedelta

import sqlalchemy as sa

from app.accounts import auditing, owners, queries, rights
from app.accounts.models import Account, ApiToken, Member
from app.core import settings, tokens
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import Forbidden, Invalid
from app.core.owning import owned
from app.plans import allowance

#: What a token may be allowed, with the words that a person reads.
SCOPES = {
    "contacts:read": "Read contacts and lists",
    "contacts:write": "Change and import contacts and lists",
    "campaigns:read": "Read campaigns, receipts and reports",
    "campaigns:write": "Write campaigns and send tests",
    "campaigns:send": "Send, pause and cancel campaigns",
    "suppressions:read": "Read who must not be mailed",
    "suppressions:write": "Add and remove own suppressions",
}
#: What only the operator gives out: numbers of the whole installation.
OPERATOR_SCOPES = {"metrics:read": "Read /metrics"}
ALL_SCOPES = (*SCOPES, *OPERATOR_SCOPES)
PREFIX = "ls_"
AT_MOST = 50
NETWORKS = 20
WARNED_BEFORE = timedelta(days=7)


def make(
    account: Account,
    by: Member | None,
    *,
    name: str,
    scopes: Sequence[str],
    days: int | None = None,
    networks: str = "",
) -> tuple[ApiToken, str]:
    """A new token and its plain text, which nobody can see again.

    `days` until it ends (None: never); `networks` from where alone it may be used; `by`: None for
    the operator. Raises Forbidden to who is no owner any more.
    """
    if by is not None:
        _demand_owner(account, by)
    known = ALL_SCOPES if by is None else tuple(SCOPES)
    unknown = [scope for scope in scopes if scope not in known]
    if unknown or not scopes:
        words = f"Choose from {', '.join(known)}." if unknown else "Allow it at least one thing."
        raise Invalid(words, {"scopes": [words]})
    allowed = " ".join(parsed_networks(networks))
    if len([one for one in of_account(account) if not (one.revoked_at or one.is_over)]) >= AT_MOST:
        raise Invalid(f"{AT_MOST} tokens are in use. Revoke one first.")
    plain = PREFIX + tokens.secret()
    token = ApiToken(
        account_id=account.id,
        name=name,
        token_hash=tokens.hashed(plain),
        hint=plain[-4:],
        scopes=[scope for scope in known if scope in scopes],
        networks=allowed,
        made_by_id=by.id if by else None,
        expires_at=now() + timedelta(days=days) if days else None,
    )
    db.session.add(token)
    db.session.flush()
    auditing.note(account, by, "token.make", f"token {token.id}")
    return token, plain


def _demand_owner(account: Account, by: Member) -> None:
    """With the account locked, so that nobody makes one while they are removed."""
    allowance.hold(account)
    if not rights.allows(rights.of(queries.membership(account, by)), "owner"):
        raise Forbidden("Only owners make API tokens.")


def parsed_networks(text: str) -> list[str]:
    """Addresses and networks as CIDR. Raises Invalid for anything else."""
    found = []
    for part in text.replace(",", " ").split():
        try:
            found.append(str(ipaddress.ip_network(part, strict=False)))
        except ValueError:
            words = f"“{part}” is no network. Write 203.0.113.7 or 203.0.113.0/24."
            raise Invalid(words, {"networks": [words]}) from None
    if len(found) > NETWORKS:
        words = f"At most {NETWORKS} networks."
        raise Invalid(words, {"networks": [words]})
    return found


def may_come_from(token: ApiToken, address: str | None) -> bool:
    """Whether a token may be used from there."""
    if not token.networks:
        return True
    try:
        where = ipaddress.ip_address((address or "").partition("%")[0])
    except ValueError:
        return False
    where = getattr(where, "ipv4_mapped", None) or where
    return any(where in ipaddress.ip_network(one) for one in token.networks.split())


def is_living() -> sa.ColumnElement[bool]:
    """Whether it still opens, as a condition on ApiToken."""
    lasts = sa.or_(ApiToken.expires_at.is_(None), ApiToken.expires_at > now())
    return sa.and_(ApiToken.revoked_at.is_(None), lasts)


def warn_due() -> int:
    """Tell owners of tokens that end within a week, once each; returns how many."""
    soon = sa.and_(
        ApiToken.expires_at > now(),
        ApiToken.expires_at <= now() + WARNED_BEFORE,
        ApiToken.warned_at.is_(None),
        ApiToken.revoked_at.is_(None),
    )
    ids = db.session.scalars(sa.select(ApiToken.id).where(soon).limit(200)).all()
    db.session.rollback()
    return sum(_warn(token_id, soon) for token_id in ids)


def _warn(token_id: int, soon: sa.ColumnElement[bool]) -> bool:
    with transaction():
        taken = db.session.execute(
            sa.update(ApiToken)
            .where(ApiToken.id == token_id, soon)
            .values(warned_at=now())
            .returning(ApiToken.id)
            .execution_options(synchronize_session=False)
        ).scalar()
        if taken is None:
            return False
        token = db.session.get_one(ApiToken, token_id, populate_existing=True)
        url = f"{settings.get().BASE_URL}/settings/api-tokens"
        owners.tell(token.account_id, "token_expires", token=token, url=url)
    return True


def revoke(account: Account, by: Member, token_id: int) -> None:
    """End a token at once."""
    token = owned(ApiToken, account.id, token_id, "That token")
    if token.revoked_at is None:
        token.revoked_at = now()
        auditing.note(account, by, "token.revoke", f"token {token.id}")


def of_account(account: Account) -> Sequence[ApiToken]:
    """A hundred: those in use, then what is left of them; newest first. However many were made
    since, nothing that still opens is missing.
    """
    return db.session.scalars(
        sa.select(ApiToken)
        .where(ApiToken.account_id == account.id)
        .order_by(is_living().desc(), ApiToken.id.desc())
        .limit(100)
    ).all()
