"""From what a program sends to what the verbs take."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from flask_limiter import RateLimitExceeded

from app.accounts import ladder
from app.accounts.models import Account
from app.api import keys, queries
from app.campaigns import composing
from app.campaigns.models import Campaign
from app.contacts import consent, limiting, suppressions, writing
from app.contacts.changes import BY_API
from app.contacts.models import Contact, ContactList, Suppression
from app.core.errors import DomainError, Invalid, TooMany
from app.delivery import allowing
from app.mailer.address import BadAddress, parse

NAMED_ALIKE = ("name", "subject", "from_name", "from_email", "tracking")
BODIES = ("html", "markdown", "mjml")
TOO_MANY = "Too many people were to be asked to confirm from this network. Go on in an hour."
WORDING = "Added by a program of the account's owner."


def add_contact(account: Account, given: dict[str, Any]) -> Contact:
    """A new contact on its lists. On a double opt-in list the person is asked first."""
    lists = queries.lists_named(account, given.get("lists", ()), "lists")
    details = {key: value for key, value in given.items() if key not in ("email", "lists")}
    with _outside_names(given):
        contact = writing.create(account, given["email"], by=BY_API, **details)
    _subscribe(contact, lists)
    return contact


def change_contact(account: Account, contact: Contact, given: dict[str, Any]) -> None:
    """What is named changes; `lists` is the whole new set."""
    changes = {key: value for key, value in given.items() if key != "lists"}
    if changes:
        with _outside_names(given):
            writing.update(contact, by=BY_API, **changes)
    if "lists" in given:
        _put_on(account, contact, given["lists"])


def _put_on(account: Account, contact: Contact, ids: Iterable[int]) -> None:
    wanted = {list_.id: list_ for list_ in queries.lists_named(account, ids, "lists")}
    present = [one for one in queries.subscriptions_of([contact.id])[contact.id]
               if one.state != "ended"]  # fmt: skip
    for one in present:
        if one.list_id not in wanted:
            consent.leave_list(contact, one.list, source="api", evidence=keys.evidence())
    here = {one.list_id for one in present}
    _subscribe(contact, [list_ for list_id, list_ in wanted.items() if list_id not in here])


def _subscribe(contact: Contact, lists: Sequence[ContactList]) -> None:
    """With one mail for all lists that have to be confirmed; raises TooMany for too many mails,
    and for too many people whom nobody asks."""
    states = consent.subscribe_all(
        contact, lists, source="api", wording=WORDING, evidence=keys.evidence()
    )
    if any(one.state == "active" for one in states):
        _take_a_place(contact.account_id)
    if any(one.state == "pending" for one in states):
        try:
            limiting.count_program()
        except RateLimitExceeded:
            raise TooMany(TOO_MANY) from None


def _take_a_place(account_id: int) -> None:
    """New accounts bring a day's worth of people one by one; more of them as a file, which is
    looked at (contacts.vetting). Call inside a transaction. Raises TooMany."""
    if ladder.holds(account_id) is None:
        return
    most = ladder.step_of(account_id).per_day or 0
    if not allowing.take_whole(f"added-{account_id}", 1, per_day=most):
        raise TooMany(
            f"{most:,} people a day come without confirming at this step of the sending limits. "
            "Use a list with double opt-in, bring the others as a file, or go on tomorrow."
        )


AIMS = ("lists", "segments", "exclude", "exclude_segments")


def write_campaign(account: Account, given: dict[str, Any]) -> Campaign:
    """A new draft that aims at nobody but those named."""
    aims = {name: given.get(name, []) for name in AIMS}
    draft = _draft(account, {**given, **aims})
    with _outside_names(given):
        return composing.create(account, draft, by=keys.maker())


def revise_campaign(account: Account, campaign: Campaign, given: dict[str, Any]) -> None:
    """Change a draft; without `version`, whatever it is now."""
    version = given.get("version")
    with _outside_names(given):
        composing.revise(campaign, _draft(account, given), version, by=keys.maker())


def _draft(account: Account, given: dict[str, Any]) -> composing.Draft:
    values = {name: given[name] for name in NAMED_ALIKE if name in given}
    for field in ("preheader", "reply_to"):
        if field in given:
            values[field] = given[field] or ""
    if "text" in given:
        values["text_body"] = given["text"] or ""
    values |= _body(given)
    for field in ("lists", "exclude"):
        if field in given:
            values[field] = [row.id for row in queries.lists_named(account, given[field], field)]
    for field in ("segments", "exclude_segments"):
        if field in given:
            rows = queries.segments_named(account, given[field], field)
            values[field] = [row.id for row in rows]
    return composing.Draft(**values)


def _body(given: dict[str, Any]) -> dict[str, str]:
    if "blocks" in given:
        message = "Blocks need the visual editor, which this version lacks. Send html or markdown."
        raise Invalid(f"blocks: {message}", {"blocks": [message]})
    bodies = [name for name in BODIES if name in given]
    if len(bodies) > 1:
        message = f"A campaign has one body. Send {bodies[0]} or {bodies[1]}, not both."
        raise Invalid(message, {name: [message] for name in bodies})
    return {"format": bodies[0], "body": given[bodies[0]]} if bodies else {}


@contextmanager
def _outside_names(given: dict[str, Any]) -> Iterator[None]:
    """Name fields in errors as programs know them."""
    body = next((name for name in BODIES if name in given), "body")
    outside = {"text_body": "text", "body": body, "label": "fields"}
    try:
        yield
    except Invalid as error:
        error.errors = {outside.get(name, name): text for name, text in error.errors.items()}
        raise


def moment(text: str | None) -> datetime | None:
    """A moment that was checked already."""
    return datetime.fromisoformat(text.upper()) if text else None


def address(email: str, field: str = "email") -> str:
    """The normalised form of an address. Raises Invalid naming the field."""
    try:
        return parse(email).address
    except BadAddress as error:
        raise Invalid(f"{field}: {error}", {field: [str(error)]}) from None


def allow_again(suppression: Suppression) -> None:
    """Lift what the account added. Raises OnlyThePerson, NotYours."""
    if not suppression.by_person and suppression.reason != "account":
        raise NotYours
    suppressions.lift(suppression)


class NotYours(DomainError):
    """A bounce or an imported mark, which a program does not lift."""

    status = 403

    def __init__(self) -> None:
        super().__init__("Only what the account itself added can be deleted here.")
