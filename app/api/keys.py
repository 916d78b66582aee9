"""Who is calling: a Bearer token, and nothing else. No cookie is read."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa
from flask import g, request

from app.accounts import api_tokens
from app.accounts.models import Account, ApiToken
from app.api.problems import MissingScope, Unauthorized
from app.core import tokens
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import Forbidden
from app.core.networks import shortened

#: `last_used_at` is written at most this often, so that reading does not write.
USED_EVERY = timedelta(minutes=1)


def caller_key() -> str:
    """Whose calls are counted together: a token's, or an address' when there is none."""
    secret = bearer()
    return f"token:{tokens.hashed(secret)}" if secret else f"address:{request.remote_addr}"


def bearer() -> str:
    """The secret of the Authorization header, or nothing."""
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else ""


def sign_in(scope: str) -> Account:
    """The account that the token acts for. Raises Unauthorized, MissingScope, Forbidden."""
    secret = bearer()
    if not secret:
        raise Unauthorized("Send your token as the header: Authorization: Bearer TOKEN.")
    token = _living_token(secret)
    if token is None:
        raise Unauthorized("This token is not known here or has been revoked.")
    g.api_token_id = token.id
    if token.is_over:
        raise Unauthorized("The time of this token is over. Make a new one in the settings.")
    if not api_tokens.may_come_from(token, request.remote_addr):
        raise Forbidden("This token may not be used from your network.")
    if scope and scope not in token.scopes:
        raise MissingScope(scope)
    account = db.session.get_one(Account, token.account_id)
    if account.barred in ("access", "closing"):
        raise Forbidden("This account is suspended or being closed. Sign in to read why.")
    g.api_token_made_by = token.made_by_id
    _note_use(token)
    return account


def evidence() -> dict[str, int]:
    """What the record of consents says of the caller."""
    return {"token": int(g.api_token_id)}


def maker() -> int | None:
    """The member who made the caller's token: what it writes, they wrote."""
    made_by: int | None = g.get("api_token_made_by")
    return made_by


def _living_token(secret: str) -> ApiToken | None:
    return db.session.scalar(
        sa.select(ApiToken).where(
            ApiToken.token_hash == tokens.hashed(secret), ApiToken.revoked_at.is_(None)
        )
    )


def _note_use(token: ApiToken) -> None:
    moment = now()
    if token.last_used_at and moment - token.last_used_at < USED_EVERY:
        return
    with transaction():
        db.session.execute(
            sa.update(ApiToken)
            .where(ApiToken.id == token.id)
            .values(last_used_at=moment, used_from=shortened(request.remote_addr))
        )
