"""Exports of other services, recognised by the titles of their columns.

A title means what it says to everybody (`mapping.TITLES`); here stands what only this service
means by it. Titles as the services write them in the exports of their own pages.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from app.contacts.text import words


@dataclass(frozen=True)
class Service:
    """Somebody else's export."""

    name: str
    signs: tuple[frozenset[str], ...]
    """Any of these sets of titles, folded, and it is theirs."""
    targets: dict[str, str] = field(default_factory=dict)
    """What a folded title becomes, where it differs."""
    takes: str = ""
    """What comes along, in words."""


def _skip(titles: str) -> dict[str, str]:
    return dict.fromkeys(words(titles), "skip")


SERVICES = (
    Service(
        "Mailchimp",
        (words("memberrating leid euid"), words("emailaddress optintime confirmtime euid")),
        {"lastchanged": "skip", "cc": "new:Country", "region": "new:Region"},
        "tags, notes, when people signed up and confirmed, who unsubscribed and whose mail came"
        " back",
    ),
    Service(
        "MailerLite",
        (
            words("subscribed sent opens clicks"), words("subscribed sent opened clicked"),
            words("subscriber sent opens clicks"), words("subscribedat opensrate clicksrate"),
        ),
        {
            "subscriber": "email", "subscribed": "consented_at", "groups": "lists",
            "unsubscribed": "unsubscribed_at",
            **_skip("sent opens opened clicks clicked opensrate clicksrate updatedat"),
        },
        "groups as lists, when people signed up, who unsubscribed and whose mail came back",
    ),
    Service(
        "Brevo",
        (words("emailblacklisted smsblacklisted"), words("contactid emailblacklisted")),
        {
            "smsblacklisted": "skip", "modifiedtime": "skip", "sms": "new:Phone",
            "doubleoptin": "skip", "listids": "tags",
        },
        "fields, and who must not be mailed any more",
    ),
    Service(
        "HubSpot",
        (
            words("recordid contactowner"), words("recordid leadstatus"),
            words("unsubscribedfromallemail recordid"),
        ),
        _skip("associatedcompanyids associatedcontactids lastactivitydate"),
        "companies, who unsubscribed and whose mail came back",
    ),
    Service(
        "Constant Contact",
        (
            words("emailaddress emailstatus emailpermissionstatus"),
            words("emailaddress emailpermissionstatus emailupdatesource"),
            words("emailaddress confirmedoptoutdate"),
        ),
        {"emailupdatesource": "skip", "updatedat": "skip"},
        "lists, tags, when people signed up, who opted out",
    ),
    Service(
        "Google Contacts",
        (words("email1value organizationname"), words("email1value givenname"),
         words("email1value groupmembership"), words("email1value labels")),
        _skip(
            "email1label email1type email2label email2type email3label email3type phone1label"
            " phone1type phone2label phone2type fileas phoneticfirstname phoneticmiddlename"
            " phoneticlastname"
        ),
        "names, companies, labels as tags, notes",
    ),
    Service(
        "Outlook",
        (words("emailaddress emailtype emaildisplayname"), words("emailaddress email2address")),
        _skip(
            "emailtype emaildisplayname email2type email2displayname email3type email3displayname"
            " priority private sensitivity gender directoryserver internetfreebusy"
        ),
        "names, companies, categories as tags, notes",
    ),
    Service(
        "listmonk",
        (
            words("uuid email name attributes status"),
            words("email name attributes status createdat"),
        ),
        {"attributes": "attributes", **_skip("createdat updatedat")},
        "names, attributes as fields, who is blocklisted",
    ),
)  # fmt: skip


def recognise(folded: Iterable[str]) -> Service | None:
    """Whose export has these folded titles; None where nobody's."""
    titles = frozenset(folded)
    for service in SERVICES:
        if any(signs <= titles for signs in service.signs):
            return service
    return None
