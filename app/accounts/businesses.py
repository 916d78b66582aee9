"""What an account says about its business."""

from __future__ import annotations

from zoneinfo import available_timezones

from app.accounts import auditing
from app.accounts.models import Account, Member
from app.core import languages
from app.core.errors import Invalid


def change(
    account: Account,
    by: Member,
    *,
    name: str,
    address: str,
    website: str,
    zone_name: str,
    mail_language: str,
) -> None:
    """The postal address stands at the end of every mail, and our words there are in
    `mail_language`; times are shown in the zone."""
    if zone_name not in zones():
        raise Invalid("Choose a time zone.", {"zone_name": ["Choose one of the list."]})
    if mail_language not in languages.NAMES:
        raise Invalid("Choose a language.", {"mail_language": ["Choose one of the list."]})
    changed = [
        word
        for word, old, new in (
            ("name", account.name, name),
            ("address", account.address, address),
            ("website", account.website, website),
            ("zone", account.zone_name, zone_name),
            ("language", account.mail_language, mail_language),
        )
        if old != new
    ]
    account.name, account.address = name, address
    account.website, account.zone_name = website, zone_name
    account.mail_language = mail_language
    if changed:
        auditing.note(account, by, "account.change", ", ".join(changed))


def zones() -> list[str]:
    """Names of time zones, those of places only."""
    areas = ["Africa", "America", "Antarctica", "Asia", "Atlantic", "Australia", "Europe"]
    areas += ["Indian", "Pacific"]
    return ["UTC", *sorted(name for name in available_timezones() if name.split("/")[0] in areas)]
