"""One row of everything that belongs to Alice's account, to walk the routes with."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from werkzeug.routing import Rule

from app.accounts.models import (
    ApiToken,
    Invitation,
    Mailbox,
    Membership,
    Relay,
    ReportHook,
    Sender,
    SigningKey,
    WarmUp,
)
from app.api.calls import CALLS
from app.auth import sessions
from app.auth.models import BarredNetwork, Passkey, ProviderLogin, SignedIn
from app.billing.models import PlanGrant
from app.campaigns.models import Campaign, CampaignAudience
from app.contacts.models import (
    BulkAction,
    Contact,
    ContactField,
    ContactList,
    FormVersion,
    Import,
    ImportJournal,
    ImportReview,
    Merge,
    Segment,
    SegmentCount,
    SignUpForm,
    Subscription,
    Suppression,
    Tag,
)
from app.contacts.signup.design import Choice, Design
from app.contacts.suppressions import address_hash
from app.core.clock import now
from app.core.db import Base, db, transaction
from app.delivery.models import Batch, Delivery, Link
from app.desk.models import Ticket, TicketFile, TicketMessage
from app.moving.models import Takein, Takeout
from app.sharing.models import ShareLink
from app.staff.models import ExportGrant
from app.tracking.models import StoppedLink
from app.trust.models import AbuseReport, Appeal, PersonRequest, Suspension
from tests.conftest import Person

Row = Any


def make(alice: Person, bob: Person) -> dict[str, int]:
    """The ids, by the name that routes give them."""
    account = alice.account.id
    with transaction():
        sessions.start(alice.member)
        rows = {**_people(account), **_settings(account)}
        db.session.add_all(rows.values())
        db.session.flush()
        _journal(account, rows["import_id"])
        rows |= _trust(account, rows["import_id"])
        rows |= _campaign(account, rows["list_id"], rows["contact_id"])
        rows["merge_id"] = _merge(account, rows["contact_id"])
        rows["share_id"] = _share_link(account, rows["campaign_id"])
        rows["form_id"] = _form(account, rows["list_id"])
        rows |= _letter(alice)
        ids = {name: int(row.id) for name, row in rows.items()}
        ids["account_id"] = account
        passkey = Passkey(member_id=alice.member.id, name="Key", credential_id="c", public_key="p")
        login = ProviderLogin(member_id=alice.member.id, issuer="i", subject="s")
        db.session.add_all([passkey, login])
        db.session.flush()
        ids["passkey_id"], ids["login_id"] = passkey.id, login.id
        ids["member_id"] = bob.member.id
        ids["membership_id"] = _one(Membership.id, Membership.member_id == bob.member.id)
        ids["session_id"] = _one(SignedIn.id, SignedIn.member_id == alice.member.id)
    return ids


def _journal(account: int, import_: Row) -> None:
    """What lets the import be undone."""
    kept_until = now() + timedelta(days=30)
    db.session.add(
        ImportJournal(
            import_id=import_.id, account_id=account, kept_until=kept_until, state="counted"
        )
    )


def _trust(account: int, import_: Row) -> dict[str, Row]:
    rows: dict[str, Row] = {
        "review_id": ImportReview(account_id=account, import_id=import_.id),
        "appeal_id": Appeal(account_id=account, import_id=import_.id, text="?"),
        "report_id": AbuseReport(reference="A", kind="spam", text="?", account_id=account),
        "request_id": PersonRequest(
            reference="P-K7F3QX2M", kind="erase", address_hash="h", due_at=now()
        ),
        "barred_id": BarredNetwork(network="198.51.100.0/24", until=now()),
        "stopped_id": StoppedLink(key="host:x.example", reason="?"),
    }
    db.session.add_all(rows.values())
    db.session.flush()
    return rows


def _one(column: Any, condition: Any) -> int:
    return int(db.session.execute(sa.select(column).where(condition).limit(1)).scalar_one())


def _people(account: int) -> dict[str, Row]:
    return {
        "contact_id": Contact(account_id=account, email="v@b.example", address="v@b.example"),
        "other_id": Contact(account_id=account, email="w@b.example", address="w@b.example"),
        "action_id": BulkAction(
            account_id=account, verb="suppress", state="done", began_at=now(),
            selection={"ids": [1]},
        ),
        "list_id": ContactList(account_id=account, name="News"),
        "tag_id": Tag(account_id=account, name="new"),
        "field_id": ContactField(account_id=account, key="cake", label="Cake"),
        "segment_id": Segment(
            account_id=account, name="S", rule={"field": "tag", "op": "has", "value": "new"}
        ),
        "count_id": SegmentCount(
            account_id=account, digest="d", rule={"field": "tag", "op": "has", "value": "new"}
        ),
        "suppression_id": Suppression(
            account_id=account, address="no@b.example", reason="account",
            address_hash=address_hash(account, "no@b.example"),
        ),
        "import_id": Import(
            account_id=account, filename="a.csv", stored_as="none.csv", state="finished"
        ),
        "suspension_id": Suspension(account_id=account, kind="sending", reason="?"),
        "takeout_id": Takeout(account_id=account, stored_as="none.zip", state="removed"),
        "takein_id": Takein(
            account_id=account, filename="a.zip", stored_as="none.zip", state="ready"
        ),
    }  # fmt: skip


def _settings(account: int) -> dict[str, Row]:
    return {
        "token_id": ApiToken(account_id=account, token_hash="h", scopes=["contacts:read"]),
        "invitation_id": Invitation(
            account_id=account, email="new@b.example", role="editor", token_hash="i",
            expires_at=now(),
        ),
        "sender_id": Sender(account_id=account, email="news@b.example", confirmed_at=now()),
        "key_id": SigningKey(
            account_id=account, domain="b.example", selector="s1", kind="rsa",
            record="v=DKIM1; k=rsa; p=x",
        ),
        "relay_id": Relay(account_id=account, name="R", host="mail.example", port=587),
        "hook_id": ReportHook(account_id=account, provider="mailgun"),
        "plan_grant_id": PlanGrant(account_id=account, plan="small", reason="R", given_by="S"),
        "grant_id": ExportGrant(account_id=account, reason="R", until=now() + timedelta(days=1)),
        "warm_up_id": WarmUp(account_id=account, subject="domain:b.example", goal=5000),
        "mailbox_id": Mailbox(
            account_id=account, host="mail.example", port=993, username="b", sealed_password="s"
        ),
    }  # fmt: skip


def _campaign(account: int, list_: Row, contact: Row) -> dict[str, Row]:
    campaign = Campaign(
        account_id=account, name="May", subject="May", body="Hello", from_email="news@b.example"
    )
    campaign.audience = [CampaignAudience(list_id=list_.id)]
    subscription = Subscription(contact_id=contact.id, list_id=list_.id, account_id=account)
    db.session.add_all([campaign, subscription])
    db.session.flush()
    batch = Batch(campaign_id=campaign.id, number=1, size=1)
    db.session.add(batch)
    db.session.flush()
    delivery = Delivery(
        campaign_id=campaign.id, contact_id=contact.id, batch_id=batch.id, state="sent"
    )
    link = Link(campaign_id=campaign.id, position=1, url="https://example.com/")
    db.session.add_all([delivery, link])
    db.session.flush()
    return {"campaign_id": campaign, "delivery_id": delivery, "link_id": link}


def _merge(account: int, contact: Row) -> Row:
    gone = {"email": contact.email, "address": contact.address}
    merge = Merge(
        account_id=account, kept_id=contact.id, other_id=99, kept_until=now() + timedelta(days=1),
        was={"mails": [], "other": {"contact": [gone]}},
    )  # fmt: skip
    db.session.add(merge)
    db.session.flush()
    return merge


def _share_link(account: int, campaign: Row) -> Row:
    link = ShareLink(
        account_id=account, campaign_id=campaign.id, kind="report", nonce=1, expires_at=now()
    )
    db.session.add(link)
    db.session.flush()
    return link


def _form(account: int, list_: Row) -> Row:
    form = SignUpForm(account_id=account, name="News", slug=SLUG, is_open=True)
    db.session.add(form)
    db.session.flush()
    design = Design(lists=(Choice(list_.id, "News"),)).to_json()
    db.session.add(FormVersion(form_id=form.id, number=1, account_id=account, design=design))
    db.session.flush()
    return form


def _letter(alice: Person) -> dict[str, Row]:
    ticket = Ticket(
        reference="K7F3QX2M", email=alice.member.email, subject="Help", member_id=alice.member.id,
        account_id=alice.account.id,
    )  # fmt: skip
    db.session.add(ticket)
    db.session.flush()
    message = TicketMessage(ticket_id=ticket.id, kind="heard", text="Help me")
    message.files = [TicketFile(name="a.txt", kind="text", size=1, content=b"a")]
    db.session.add(message)
    db.session.flush()
    return {"ticket_id": ticket, "file_id": message.files[0]}


#: The public address of a form.
SLUG = "bakery-news"
#: Parameters that name nothing of an account.
OTHERS: dict[str, str] = {
    "slug": SLUG,
    "token": "x" * 40,
    "mark": "x" * 40,
    "handle": "none-xxxxxxxx",
    "secret": "x" * 43,
    "name": "none",
    "number": "1",
    "filename": "css/none.css",
    "domain": "b.example",
    "kind": "marketing_email",
    "what": "opens",
    "verb": "pause",
    "panel": "business",
    "channel": "post",
    "service": "whatsapp",
    "archive_slug": "nobody",
    "page_slug": "none",
}
#: Fields of forms, filled in well.
FORM = {"role": "viewer", "name": "Stolen", "email": "c@garage.example", "version": "1"}
#: What calls of the API cannot do without.
BODY = {"to": ["c@garage.example"], "email": "c@garage.example", "name": "Stolen"}


def body_of(endpoint: str) -> dict[str, Any]:
    """The least body that a call of the API takes."""
    (call,) = (call for call in CALLS if f"api.{call.name}" == endpoint)
    return {name: BODY[name] for name in getattr(call.body, "__required_keys__", ())}


def url_of(rule: Rule, ids: dict[str, int]) -> str:
    """The rule's address with Alice's ids. KeyError names what this file should learn."""
    values = {name: ids[name] if name in ids else OTHERS[name] for name in sorted(rule.arguments)}
    return str(rule.build(values)[1])  # type: ignore[index]


def is_somebodys(rule: Rule) -> bool:
    """Whether the address names something that belongs to an account."""
    return any(name.endswith("_id") for name in rule.arguments)


#: Written by looking alone, on purpose: when a session or a token was used last.
NOTED = {("signed_in", "seen_at"), ("api_token", "last_used_at"), ("api_token", "used_from")}


def contents() -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table."""
    db.session.rollback()
    found: dict[str, list[tuple[Any, ...]]] = {}
    by: Callable[[Any], str] = repr
    for table in Base.metadata.sorted_tables:
        columns = [column for column in table.columns if (table.name, column.name) not in NOTED]
        rows = db.session.execute(sa.select(*columns)).all()
        found[table.name] = sorted((tuple(row) for row in rows), key=by)
    db.session.rollback()
    return found


def difference(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """The tables that are not the same any more."""
    return [name for name in before if before[name] != after[name]]
