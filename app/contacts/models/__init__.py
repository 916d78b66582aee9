"""People, the lists they are on, and what they agreed to or refused."""

from app.contacts.models.imports import Import, ImportProblem
from app.contacts.models.lists import ContactList, Segment, Subscription
from app.contacts.models.people import Contact, ContactField, Headcount, Tag, contact_tag
from app.contacts.models.permission import Consent, Suppression
from app.contacts.models.travel import SuppressionKey

__all__ = [
    "Consent",
    "Contact",
    "ContactField",
    "ContactList",
    "Headcount",
    "Import",
    "ImportProblem",
    "Segment",
    "Subscription",
    "Suppression",
    "SuppressionKey",
    "Tag",
    "contact_tag",
]
