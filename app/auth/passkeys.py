"""Passkeys (WebAuthn): made in the person's device, which unlocks them by finger, face or PIN.

We keep public keys only. The device asks for its lock every time, so a passkey alone is two
factors: something one has, and something one is or knows.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import sqlalchemy as sa

from app.accounts import auditing
from app.accounts.models import Member
from app.auth import second_factors, sessions, steps
from app.auth.models import Passkey
from app.core import settings, tokens
from app.core.clock import now
from app.core.db import db
from app.core.errors import Invalid, NotFound, WrongState

if TYPE_CHECKING:
    from webauthn.helpers.structs import PublicKeyCredentialDescriptor

AT_MOST = 20


class NotTaken(Invalid):
    """The device's answer is not what it should be."""

    def __init__(self) -> None:
        words = "That passkey did not work here. Try again, or sign in another way."
        super().__init__(words, {"credential": [words]})


def are_possible() -> bool:
    """Browsers know passkeys on https and on this machine itself, and never under a bare IP."""
    config = settings.get()
    host = urlsplit(config.BASE_URL).hostname or ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return config.secure or host == "localhost"
    return False


def of(member: Member) -> Sequence[Passkey]:
    """The person's passkeys, the oldest first."""
    return db.session.scalars(
        sa.select(Passkey).where(Passkey.member_id == member.id).order_by(Passkey.id)
    ).all()


def offer_to_make(member: Member) -> tuple[str, dict[str, Any]]:
    """The secret of a new step, and what the browser needs for making a passkey."""
    import webauthn
    from webauthn.helpers.structs import (
        AuthenticatorSelectionCriteria,
        ResidentKeyRequirement,
        UserVerificationRequirement,
    )

    if len(of(member)) >= AT_MOST:
        raise WrongState(f"{AT_MOST} passkeys are enough. Remove one first.")
    options = webauthn.generate_registration_options(
        rp_id=_host(),
        rp_name=settings.get().OPERATOR_NAME,
        user_id=_handle(member),
        user_name=member.email,
        user_display_name=member.name or member.email,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=_descriptors(of(member)),
    )
    secret = steps.begin("register", member, challenge=_text(options.challenge))
    return secret, json.loads(webauthn.options_to_json(options))


def add(member: Member, secret: str | None, *, credential: str, name: str) -> Passkey:
    """Take a new passkey in. Raises NotTaken, Over."""
    import webauthn
    from webauthn.helpers.exceptions import WebAuthnException

    step = steps.find("register", secret)
    if step.member_id != member.id:
        raise steps.Over
    steps.use(step)
    try:
        found = webauthn.verify_registration_response(
            credential=credential,
            expected_challenge=_bytes(step.data["challenge"]),
            expected_rp_id=_host(),
            expected_origin=_origin(),
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError):
        raise NotTaken from None
    credential_id = _text(found.credential_id)
    if _by_id(credential_id) is not None:
        raise NotTaken
    passkey = Passkey(
        member_id=member.id,
        name=name,
        credential_id=credential_id,
        public_key=_text(found.credential_public_key),
        sign_count=found.sign_count,
        transports=_transports(credential),
        is_synced=found.credential_backed_up,
    )
    db.session.add(passkey)
    db.session.flush()
    auditing.note(sessions.first_account(member), member, "passkey.add", f"passkey {passkey.id}")
    return passkey


def rename(member: Member, passkey_id: int, name: str) -> None:
    """Call one by another name. Raises NotFound."""
    renamed = db.session.execute(
        sa.update(Passkey)
        .where(Passkey.id == passkey_id, Passkey.member_id == member.id)
        .values(name=name)
        .returning(Passkey.id)
    )
    if renamed.scalar() is None:
        raise NotFound("That passkey")
    auditing.note(sessions.first_account(member), member, "passkey.rename", f"passkey {passkey_id}")


def remove(member: Member, passkey_id: int) -> str:
    """Forget one; returns its name. Raises NotFound."""
    name = db.session.execute(
        sa.delete(Passkey)
        .where(Passkey.id == passkey_id, Passkey.member_id == member.id)
        .returning(Passkey.name)
    ).scalar()
    if name is None:
        raise NotFound("That passkey")
    second_factors.end_without_any(member)
    auditing.note(sessions.first_account(member), member, "passkey.remove", f"passkey {passkey_id}")
    return name


def offer_to_use(member: Member | None = None) -> tuple[str, dict[str, Any]]:
    """The secret of a new step, and what the browser needs for asking the device.

    Without a member any passkey for this place will do: the device says whose it is.
    """
    import webauthn
    from webauthn.helpers.structs import UserVerificationRequirement

    options = webauthn.generate_authentication_options(
        rp_id=_host(),
        allow_credentials=_descriptors(of(member)) if member else None,
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    secret = steps.begin("passkey", member, challenge=_text(options.challenge))
    return secret, json.loads(webauthn.options_to_json(options))


def use(secret: str | None, credential: str) -> Member:
    """Whose passkey has signed the challenge. Raises NotTaken, Over."""
    import webauthn
    from webauthn.helpers.exceptions import WebAuthnException

    step = steps.find("passkey", secret)
    steps.use(step)
    answer = _parsed(credential)
    passkey = _by_id(str(answer.get("id", "")))
    if passkey is None or step.member_id not in (None, passkey.member_id):
        raise NotTaken
    member = db.session.get_one(Member, passkey.member_id)
    handle = answer.get("response", {}).get("userHandle")
    if handle and not hmac.compare_digest(str(handle), _text(_handle(member))):
        raise NotTaken
    try:
        found = webauthn.verify_authentication_response(
            credential=credential,
            expected_challenge=_bytes(step.data["challenge"]),
            expected_rp_id=_host(),
            expected_origin=_origin(),
            credential_public_key=_bytes(passkey.public_key),
            credential_current_sign_count=passkey.sign_count,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError):
        raise NotTaken from None
    _count(passkey, found.new_sign_count)
    return member


def _count(passkey: Passkey, signs: int) -> None:
    """Conditional on the count that was checked: a copy that signs at the same time is too late."""
    counted = db.session.execute(
        sa.update(Passkey)
        .where(Passkey.id == passkey.id, Passkey.sign_count == passkey.sign_count)
        .values(sign_count=signs, used_at=now())
        .returning(Passkey.id)
    )
    if counted.scalar() is None:
        raise NotTaken


def _by_id(credential_id: str) -> Passkey | None:
    return db.session.scalar(sa.select(Passkey).where(Passkey.credential_id == credential_id))


def _parsed(credential: str) -> dict[str, Any]:
    try:
        found = json.loads(credential)
    except ValueError:
        raise NotTaken from None
    if not isinstance(found, dict) or not isinstance(found.get("response", {}), dict):
        raise NotTaken
    return found


def _transports(credential: str) -> list[str]:
    """How the device is reached, as the browser says; only a hint for the next time."""
    found = _parsed(credential).get("response", {}).get("transports", [])
    known = {"usb", "nfc", "ble", "internal", "cable", "hybrid"}
    return [one for one in found if one in known] if isinstance(found, list) else []


def _descriptors(passkeys: Sequence[Passkey]) -> list[PublicKeyCredentialDescriptor]:
    from webauthn.helpers.structs import AuthenticatorTransport, PublicKeyCredentialDescriptor

    return [
        PublicKeyCredentialDescriptor(
            id=_bytes(one.credential_id),
            transports=[AuthenticatorTransport(transport) for transport in one.transports],
        )
        for one in passkeys
    ]


def _handle(member: Member) -> bytes:
    """What the device calls the person: says nothing about them, and stays the same."""
    key = tokens.derive_key(settings.get().SECRET_KEY, "passkeys")
    return hmac.new(key, str(member.id).encode(), hashlib.sha256).digest()


def _host() -> str:
    return urlsplit(settings.get().BASE_URL).hostname or ""


def _origin() -> str:
    parts = urlsplit(settings.get().BASE_URL)
    return f"{parts.scheme}://{parts.netloc}"


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
