"""Before the first page: the schema of this version, and somebody who can sign in.

Run as a process of its own (`python -m app.ops.preparing`), so that the supervisor stays small.
Prints JSON: `link` and `email` for the first sign-in while nobody has set that password.
"""

from __future__ import annotations

import json
import sys

import sqlalchemy as sa

from app.accounts import opening
from app.accounts.models import Member
from app.auth import passwords
from app.config import BadSetting, Config, given, load
from app.core.db import db, transaction
from app.core.migrating import upgrade
from app.factory import create_app
from app.mailer.relay import BadRelay, RelaySettings
from app.staff.purposes import PURPOSES

STAFF_ROLES = tuple(PURPOSES)


def main() -> int:
    """Exit code 1 with the reason on standard error."""
    try:
        config = load()
        RelaySettings.from_url(config.SMTP_URL)
        upgrade(config.DATABASE_URL)
        with create_app(config).app_context():
            found = first_link(config)
            db.engine.dispose()
    except (BadSetting, BadRelay, sa.exc.DBAPIError) as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return 1
    sys.stdout.write(json.dumps(found))
    return 0


def first_link(config: Config) -> dict[str, str]:
    """A fresh link to set the first person's password; empty once somebody has one."""
    if db.session.scalar(sa.select(Member.id).where(Member.password_hash.is_not(None)).limit(1)):
        return {}
    with transaction():
        member = db.session.scalar(sa.select(Member).order_by(Member.id).limit(1))
        if member is None:
            member = first_member(_first_address(config))
        elif not member.staff_roles:
            return {}
        passwords.forget_links(member)
        return {"email": member.email, "link": passwords.url(passwords.issue(member))}


def _first_address(config: Config) -> str:
    """OPERATOR_EMAIL, or a name at our own domain; on one's own machine any that looks like one."""
    usual = "owner@example.com" if "." not in config.MAIL_DOMAIN else f"owner@{config.MAIL_DOMAIN}"
    return given().get("OPERATOR_EMAIL") or usual


def first_member(email: str) -> Member:
    """The operator, with an account to work in."""
    _, member = opening.open_account(business="My business", email=email, vouched=True)
    member.staff_roles = list(STAFF_ROLES)
    return member


if __name__ == "__main__":
    sys.exit(main())
