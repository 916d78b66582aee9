"""The second factor: codes of an app (TOTP, RFC 6238), and codes on paper for when it is lost."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence

import sqlalchemy as sa

from app.accounts import auditing
from app.accounts.models import Member
from app.auth import sessions
from app.auth.models import Authenticator, Passkey, RecoveryCode, SignedIn
from app.core import sealing, settings, tokens
from app.core.clock import now
from app.core.db import db
from app.core.errors import Invalid, WrongState

STEP_S = 30
#: Clocks of telephones are wrong by some seconds: the code before and the one after count too.
AROUND = (0, -1, 1)
RECOVERY_CODES = 10
#: Without letters and digits that look alike. Twelve of them are 59 bits.
LETTERS = "23456789abcdefghjkmnpqrstuvwxyz"
GROUPS, GROUP = 3, 4


class WrongCode(Invalid):
    """Wrong, too old or used before."""

    def __init__(self) -> None:
        words = "That code is not right, or was used before. Type the one that is shown now."
        super().__init__(words, {"code": [words]})


def has_any(member: Member) -> bool:
    """Whether a password alone does not let this person in."""
    return has_app(member) or has_passkey(member)


def has_app(member: Member) -> bool:
    """Whether an app is set up."""
    return _confirmed(member) is not None


def has_passkey(member: Member) -> bool:
    """Whether there is at least one passkey."""
    found = sa.select(Passkey.id).where(Passkey.member_id == member.id).limit(1)
    return db.session.scalar(found) is not None


def app_of(member: Member) -> Authenticator | None:
    """The app, also while it is being set up."""
    return db.session.scalar(sa.select(Authenticator).where(Authenticator.member_id == member.id))


def begin(member: Member) -> None:
    """Make the secret of a new app. Raises WrongState where one is set up."""
    import pyotp

    if has_app(member):
        raise WrongState("An app is set up already. Turn it off first to set up another.")
    db.session.execute(sa.delete(Authenticator).where(Authenticator.member_id == member.id))
    sealed = sealing.seal(pyotp.random_base32())
    db.session.add(Authenticator(member_id=member.id, sealed_secret=sealed))
    db.session.flush()


def secret_of(app: Authenticator) -> str:
    """The secret in base32, in groups of four for typing."""
    plain = sealing.unseal(app.sealed_secret)
    return " ".join(plain[n : n + 4] for n in range(0, len(plain), 4))


def picture_of(app: Authenticator, member: Member) -> str:
    """The QR code that apps read, as a data: address of an SVG."""
    import pyotp
    import segno

    code = pyotp.TOTP(sealing.unseal(app.sealed_secret))
    uri = code.provisioning_uri(name=member.email, issuer_name=settings.get().OPERATOR_NAME)
    picture: str = segno.make(uri, error="m", micro=False).svg_data_uri(
        scale=5, border=3, dark="#1b1f1d", light="#ffffff"
    )
    return picture


def confirm(member: Member, code: str) -> list[str]:
    """Take the app into use with its first code; returns recovery codes to show once, or none
    where a passkey has brought some before.

    Raises WrongCode.
    """
    app, had_one = app_of(member), has_any(member)
    if app is None or app.confirmed_at:
        raise WrongState("There is no app that waits for its first code.")
    _use(app, code)
    app.confirmed_at = now()
    auditing.note(sessions.first_account(member), member, "second_factor.on")
    return [] if had_one else make_recovery_codes(member)


def remove(member: Member) -> None:
    """Forget the app; without a passkey also the recovery codes, which stand in for nothing."""
    db.session.execute(sa.delete(Authenticator).where(Authenticator.member_id == member.id))
    end_without_any(member)
    auditing.note(sessions.first_account(member), member, "second_factor.off")


def end_without_any(member: Member) -> None:
    """With the last second factor its recovery codes go, and what sessions owe to it."""
    if has_any(member):
        return
    db.session.execute(sa.delete(RecoveryCode).where(RecoveryCode.member_id == member.id))
    db.session.execute(
        sa.update(SignedIn)
        .where(SignedIn.member_id == member.id, SignedIn.way != "provider")
        .values(is_strong=False)
    )


def reset(member: Member) -> None:
    """Forget everything that is asked for besides the password, for somebody who lost it all."""
    for row in (Authenticator, Passkey):
        db.session.execute(sa.delete(row).where(row.member_id == member.id))
    end_without_any(member)
    auditing.note(sessions.first_account(member), member, "second_factor.reset")


def make_recovery_codes(member: Member) -> list[str]:
    """Ten new ones, which are only ever shown now; older ones die."""
    db.session.execute(sa.delete(RecoveryCode).where(RecoveryCode.member_id == member.id))
    codes = [_recovery_code() for _ in range(RECOVERY_CODES)]
    db.session.add_all(
        RecoveryCode(member_id=member.id, code_hash=_hash_of(member, code)) for code in codes
    )
    db.session.flush()
    return codes


def recovery_codes(member: Member) -> Sequence[RecoveryCode]:
    """Used and unused ones."""
    return db.session.scalars(
        sa.select(RecoveryCode).where(RecoveryCode.member_id == member.id).order_by(RecoveryCode.id)
    ).all()


def unused_recovery_codes(member: Member) -> int:
    """How many are left."""
    return sum(code.used_at is None for code in recovery_codes(member))


def check(member: Member, typed: str) -> str:
    """Which kind of code it was, *app* or *recovery*; it cannot be used again. Raises WrongCode."""
    plain = "".join(typed.split()).replace("-", "").casefold()
    app = _confirmed(member)
    if app is not None and plain.isdecimal() and len(plain) == 6:
        _use(app, plain)
        return "app"
    if len(plain) == GROUPS * GROUP and _use_recovery_code(member, plain):
        return "recovery"
    raise WrongCode


def _confirmed(member: Member) -> Authenticator | None:
    app = app_of(member)
    return app if app and app.confirmed_at else None


def _use(app: Authenticator, typed: str) -> None:
    """Conditional on the newest step used so far: who has watched a code cannot play it again."""
    import pyotp

    totp = pyotp.TOTP(sealing.unseal(app.sealed_secret))
    typed, step_now = "".join(typed.split()), int(now().timestamp()) // STEP_S
    for step in (step_now + shift for shift in AROUND):
        if not hmac.compare_digest(totp.generate_otp(step).encode(), typed.encode()):
            continue
        used = db.session.execute(
            sa.update(Authenticator)
            .where(Authenticator.id == app.id, Authenticator.used_step < step)
            .values(used_step=step)
            .returning(Authenticator.id)
        )
        if used.scalar() is not None:
            return
    raise WrongCode


def _recovery_code() -> str:
    groups = ("".join(secrets.choice(LETTERS) for _ in range(GROUP)) for _ in range(GROUPS))
    return "-".join(groups)


def _hash_of(member: Member, code: str) -> str:
    """Keyed, for 59 bits alone would not stand long against somebody with the database."""
    key = tokens.derive_key(settings.get().SECRET_KEY, "recovery")
    plain = code.replace("-", "")
    return hmac.new(key, f"{member.id}:{plain}".encode(), hashlib.sha256).hexdigest()


def _use_recovery_code(member: Member, plain: str) -> bool:
    used = db.session.execute(
        sa.update(RecoveryCode)
        .where(
            RecoveryCode.member_id == member.id,
            RecoveryCode.code_hash == _hash_of(member, plain),
            RecoveryCode.used_at.is_(None),
        )
        .values(used_at=now())
        .returning(RecoveryCode.id)
    )
    return used.scalar() is not None
