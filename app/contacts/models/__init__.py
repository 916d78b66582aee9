"""People, the lists they are on, and what they agreed to or refused."""

from app.contacts.models.imports import Import, ImportProblem
from app.contacts.models.ledger import ConsentCheck, ConsentSeal, Erasure
from app.contacts.models.lists import ContactList, Segment, Subscription
from app.contacts.models.people import Contact, ContactField, Headcount, Tag, contact_tag
from app.contacts.models.permission import Consent, Suppression
from app.contacts.models.preferences import (
    AddressChange,
    Frequency,
    LeavingReason,
    LinkRequest,
    OpenField,
    Pause,
    PreferenceCentre,
    PublicList,
)

__all__ = [
    "AddressChange",
    "Consent",
    "ConsentCheck",
    "ConsentSeal",
    "Contact",
    "ContactField",
    "ContactList",
    "Erasure",
    "Frequency",
    "Headcount",
    "Import",
    "ImportProblem",
    "LeavingReason",
    "LinkRequest",
    "OpenField",
    "Pause",
    "PreferenceCentre",
    "PublicList",
    "Segment",
    "Subscription",
    "Suppression",
    "Tag",
    "contact_tag",
]
