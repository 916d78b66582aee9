"""People as CSV: streamed, readable by spreadsheets, without harm to them, and by imports."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from app.accounts.models import Account
from app.contacts import channels, fields, finding, queries
from app.contacts.models import Contact, Import
from app.contacts.rows import as_csv

BASIC = (
    "Email", "First name", "Last name", "Company", "Kind", "Tags", "Notes", "Status", "Added",
    "Post allowed", "Phone allowed", "External ID",
)  # fmt: skip
#: Spreadsheets take a file without it for one of an old encoding.
MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"


def people(account: Account, wanted: finding.Wanted) -> Iterator[str]:
    """These people, some hundred rows at a time."""
    known = fields.of(account.id)
    yield MARK + as_csv([[*BASIC, *(field.label for field in known.values())]])
    for some in finding.everyone(account.id, wanted):
        tags = queries.tags_of([contact.id for contact in some])
        barred = queries.not_mailed(account, some)
        ways = channels.of_many([contact.id for contact in some])
        yield as_csv(
            _row(
                contact, tags.get(contact.id, []), barred.get(contact.address, ""),
                ways.get(contact.id, {}), list(known),
            )
            for contact in some
        )  # fmt: skip


def rejected(import_: Import) -> Iterator[str]:
    """The rows of a file that were not taken, each with its reason."""
    yield MARK + as_csv([["Row", "Reason", "Content"]])
    after = 0
    while some := queries.problems(import_, after=after, limit=1000):
        yield as_csv([str(one.row_number), one.reason, one.row] for one in some)
        after = some[-1].id


def _row(
    contact: Contact,
    tags: Sequence[str],
    barred: str,
    ways: Mapping[str, bool],
    keys: Sequence[str],
) -> list[str]:
    return [
        contact.email,
        contact.first_name,
        contact.last_name,
        contact.company,
        contact.kind,
        ", ".join(tags),
        contact.notes,
        _STATUS.get(barred, "subscribed"),
        f"{contact.created_at:%Y-%m-%d}",
        fields.as_text(ways.get("post")),
        fields.as_text(ways.get("phone")),
        contact.external_id,
        *(fields.as_text(contact.fields.get(key)) for key in keys),
    ]


#: Words that an import understands again.
_STATUS = {
    "unsubscribed": "unsubscribed",
    "erased": "unsubscribed",
    "complaint": "complaint",
    "bounced": "bounced",
    "account": "suppressed",
    "import": "suppressed",
}
