"""A campaign as one person would read it, without sending anything."""

from __future__ import annotations

from dataclasses import dataclass

from app.campaigns import content, liquid
from app.campaigns.models import Campaign
from app.contacts.models import Contact
from app.core import settings

LINKS = ("unsubscribe", "preferences", "browser", "archive", "share", "friend")


@dataclass(frozen=True)
class Preview:
    """Everything filled in."""

    subject: str
    preheader: str
    html: str
    text: str


def preview(campaign: Campaign, contact: Contact | None) -> Preview:
    """As `contact` would see it; None: as somebody of whom nothing is known.

    Raises Invalid or RenderFailed with what is wrong in the source.
    """
    made = content.compile(campaign)
    base = settings.get().BASE_URL
    values = {
        **liquid.contact_values(campaign.account, contact),
        # Links of a preview lead nowhere in particular: nobody must leave by looking.
        "links": dict.fromkeys(LINKS, f"{base}/#preview"),
    }
    return Preview(
        subject=liquid.parse(made.subject, "header").render(values),
        preheader=liquid.parse(made.preheader, "header").render(values),
        html=liquid.parse(made.html).render(values),
        text=liquid.parse(made.text, "text").render(values),
    )
