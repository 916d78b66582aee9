"""HTTP of accounts: the settings of a business."""

from app.accounts.routes import (
    business,
    domains,
    mail_server,
    mailboxes,
    people,
    provider_reports,
    senders,
    tokens,
    warm_up,
)
from app.accounts.routes.blueprint import bp

__all__ = [
    "bp",
    "business",
    "domains",
    "mail_server",
    "mailboxes",
    "people",
    "provider_reports",
    "senders",
    "tokens",
    "warm_up",
]
