"""Questions to the operator: kept, and mailed with the asker as the one to answer."""

from __future__ import annotations

from email.headerregistry import Address

from app.accounts import notices
from app.accounts.models import Account
from app.core import settings
from app.core.db import db
from app.core.errors import Invalid
from app.mailer import address as addresses
from app.site.models import Enquiry


def ask(
    *, name: str, email: str, text: str, account: Account | None = None, version: int | None = None
) -> Enquiry:
    """Store a question and mail it to the operator. Raises Invalid for a bad address."""
    try:
        parsed = addresses.parse(email)
    except addresses.BadAddress as error:
        raise Invalid(str(error), {"email": [str(error)]}) from None
    enquiry = Enquiry(
        name=name,
        email=parsed.email,
        text=text,
        account_id=account.id if account else None,
        policy_version=version,
    )
    db.session.add(enquiry)
    db.session.flush()
    reply_to = Address(" ".join(name.split()), parsed.local, parsed.domain)
    notices.queue(
        "enquiry",
        settings.get().OPERATOR_EMAIL,
        account=account,
        headers={"Reply-To": str(reply_to)} if parsed.local.isascii() else {},
        number=enquiry.id,
        name=name,
        email=parsed.email,
        text=text,
        version=version,
        business=account.name if account else "",
        account_number=account.id if account else 0,
    )
    return enquiry
