"""What is kept, why, how long and where: the data inventory.

The program knows what it keeps, so it brings entries of its own, with the figures of its code. The
operator's people change their words and add what they keep elsewhere; how long the program keeps
something is the program's word alone. Changes are a draft until the policy is published.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import sqlalchemy as sa

from app.core import keeping
from app.core.clock import now
from app.core.db import db
from app.core.errors import Invalid, NotFound
from app.core.folding import fold
from app.privacy import figures
from app.privacy.models import InventoryEntry, PolicyDraft

#: What people may change, and what a version keeps of an entry.
PARTS = ("title", "what", "why", "ground", "keeps", "place")
#: Entries that people wrote or changed.
MOST = 100
HERE = "In the database of this installation."


@dataclass(frozen=True)
class Entry:
    """One kind of data, in words."""

    key: str
    """Stays the same through all versions; its anchor."""
    title: str
    what: str
    why: str
    ground: str
    """Legal ground."""
    keeps: str
    """How long."""
    place: str = HERE
    is_ours: bool = True
    """Whether the program keeps it, so that how long is not for people to say."""
    is_changed: bool = False
    """Whether somebody changed the program's words."""


_CONTRACT = "Contract with the customer."
_CUSTOMER = "On the customer's behalf; the customer answers for the ground."

#: `{name}` is filled in with figures.in_words().
OURS = (
    Entry("account", "Account", "Name of the business, postal address, website, time zone.",
          "To run the account; the address stands at the end of every mail.", _CONTRACT,
          "As long as the account exists. A registration that nobody finishes: {registrations}."),
    Entry("people", "People who sign in", "Name, e-mail address, telephone where given, role, a "
          "hash of the password.", "To let the right people in and to reach them.", _CONTRACT,
          "As long as they belong to an account."),
    Entry("sessions", "Sign-ins", "Time, kind of browser, shortened network address; of what was "
          "refused, from which shortened network and how often.",
          "So that people see and end their sessions, and attacks are noticed.",
          "Legitimate interest in a safe service.",
          "A session ends {session} after its last use, {session_in_all} after it began at the "
          "latest, and is forgotten {sessions} later; counts of what was refused: {refusals}."),
    Entry("links", "Links and invitations", "A hash of each link to set a password, to confirm an "
          "address or to join, with the address it went to.", "To let it work once.", _CONTRACT,
          "{links} after it is dead."),
    Entry("agreements", "Declarations, consents, accepted versions", "What was agreed to, wording, "
          "time, shortened network address.", "To prove it.", "Legal duty to prove consent.",
          "As long as the person belongs to an account."),
    Entry("audit", "Audit", "Who changed what and when; no address of a recipient.",
          "So that owners see what happened in their account.", _CONTRACT, "{audit}."),
    Entry("second_factors", "Second factors", "The sealed secret of an app with codes, public keys "
          "of passkeys, hashes of recovery codes, and which login at a sign-in provider it is.",
          "To be sure who signs in.", _CONTRACT, "Until the person removes them."),
    Entry("looks", "Looks of ours", "Who of ours looked into an account, when, what for, and at "
          "what.", "So that customers see it.", "Legitimate interest in a safe service.",
          "As long as the account exists."),
    Entry("disclosures", "Register of disclosures", "What was given to whom, why and on which "
          "ground, with the sealed document.", "To prove that nothing else was given on.",
          "Legal duty to give account.", "For good.", "In the database and the data folder."),
    Entry("networks", "Networks that are barred", "Networks from which nothing is answered, and "
          "why.", "To keep attacks out.", "Legitimate interest in a safe service.",
          "{barred_networks}; that they were stays in our own audit."),
    Entry("payments", "Plan and payment", "Which plan, how many mails a month were sent, and where "
          "a plan is paid for: references of the payment provider, a name and an address for "
          "invoices. Nothing of a card.", "To know what the account may use, and to invoice it.",
          _CONTRACT, "As long as the account exists."),
    Entry("notices", "Mails of the service itself", "Address, subject and text of links, warnings "
          "and invitations.", "To send them, and again where that did not work.", _CONTRACT,
          "{notices}; the text of mails with a secret link until it has left."),
    Entry("visits", "Visits of public pages", "Sums by page and day: views, visits, sources. There "
          "is nobody in them.", "To see which pages are of use.",
          "Legitimate interest; not personal data.", "{visits}."),
    Entry("enquiries", "Questions", "Name, address and text of who writes to us.", "To answer.",
          "Request of the person.", "{enquiries}."),
    Entry("followers", "Followers of this policy", "Address of who wants to hear of changes.",
          "To mail them.", "Consent.", "Until they leave; without confirmation {follows}."),
    Entry("contacts", "Contacts and campaigns of customers", "Addresses, names, company, kind, "
          "fields, tags, notes, lists; texts; of each mail whether and when the recipient's mail "
          "server took it, and its answer.", "So that the customer can write to them and see what "
          "became of it.", _CUSTOMER, "{contacts}."),
    Entry("readings", "Who opened and who clicked", "Times and links, as far as the customer has "
          "switched it on for a campaign.", "To show the customer what readers like.", _CUSTOMER,
          "{readings}; the counts stay, without people."),
    Entry("consents", "Record of consents", "Who agreed when, how and with which words; who left.",
          "To prove consent.", _CUSTOMER, "{consents}."),
    Entry("suppressions", "Who must not be mailed", "The address and the reason; of erased people "
          "a keyed hash that cannot be read back.", "So that who left stays out.", _CUSTOMER,
          "{suppressions}."),
    Entry("files", "Files of contacts", "What customers upload, row by row; what an import or an "
          "action on many people changed, as it was before.", "To import, to explain each row that "
          "was not taken, and to undo.", _CUSTOMER, "Files {import_files}; for undoing "
          "{import_journals} and {bulk_before}.", "In the data folder and the database."),
    Entry("asking", "Who was asked", "Keyed hashes of addresses that were asked to confirm; "
          "addresses for which a link to the preference centre was asked for.",
          "So that nobody's mailbox is flooded.", _CUSTOMER,
          "{confirmations} and {link_requests}."),
    Entry("arrivals", "What came back", "A mark of each bounce and report that came in.",
          "What is told twice counts once.", _CUSTOMER, "{arrivals}."),
    Entry("takeouts", "Take-outs", "A file with everything of an account, made when its owner "
          "asks.", "So that customers can go.", "Right to one's data.", "{takeouts}.",
          "In the data folder."),
    Entry("requests", "Requests of programs", "Answers to calls of the programming interface.",
          "So that a repeated call acts once.", _CONTRACT, "{api_answers}."),
    Entry("backups", "Backups", "All of it, encrypted.", "To bring everything back after an "
          "accident.", "Duty to protect data from loss.", "{backups}.",
          "Where the operator keeps backups."),
)  # fmt: skip


def in_words(sources: Mapping[str, Any] | None = None) -> list[Entry]:
    """All entries: ours as `sources` words them, then what was added. No figure is left open."""
    rows = {row["key"]: row for row in (sources or {}).get("entries", [])}
    found = figures.in_words()
    ours = []
    for entry in [*OURS, *_by_rule()]:
        keeps = entry.keeps.format_map(found)
        known = replace(entry, keeps=keeps[:1].upper() + keeps[1:])
        changed = rows.pop(entry.key, None)
        if changed:
            words = {name: changed[name] for name in PARTS if name != "keeps"}
            known = replace(known, **words, is_changed=True)
        ours.append(known)
    added = [Entry(**{**row, "is_ours": False, "is_changed": False}) for row in rows.values()]
    return [*ours, *added]


def _by_rule() -> list[Entry]:
    """What a rule of retention names and no entry above does, so that nothing is left out."""
    named = " ".join(entry.keeps for entry in OURS)
    return [
        Entry(kept.rule.key, kept.rule.what, f"{kept.rule.what}.", kept.rule.why,
              _CUSTOMER if kept.rule.of == "reader" else "Legitimate interest in the service.",
              f"{{{kept.rule.key}}}.")
        for kept in keeping.everything()
        if f"{{{kept.rule.key}}}" not in named
    ]  # fmt: skip


def draft() -> dict[str, Any]:
    """What the next version would be made from: {entries: [{key, …}], more}."""
    rows = db.session.scalars(sa.select(InventoryEntry).order_by(InventoryEntry.id).limit(MOST))
    entries = [{"key": row.key, **{name: getattr(row, name) for name in PARTS}} for row in rows]
    kept = db.session.get(PolicyDraft, 1)
    return {"entries": entries, "more": kept.more if kept else ""}


def one(key: str) -> Entry:
    """An entry of the draft. Raises NotFound."""
    for entry in in_words(draft()):
        if entry.key == key:
            return entry
    raise NotFound("That entry")


def write(key: str | None, words: Mapping[str, str]) -> str:
    """Change an entry of the draft, or add one; returns its key. Raises NotFound, Invalid."""
    known = one(key) if key else None
    _check_title(words["title"], key)
    row = _row(key) if key else None
    if row is None:
        _check_room()
        # A key of ours is taken as it is; new ones can never become one of ours.
        row = InventoryEntry(key=known.key if known else f"own-{secrets.token_hex(4)}", keeps="")
        db.session.add(row)
    for name in PARTS:
        if name != "keeps" or not (known and known.is_ours):
            setattr(row, name, words[name])
    row.changed_at = now()
    db.session.flush()
    return row.key


def undo(key: str) -> None:
    """Remove an entry that was added; give one of ours the program's words again."""
    one(key)
    db.session.execute(sa.delete(InventoryEntry).where(InventoryEntry.key == key))


def say_more(text: str) -> None:
    """The operator's own passages, a paragraph each, for the draft."""
    kept = db.session.get(PolicyDraft, 1)
    if kept is None:
        kept = PolicyDraft(id=1)
        db.session.add(kept)
    kept.more, kept.changed_at = text, now()


def as_rows(entries: Iterable[Entry]) -> list[dict[str, str]]:
    """As a version keeps them."""
    return [
        {name: value for name, value in asdict(entry).items() if name in ("key", *PARTS)}
        for entry in entries
    ]


def sentences(row: Mapping[str, str]) -> str:
    """An entry as one passage, for comparing and for readers of plain text."""
    return (
        f"{row['title']}: {row['what']} Why: {row['why']} Ground: {row['ground']} "
        f"How long: {row['keeps']} Where: {row['place']}"
    )


def passages(section: Mapping[str, Any]) -> Sequence[str]:
    """Everything that a section of a version says, a text each."""
    return [*section["paragraphs"], *(sentences(row) for row in section.get("entries", []))]


def _check_title(title: str, key: str | None) -> None:
    """Two of one name could not be told apart in the policy, nor in what changed."""
    same = fold(" ".join(title.split()))
    for entry in in_words(draft()):
        if entry.key != key and fold(" ".join(entry.title.split())) == same:
            text = (
                f"There is an entry “{entry.title}” already. Change that one, or say what is other."
            )
            raise Invalid(text, {"title": [text]})


def _check_room() -> None:
    """What is beyond would be kept and never shown."""
    kept = db.session.scalar(sa.select(sa.func.count()).select_from(InventoryEntry)) or 0
    if kept >= MOST:
        text = f"The inventory has {MOST} entries of yours. Take one out first."
        raise Invalid(text, {"title": [text]})


def _row(key: str) -> InventoryEntry | None:
    return db.session.scalar(sa.select(InventoryEntry).where(InventoryEntry.key == key))
