"""Tokens by which programs act for an account. Shown once, kept as a hash."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from app.accounts import auditing
from app.accounts.models import Account, ApiToken, Member
from app.core import tokens
from app.core.clock import now
from app.core.db import db
from app.core.errors import Invalid
from app.core.owning import owned

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


def make(
    account: Account, by: Member | None, *, name: str, scopes: Sequence[str]
) -> tuple[ApiToken, str]:
    """A new token and its plain text, which nobody can see again."""
    known = ALL_SCOPES if by is None else tuple(SCOPES)
    unknown = [scope for scope in scopes if scope not in known]
    if unknown or not scopes:
        words = f"Choose from {', '.join(known)}." if unknown else "Allow it at least one thing."
        raise Invalid(words, {"scopes": [words]})
    if len([token for token in of_account(account) if not token.revoked_at]) >= AT_MOST:
        raise Invalid(f"{AT_MOST} tokens are in use. Revoke one first.")
    plain = PREFIX + tokens.secret()
    token = ApiToken(
        account_id=account.id,
        name=name,
        token_hash=tokens.hashed(plain),
        hint=plain[-4:],
        scopes=[scope for scope in known if scope in scopes],
    )
    db.session.add(token)
    db.session.flush()
    auditing.note(account, by, "token.make", f"token {token.id}")
    return token, plain


def revoke(account: Account, by: Member, token_id: int) -> None:
    """End a token at once."""
    token = owned(ApiToken, account.id, token_id, "That token")
    if token.revoked_at is None:
        token.revoked_at = now()
        auditing.note(account, by, "token.revoke", f"token {token.id}")


def of_account(account: Account) -> Sequence[ApiToken]:
    """The latest hundred, newest first, revoked ones included."""
    return db.session.scalars(
        sa.select(ApiToken)
        .where(ApiToken.account_id == account.id)
        .order_by(ApiToken.id.desc())
        .limit(100)
    ).all()
