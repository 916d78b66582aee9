"""People, the lists they are on, and what they agreed to or refused."""

from app.contacts.models.counts import SegmentCount
from app.contacts.models.imports import Import, ImportProblem
from app.contacts.models.ledger import ConsentCheck, ConsentSeal, Erasure
from app.contacts.models.lists import ContactList, Segment, Subscription
from app.contacts.models.people import Contact, ContactField, Headcount, Tag, contact_tag
from app.contacts.models.permission import Consent, Suppression

__all__ = [
    "Consent",
    "ConsentCheck",
    "ConsentSeal",
    "Contact",
    "ContactField",
    "ContactList",
    "Erasure",
    "Headcount",
    "Import",
    "ImportProblem",
    "Segment",
    "SegmentCount",
    "Subscription",
    "Suppression",
    "Tag",
    "contact_tag",
]
