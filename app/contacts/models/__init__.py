"""People, the lists they are on, and what they agreed to or refused."""

from app.contacts.models.imports import Import, ImportProblem
from app.contacts.models.journal import ImportChange, ImportJournal
from app.contacts.models.lists import ContactList, Segment, Subscription
from app.contacts.models.people import Contact, ContactField, Headcount, Tag, contact_tag
from app.contacts.models.permission import Consent, Suppression

__all__ = [
    "Consent",
    "Contact",
    "ContactField",
    "ContactList",
    "Headcount",
    "Import",
    "ImportChange",
    "ImportJournal",
    "ImportProblem",
    "Segment",
    "Subscription",
    "Suppression",
    "Tag",
    "contact_tag",
]
