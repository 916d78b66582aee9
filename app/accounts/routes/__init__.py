"""HTTP of accounts: the settings of a business."""

from app.accounts.routes import (
    audit,
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
    "audit",
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
