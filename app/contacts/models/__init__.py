"""People, the lists they are on, and what they agreed to or refused."""

from app.contacts.models.changes import BulkAction, ContactChange, bulk_change
from app.contacts.models.channels import ChannelConsent
from app.contacts.models.counts import SegmentCount
from app.contacts.models.growth import ListDay, PeopleDay
from app.contacts.models.hygiene import CleanUpLook, Finding, likeness
from app.contacts.models.imports import Import, ImportProblem
from app.contacts.models.lists import ContactList, Segment, Subscription
from app.contacts.models.people import Contact, ContactField, Headcount, Tag, contact_tag
from app.contacts.models.permission import Consent, Suppression
from app.contacts.models.travel import SuppressionKey

__all__ = [
    "BulkAction",
    "ChannelConsent",
    "CleanUpLook",
    "Consent",
    "Contact",
    "ContactChange",
    "ContactField",
    "ContactList",
    "Finding",
    "Headcount",
    "Import",
    "ImportProblem",
    "ListDay",
    "PeopleDay",
    "Segment",
    "SegmentCount",
    "Subscription",
    "Suppression",
    "SuppressionKey",
    "Tag",
    "bulk_change",
    "contact_tag",
    "likeness",
]
