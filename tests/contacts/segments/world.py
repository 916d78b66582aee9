"""A business with awkward people in it, and rules about them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

import sqlalchemy as sa
from hypothesis import strategies as st

from app.campaigns.models import Campaign
from app.contacts import fields, lists, tags
from app.contacts.models import Consent, Contact, ContactList, Import, Subscription, contact_tag
from app.contacts.text import ROLES
from app.core.db import db, transaction
from app.delivery.models import Batch, Delivery, Event
from tests.conftest import Person

NOW = datetime(2025, 2, 27, 23, 30, tzinfo=UTC)
TEXTS = (
    "", "Anna", "ANNA", "anna", "Ännchen", "ÄNNCHEN", "Straße", "STRASSE", "İstanbul", "istanbul",
    "ΣΊΣΥΦΟΣ", "σίσυφος", "Ärger & Söhne", "100%", "a_b", "a\\b", "O'Hara", '"quoted"', "*",
    "[a-z]", "日本", "🍰 cake", "two\nlines", "Ǆ", "ǅ", "K", "5", "true", "2025-02-27",
)  # fmt: skip
NUMBERS = (0, 1, -1, 5, 5.0, 5.5, 0.1, 0.30000000000000004, 999999999999999, 1e30, -2.5)
DATES = (
    "1980-02-28", "1984-02-29", "1980-03-01", "2025-02-27", "2025-02-28", "2025-03-01",
    "2024-02-29", "2025-01-28", "1999-12-31", "2000-01-01", "2025-03-06",
)  # fmt: skip
TYPES = {"town": "text", "score": "number", "birthday": "date", "vip": "yes_no", "odd": "number"}


def build(person: Person, seed: int, people: int = 40) -> None:
    """Rows that differ in all that a rule can ask."""
    random, account = Random(seed), person.account  # noqa: S311 - chosen, not secret
    with transaction():
        for key, type_ in TYPES.items():
            fields.create(account.id, key, type_=type_, key=key)
        places = [lists.create(account, name) for name in ("News", "Offers")]
        words = [tags.named(account.id, name) for name in ("vip", "Ärzte")]
        imports = [_import(account.id) for _ in range(2)]
        campaigns = [_campaign(account.id, random, number) for number in range(5)]
        db.session.flush()
        for number in range(people):
            contact = _contact(account.id, random, number, [row.id for row in imports])
            db.session.flush()
            _history(contact, random, places, [word.id for word in words])
            _mails(contact, random, campaigns)


def _import(account_id: int) -> Import:
    row = Import(account_id=account_id, filename="a.csv", stored_as="none", state="finished")
    db.session.add(row)
    return row


def _campaign(account_id: int, random: Random, number: int) -> Campaign:
    campaign = Campaign(
        account_id=account_id, name=f"Mail {number}",
        tracking=random.choice(("individual", "none")),
        state=random.choice(("sent", "sending", "cancelled", "draft")),
        started_at=random.choice((None, NOW, NOW - timedelta(days=random.randrange(300)))),
    )  # fmt: skip
    db.session.add(campaign)
    db.session.flush()
    db.session.add(Batch(campaign_id=campaign.id, number=1, size=1))
    return campaign


def _moment(random: Random) -> datetime:
    """Close to the borders of days, in several zones."""
    hours = random.choice((0, 1, 5, 10, 11, 12, 23, 24, 24 * 7, 24 * 30, 24 * 91, 24 * 400))
    return NOW - timedelta(hours=hours + random.choice((0, 0.25, 0.5, 0.75)))


def _contact(account_id: int, random: Random, number: int, imports: list[int]) -> Contact:
    own: dict[str, Any] = {
        "town": random.choice(TEXTS[1:]), "score": random.choice(NUMBERS),
        "birthday": random.choice(DATES), "vip": random.choice((True, False)),
        # As if the field had once had another type.
        "odd": random.choice((5, "5", True, "2025-02-27", "text")),
    }  # fmt: skip
    contact = Contact(
        account_id=account_id, email=f"Person{number}@{random.choice(('a', 'B', 'Ä'))}.example",
        address=_address(number), kind=random.choice(("person", "organisation")),
        first_name=random.choice(TEXTS), last_name=random.choice(TEXTS),
        company=random.choice(TEXTS), external_id=random.choice(TEXTS),
        tracking_off=random.random() < 0.3,
        fields={key: value for key, value in own.items() if random.random() < 0.7},
        import_id=random.choice((None, None, *imports)),
        created_at=_moment(random), updated_at=_moment(random),
    )  # fmt: skip
    db.session.add(contact)
    return contact


def _address(number: int) -> str:
    """Each of another kind, each once."""
    domains = ("a.example", "gmail.com", "gmial.com", "mailinator.com", "notgmail.com")
    local = sorted(ROLES)[number] if number % 4 == 0 else f"person{number}"
    return f"{local}@{domains[number % len(domains)]}"


def _history(
    contact: Contact, random: Random, places: list[ContactList], tag_ids: list[int]
) -> None:
    for tag_id in tag_ids:
        if random.random() < 0.4:
            db.session.execute(sa.insert(contact_tag).values(contact_id=contact.id, tag_id=tag_id))
    for place in places:
        if random.random() < 0.6:
            state = random.choice(("active", "pending", "ended"))
            db.session.add(
                Subscription(
                    contact_id=contact.id, list_id=place.id, account_id=contact.account_id,
                    state=state, since=_moment(random),
                    ended_at=_moment(random) if state == "ended" else None,
                )
            )  # fmt: skip
    for _ in range(random.randrange(3)):
        db.session.add(
            Consent(
                account_id=contact.account_id, contact_id=contact.id, at=_moment(random),
                kind=random.choice(("stated", "asked", "confirmed", "withdrawn", "restored")),
                source=random.choice(("form", "api", "hand", "import", "link")),
            )
        )  # fmt: skip
        db.session.flush()


def _mails(contact: Contact, random: Random, campaigns: list[Campaign]) -> None:
    for campaign in campaigns:
        if random.random() < 0.4:
            continue
        state = random.choice(("sent", "sent", "failed", "pending"))
        delivery = Delivery(
            campaign_id=campaign.id, contact_id=contact.id, batch_id=1, state=state,
            sent_at=_moment(random) if state != "pending" else None,
        )  # fmt: skip
        db.session.add(delivery)
        db.session.flush()
        for _ in range(random.randrange(4)):
            db.session.add(
                Event(
                    campaign_id=campaign.id, delivery_id=delivery.id, contact_id=contact.id,
                    kind=random.choice(("open", "open", "click", "unsubscribe")),
                    verdict=random.choice(("human", "machine")), at=_moment(random),
                )
            )  # fmt: skip


# Rules, as JSON.

_days = st.sampled_from((0, 1, 7, 30, 90, 365, 36_500))
_dates = st.one_of(st.sampled_from(DATES), st.dates(date(1979, 1, 1), date(2026, 1, 1)).map(str))
_spans = st.one_of(
    st.builds(
        lambda op, value: {"op": op, "value": value},
        st.sampled_from(("in_last", "before_last", "in_next")),
        _days,
    ),
    st.builds(
        lambda op, value: {"op": op, "value": value},
        st.sampled_from(("on", "before", "after")),
        _dates,
    ),
    st.builds(lambda a, b: {"op": "between", "value": [a, b]}, _dates, _dates),
)
_yearly = st.builds(
    lambda op, value: {"op": op, "value": value},
    st.sampled_from(("anniversary_in", "anniversary_within")),
    st.sampled_from((0, 1, 2, 7, 30, 365)),
)
_when = st.one_of(st.none(), _spans)
_LETTERS = [*"aAnNäÄßẞςΣİkK%_'\\", "\N{GREEK SMALL LETTER SIGMA}", "\N{KELVIN SIGN}"]
_texts = st.one_of(
    st.sampled_from([text for text in TEXTS if text.strip()]),
    st.sampled_from(TEXTS[1:]).map(lambda text: text[:2].strip() or "a"),
    st.text(_LETTERS, min_size=1, max_size=3),
)
_numbers = st.one_of(
    st.sampled_from([number for number in NUMBERS if abs(number) < 1e15]),
    st.integers(-10, 10),
    st.floats(-10, 10, allow_nan=False),
)
_text_fields = st.sampled_from(
    ("email", "first_name", "last_name", "company", "external_id", "fields.town")
)
_number_fields = st.sampled_from(("fields.score", "fields.odd"))
_any_field = st.one_of(_text_fields, _number_fields, st.sampled_from(("fields.birthday",)))


def _leaf(**parts: st.SearchStrategy[Any] | Any) -> st.SearchStrategy[dict[str, Any]]:
    ready = {
        name: part if isinstance(part, st.SearchStrategy) else st.just(part)
        for name, part in parts.items()
    }
    return st.fixed_dictionaries(ready).map(
        lambda made: {name: value for name, value in made.items() if value is not None}
    )


_ids = st.integers(1, 3)
conditions = st.one_of(
    _leaf(
        field=_text_fields,
        op=st.sampled_from(("is", "is_not", "contains", "contains_not", "begins", "ends")),
        value=_texts,
    ),
    _leaf(
        field=_number_fields,
        op=st.sampled_from(("is", "is_not", "at_least", "at_most", "more", "less")),
        value=_numbers,
    ),
    _leaf(field=_number_fields, op="between", value=st.lists(_numbers, min_size=2, max_size=2)),
    _leaf(field=_any_field, op=st.sampled_from(("known", "empty"))),
    _leaf(field="fields.vip", op="is", value=st.booleans()),
    _leaf(field="fields.vip", op=st.sampled_from(("known", "empty"))),
    st.one_of(_spans, _yearly).map(lambda when: {"field": "fields.birthday", **when}),
    st.builds(
        lambda field, when: {"field": field, **when}, st.sampled_from(("added", "changed")), _spans
    ),
    _leaf(
        field="kind",
        op=st.sampled_from(("is", "is_not")),
        value=st.sampled_from(("person", "organisation")),
    ),
    _leaf(
        field="mailbox",
        op=st.sampled_from(("is", "is_not")),
        value=st.sampled_from(("role", "disposable", "free", "mistyped")),
    ),
    _leaf(
        field="tag",
        op=st.sampled_from(("has", "has_not")),
        value=st.sampled_from(("vip", "VIP", "Ärzte", "none")),
    ),
    _leaf(
        field="list", op=st.sampled_from(("on", "not_on")), value=_ids,
        state=st.sampled_from(("active", "pending", "ended", "any")), when=_when,
    ),
    _leaf(
        field=st.sampled_from(("received", "opened", "clicked")),
        op=st.sampled_from(("did", "did_not")), times=st.integers(1, 4),
        campaign=st.one_of(
            st.sampled_from(("any", "tracked")), st.integers(1, 6),
            st.integers(1, 4).map(lambda n: {"last": n}),
        ),
        when=_when, by=st.sampled_from(("human", "machine", "anybody")),
    ),
    _leaf(
        field="source", op=st.sampled_from(("is", "is_not")),
        value=st.one_of(
            st.sampled_from(("import", "form", "api", "hand", "unknown")),
            _ids.map(lambda number: {"import": number}),
        ),
    ),
    _leaf(
        field="consent", op=st.sampled_from(("has", "has_not")), when=_when,
        value=st.sampled_from(("stated", "asked", "confirmed", "withdrawn", "restored")),
    ),
    _leaf(field="tracking", op="is", value=st.booleans()),
)  # fmt: skip


def _group(parts: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.builds(
        lambda mode, given: {mode: given},
        st.sampled_from(("all", "any", "none")),
        st.lists(parts, min_size=1, max_size=3),
    )


rules = st.one_of(conditions, _group(st.one_of(conditions, _group(conditions))))
