"""Where everything is: the settings in their groups, and what the palette finds beside them.

Who sees an entry is not said here: an entry is shown to whom its page would be.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from flask import current_app, request, url_for

from app.auth import current
from app.billing import provider


@dataclass(frozen=True)
class Entry:
    """A page that one can go to; `also` holds further words by which it is found."""

    endpoint: str
    label: str
    icon: str
    also: str = ""
    covers: tuple[str, ...] = ()
    """Addresses of its own besides those that begin with the page's."""

    @property
    def url(self) -> str:
        return url_for(self.endpoint)

    @property
    def place(self) -> str:
        """For aria-current: page where it is shown, true where a page below it is, or nothing."""
        if request.path == self.url:
            return "page"
        below = (f"{self.url}/", *self.covers)
        return "true" if f"{request.path}/".startswith(below) else ""

    @property
    def is_open(self) -> bool:
        """Whether the person who asks may look at the page."""
        view = current_app.view_functions.get(self.endpoint)
        if view is None:
            return False
        if view.__dict__.get("is_public") or view.__dict__.get("is_personal"):
            return True
        if current.membership_or_none() is None:
            return False
        if self.endpoint == "billing.page" and not provider.is_set():
            return False
        wanted = current.wanted_by(view, self.endpoint.partition(".")[0], changes=False)
        return not wanted or current.may(wanted)

    def answers(self, words: str) -> bool:
        """Whether each word that somebody typed begins a word of the page's."""
        known = _words(f"{self.label} {self.also}")
        return all(any(one.startswith(word) for one in known) for word in _words(words))


@dataclass(frozen=True)
class Group:
    """Entries under one heading."""

    title: str
    entries: tuple[Entry, ...]


MAIN = Group(
    "Pages",
    (
        Entry("site.home", "Home", "house"),
        Entry("campaigns.index", "Campaigns", "send", "newsletters mails"),
        Entry("contacts.index", "Contacts", "users", "people subscribers"),
        Entry("forms.index", "Forms", "text-cursor-input", "sign-up pop-up"),
        Entry("reports.index", "Reports", "chart-column", "opens clicks"),
        Entry("accounts.settings", "Settings", "settings"),
        Entry("site.help_page", "Help", "circle-help"),
    ),
)
#: Pages inside the sections of the sidebar; offered once something was typed.
FURTHER = Group(
    "Pages",
    (
        Entry("contacts.all_lists", "Lists", "list"),
        Entry("contacts.all_segments", "Segments", "tag", "filter"),
        Entry("contacts.imports", "Imports", "upload", "bring contacts csv"),
        Entry("contacts.clean_up", "Clean up", "sparkles", "contacts duplicates typos"),
        Entry("contacts.bulk_recent", "Done to many", "rotate-ccw", "contacts bulk undo"),
        Entry("contacts.account_growth", "Growth", "chart-column", "contacts"),
        Entry("contacts.all_fields", "Fields", "pencil", "contacts columns"),
        Entry("contacts.all_suppressions", "Suppressions", "ban", "blocked do not mail"),
        Entry("desk.questions", "Your questions", "inbox", "support tickets answers"),
        Entry("site.contact", "Ask us", "mail", "contact support help"),
        Entry("privacy.policy", "Privacy policy", "shield", "data protection"),
        Entry("trust.abuse", "Report abuse", "triangle-alert", "spam complaint"),
    ),
)
SETTINGS = (
    Group(
        "Business",
        (
            Entry("accounts.business", "Business", "store", "name address time zone language"),
            Entry("accounts.people_page", "People", "users", "team members invite roles rights"),
            Entry("billing.page", "Plan and payment", "receipt-text", "billing invoice price card"),
            Entry("billing.limits_page", "Your limits", "chart-column", "usage allowance"),
        ),
    ),
    Group(
        "You",
        (
            Entry("auth.profile", "Your profile", "user", "name e-mail address"),
            Entry("auth.security", "Sign-in and security", "key", "password passkey second factor"),
            Entry("privacy.data", "Data and consents", "shield", "your policy personal copy",
                  covers=("/profile/data/",)),
        ),
    ),
    Group(
        "Sending",
        (
            Entry("accounts.senders_page", "Senders", "mail-check", "from address"),
            Entry("accounts.domains_page", "Domains", "link", "dns dkim spf dmarc"),
            Entry("accounts.mail_server", "Mail server", "server", "smtp relay"),
            Entry("accounts.warm_up", "Warm-up", "hourglass", "pace reputation"),
            Entry("accounts.mailboxes_page", "Bounce mailboxes", "inbox", "imap returned"),
            Entry("accounts.report_hooks_page", "Provider reports", "download", "webhook ses"),
            Entry("trust.standing_page", "Standing", "circle-check", "complaints suspended abuse"),
        ),
    ),
    Group(
        "Readers and privacy",
        (
            Entry("preferences.settings", "Preference centre", "list", "topics less often"),
            Entry("sharing.archive_page", "Archive and sharing", "archive", "public web page feed"),
            Entry("contacts.ledger", "Consent record", "clipboard-list", "proof opt-in chain"),
            Entry("staff.staff_access", "Staff access", "eye", "who looked support grant"),
            Entry("trust.keeping_page", "How long things are kept", "hourglass", "retention"),
        ),
    ),
    Group(
        "Data",
        (
            Entry(
                "moving.take_out", "Take-out and take-in", "download", "export import backup move",
                covers=("/settings/take-in/",),
            ),
            Entry("accounts.tokens_page", "API tokens", "code", "developer key"),
            Entry("accounts.audit", "Audit", "file-text", "log history who did"),
            Entry("trust.close_page", "Close the account", "circle-x", "delete erase leave"),
        ),
    ),
)  # fmt: skip


def settings() -> list[Group]:
    """The settings that the person may open, in their groups; no group is empty."""
    return list(_open(SETTINGS))


def whereabouts() -> str:
    """The name of the setting that is being shown; Settings where it is none of them."""
    entries = (entry for group in SETTINGS for entry in group.entries)
    return next((entry.label for entry in entries if entry.place), "Settings")


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


def find(words: str, *, staff: Sequence[tuple[str, str, str]] = ()) -> list[Group]:
    """What the palette offers for some words: the main pages for none.

    `staff` are the pages of the console that the person may open: endpoint, label, icon.
    """
    if not words:
        return list(_open([MAIN]))
    everywhere = Group("Pages", MAIN.entries + FURTHER.entries)
    named = (Group(f"Settings: {group.title}", group.entries) for group in SETTINGS)
    console = tuple(found for one in staff if (found := Entry(*one, also="staff")).answers(words))
    return [*_open([everywhere, *named], words), *([Group("Staff", console)] if console else [])]


def _open(groups: Iterable[Group], words: str = "") -> Iterator[Group]:
    for group in groups:
        found = tuple(e for e in group.entries if e.answers(words) and e.is_open)
        if found:
            yield Group(group.title, found)
