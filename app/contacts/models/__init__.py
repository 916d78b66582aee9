"""People, the lists they are on, and what they agreed to or refused."""

from app.contacts.models.imports import Import, ImportProblem
from app.contacts.models.lists import ContactList, Segment, Subscription
from app.contacts.models.people import Contact, ContactField, Headcount, Tag, contact_tag
from app.contacts.models.permission import Consent, Suppression
from app.contacts.models.signing_up import (
    AskingRound,
    ConfirmationMail,
    FormEntry,
    FormVersion,
    SignUpForm,
    UsedStamp,
)

__all__ = [
    "AskingRound",
    "ConfirmationMail",
    "Consent",
    "Contact",
    "ContactField",
    "ContactList",
    "FormEntry",
    "FormVersion",
    "Headcount",
    "Import",
    "ImportProblem",
    "Segment",
    "SignUpForm",
    "Subscription",
    "Suppression",
    "Tag",
    "UsedStamp",
    "contact_tag",
]
