"""People, the lists they are on, and what they agreed to or refused."""

from app.contacts.models.changes import BulkAction, ContactChange, bulk_change
from app.contacts.models.channels import ChannelConsent
from app.contacts.models.counts import SegmentCount
from app.contacts.models.domains import DomainRule
from app.contacts.models.growth import ListDay, PeopleDay
from app.contacts.models.house import House, HouseContact
from app.contacts.models.hygiene import CleanUpLook, Finding, likeness
from app.contacts.models.imports import Import, ImportProblem
from app.contacts.models.journal import ImportChange, ImportJournal
from app.contacts.models.ledger import ConsentCheck, ConsentSeal, Erasure
from app.contacts.models.lists import ContactList, Segment, Subscription
from app.contacts.models.merges import Merge
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
from app.contacts.models.reviews import ImportReview
from app.contacts.models.signing_up import (
    AskingRound,
    ConfirmationMail,
    FormEntry,
    FormVersion,
    SignUpForm,
    UsedStamp,
)
from app.contacts.models.travel import SuppressionKey

__all__ = [
    "AddressChange",
    "AskingRound",
    "BulkAction",
    "ChannelConsent",
    "CleanUpLook",
    "ConfirmationMail",
    "Consent",
    "ConsentCheck",
    "ConsentSeal",
    "Contact",
    "ContactChange",
    "ContactField",
    "ContactList",
    "DomainRule",
    "Erasure",
    "Finding",
    "FormEntry",
    "FormVersion",
    "Frequency",
    "Headcount",
    "House",
    "HouseContact",
    "Import",
    "ImportChange",
    "ImportJournal",
    "ImportProblem",
    "ImportReview",
    "LeavingReason",
    "LinkRequest",
    "ListDay",
    "Merge",
    "OpenField",
    "Pause",
    "PeopleDay",
    "PreferenceCentre",
    "PublicList",
    "Segment",
    "SegmentCount",
    "SignUpForm",
    "Subscription",
    "Suppression",
    "SuppressionKey",
    "Tag",
    "UsedStamp",
    "bulk_change",
    "contact_tag",
    "likeness",
]
