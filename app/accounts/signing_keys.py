"""DKIM keys of an account's domains: made in pairs, active once seen in DNS, rotated, retired.

Rotating makes a new pair beside the old, which goes on signing until the new one is seen; so no
mail leaves with a signature that nobody can check.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from functools import lru_cache

import sqlalchemy as sa

from app.accounts import auditing
from app.accounts.models import Account, Member, SigningKey
from app.core import sealing
from app.core.clock import now
from app.core.db import db
from app.core.errors import DomainError, WrongState
from app.core.owning import owned
from app.mailer import dkim

KINDS = ("rsa", "ed25519")


class NoKey(DomainError):
    """Mail would leave without the signature that its domain promises."""

    status = 409


def domain_of(email: str) -> str:
    """The part behind the @, lower case."""
    return email.rpartition("@")[2].lower()


def of_domain(account_id: int, domain: str, *, retired: bool = False) -> Sequence[SigningKey]:
    """Waiting and active keys, oldest first; with `retired` those too."""
    query = sa.select(SigningKey).where(
        SigningKey.account_id == account_id, SigningKey.domain == domain
    )
    if not retired:
        query = query.where(SigningKey.state != "retired")
    return db.session.scalars(query.order_by(SigningKey.id)).all()


def find(account: Account, key_id: int) -> SigningKey:
    """One of the account's keys. Raises NotFound."""
    return owned(SigningKey, account.id, key_id, "That key")


def make(account: Account, by: Member, domain: str) -> Sequence[SigningKey]:
    """A new pair, RSA and Ed25519; also the first half of rotating.

    Keys that wait for their record already are given back instead of making more.
    """
    waiting = [key for key in of_domain(account.id, domain) if key.state == "new"]
    if waiting:
        return waiting
    # Several accounts may send from one domain, so names must not meet there.
    name = f"ls{now():%y%m}{secrets.token_hex(3)}"
    made = [_new(account, domain, f"{name}{kind[0]}", kind) for kind in KINDS]
    db.session.add_all(made)
    db.session.flush()
    auditing.note(account, by, "domain.keys", domain)
    return made


def _new(account: Account, domain: str, selector: str, kind: str) -> SigningKey:
    pem = dkim.make_key(kind)
    return SigningKey(
        account_id=account.id,
        domain=domain,
        selector=selector,
        kind=kind,
        sealed_key=sealing.seal(pem.decode()),
        record=dkim.Signer.from_pem(domain, selector, pem).record(),
        state="new",
    )


def activate(account: Account, by: Member | None, key: SigningKey) -> None:
    """Sign with this key from now on; older ones of its kind retire."""
    if key.state != "new":
        raise WrongState("This key does not wait any more.")
    for other in of_domain(account.id, key.domain):
        if other.kind == key.kind and other.state == "active":
            _put_away(other)
    key.state, key.activated_at = "active", now()
    auditing.note(account, by, "domain.sign", f"{key.selector}._domainkey.{key.domain}")


def retire(account: Account, by: Member, key: SigningKey) -> None:
    """Never sign with this key again; its private half is forgotten."""
    if key.state == "retired":
        raise WrongState("This key is retired already.")
    _put_away(key)
    auditing.note(account, by, "domain.retire", f"{key.selector}._domainkey.{key.domain}")


def _put_away(key: SigningKey) -> None:
    key.state, key.retired_at, key.sealed_key = "retired", now(), None


def signers(account_id: int, from_email: str) -> list[dkim.Signer]:
    """What signs mails From this address; empty where its domain has no active key.

    Raises NoKey where there should be a signature and cannot be.
    """
    domain = domain_of(from_email)
    active = [key for key in of_domain(account_id, domain) if key.state == "active"]
    try:
        return [_signer(domain, key.selector, key.sealed_key or "") for key in active]
    except sealing.Unreadable:
        raise NoKey(
            f"The signing keys of {domain} cannot be read with the present SECRET_KEY. "
            "Retire them and make new ones under Settings, Domains."
        ) from None


@lru_cache(maxsize=256)
def _signer(domain: str, selector: str, sealed: str) -> dkim.Signer:
    """Opening and loading a key costs more than signing with it."""
    return dkim.Signer.from_pem(domain, selector, sealing.unseal(sealed).encode())
