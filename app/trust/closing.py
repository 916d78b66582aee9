"""Closing an account: undone for fourteen days, then erased in slices.

While it is being closed nothing is sent and the pages are shut but for the take-out and the undo.
Erasing marks the account first, which is never taken back, then goes from what is most to what is
least, a few thousand rows a transaction, and begins again where it was killed. What stays: that
there was an account, where its invoices are, and keyed hashes of whom it must not mail.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from app.accounts import auditing, notices, owners
from app.accounts.models import Account, Member, Membership, Notice
from app.accounts.standing import CLOSING
from app.billing import contracts
from app.campaigns.models import Campaign
from app.contacts import uploads, writing
from app.contacts.models import ConsentCheck, Contact, Import, Suppression
from app.core import settings
from app.core.clock import now
from app.core.db import Base, db, empty_log, transaction
from app.core.errors import Invalid, WrongState
from app.core.keeping import in_words
from app.delivery.models import Delivery, Event
from app.desk.models import Ticket
from app.moving import files
from app.moving.models import OPEN_OUT, Takein, Takeout
from app.trust import suspending
from app.trust.models import ClosedAccount, Closing, KeptOut

UNDO = timedelta(days=14)
REMIND = timedelta(days=3)
SLICE = 2_000
BUDGET_S = 5.0
#: What grows with people and goes before the account does, by its column of the account.
IN_SLICES = (
    "consent", "consent_seal", "erasure", "confirmation_mail", "told_friend", "leaving_reason",
    "link_request", "contact_change", "idempotency_key", "notice",
)  # fmt: skip
#: The same, by its column of something that belongs to the account.
UNDER_OTHERS = (("import_problem", "import"), ("moved", "takein"), ("bulk_change", "bulk_action"))


def of(account: Account) -> Closing | None:
    """Whether it is being closed."""
    return db.session.get(Closing, account.id, populate_existing=True)


def begin(account: Account, by: Member, *, name: str) -> Closing:
    """Close it in fourteen days. `name` is the business's, typed to confirm. Raises Invalid,
    WrongState."""
    if " ".join(name.split()).casefold() != " ".join(account.name.split()).casefold():
        words = f"Type the name exactly as it is: {account.name}"
        raise Invalid(words, {"name": [words]})
    contract = contracts.of(account)
    if contracts.is_live(contract) and contract is not None and not contract.ends_at:
        raise WrongState("End your plan first, under Plan and payment: else you go on paying.")
    was = db.session.scalar(
        sa.select(Account.barred).where(Account.id == account.id).with_for_update()
    )
    if was == CLOSING:
        raise WrongState("This account is being closed already.")
    row = Closing(
        account_id=account.id, asked_by_id=by.id, due_at=now() + UNDO, was_barred=was or ""
    )
    account.barred = CLOSING
    db.session.add(row)
    db.session.flush()
    suspending.stop_campaigns(account, "this account is being closed.")
    auditing.note(account, by, "account.close", f"on {row.due_at:%Y-%m-%d}")
    _tell(account, f"{account.name} is being closed", [
        f"{by.name or by.email} closes this account at {settings.get().OPERATOR_NAME}.",
        f"Until {_day(account, row.due_at)} you can undo it, and take everything out.",
        "Then contacts, campaigns, results and files are erased for good,",
        "and the sign-ins of people who have no other account.",
        "From now on nothing is sent.",
    ], "Undo, or take everything out")  # fmt: skip
    return row


def undo(account: Account, by: Member) -> None:
    """As it was before; campaigns wait to be resumed. Raises WrongState."""
    db.session.refresh(account, with_for_update=True)
    gone = db.session.execute(
        sa.delete(Closing)
        .where(Closing.account_id == account.id, Closing.due_at > now())
        .returning(Closing.was_barred)
        .execution_options(synchronize_session="fetch")
    ).scalar()
    if gone is None:
        raise WrongState("There is nothing to undo.")
    account.barred = gone
    auditing.note(account, by, "account.keep")
    _tell(account, f"{account.name} stays", [
        f"{by.name or by.email} has undone the closing. Everything is there as it was.",
        "Campaigns that were going out are paused. Look at each one and resume it.",
    ], "See your campaigns", path="/campaigns")  # fmt: skip


def _tell(
    account: Account, title: str, lines: list[str], label: str, *, path: str = "/settings/close"
) -> None:
    owners.tell(
        account.id, "standing", title=title, lines=lines,
        url=f"{settings.get().BASE_URL}{path}", label=label,
    )  # fmt: skip


def _day(account: Account, moment: datetime) -> str:
    local = moment.astimezone(account.zone)
    return f"{local.day} {local:%B %Y, %H:%M}"


def tend(*, budget_s: float = BUDGET_S) -> int:
    """Called by the tick: remind, and erase what is due; returns how many accounts are gone."""
    _remind()
    due = db.session.scalars(
        sa.select(Closing.account_id)
        .where(Closing.due_at <= now())
        .order_by(Closing.due_at)
        .limit(10)
    ).all()
    db.session.rollback()
    until, gone = time.monotonic() + budget_s, 0
    for account_id in due:
        if time.monotonic() < until and contracts.stop_paying(account_id):
            gone += erase(account_id, until)
    return gone


def _remind() -> None:
    soon = now() + REMIND
    rows = db.session.scalars(
        sa.select(Closing.account_id).where(
            Closing.reminded_at.is_(None), Closing.due_at <= soon, Closing.due_at > now()
        )
    ).all()
    db.session.rollback()
    for account_id in rows:
        with transaction():
            row = db.session.get(Closing, account_id, with_for_update=True, populate_existing=True)
            if row is None or row.reminded_at is not None:
                continue
            row.reminded_at = now()
            account = db.session.get_one(Account, account_id)
            _tell(account, f"{account.name} is erased in {in_words(REMIND.days)}", [
                f"On {_day(account, row.due_at)} everything of this account is erased for good.",
            ], "Undo, or take everything out")  # fmt: skip


def erase(account_id: int, until: float = float("inf")) -> bool:
    """Go on erasing; True once nothing is left. Harmless when two do it at once."""
    _mark(account_id)
    for step in (
        _files, *map(_of_account, IN_SLICES), _contacts, _events, _deliveries, _hashes,
        *(_of_parents(name, parent) for name, parent in UNDER_OTHERS),
        _files,  # once more: a job may have been writing one
    ):  # fmt: skip
        while step(account_id):
            if time.monotonic() >= until:
                return False
    _end(account_id)
    empty_log()
    return True


def _mark(account_id: int) -> None:
    """From here on nothing is shown of it, for what is left is no whole. Never taken back."""
    with transaction():
        db.session.execute(
            sa.update(Account)
            .where(Account.id == account_id, Account.erased_since.is_(None))
            .values(erased_since=now(), barred=CLOSING),
            execution_options={"synchronize_session": False},
        )
        # Whoever is writing one loses the lease, and stops.
        db.session.execute(
            sa.update(Takeout)
            .where(Takeout.account_id == account_id, Takeout.state.in_(OPEN_OUT))
            .values(state="failed", lease=None, lease_until=None),
            execution_options={"synchronize_session": False},
        )
        db.session.execute(
            sa.delete(ConsentCheck).where(ConsentCheck.account_id == account_id),
            execution_options={"synchronize_session": False},
        )
        db.session.expire_all()


def _files(account_id: int) -> bool:
    """Uploads and ZIPs: no row names them once the account is gone."""
    for stored in _names(Import.stored_as, Import.account_id == account_id):
        path = uploads.path_of(stored)
        for one in (path, path.with_suffix(".seen"), path.with_suffix(".seen-journal")):
            one.unlink(missing_ok=True)
    for model, name in ((Takeout, files.OUT), (Takein, files.IN)):
        for stored in _names(model.stored_as, model.account_id == account_id):
            for path in files.folder(name).glob(f"{stored.removesuffix('.zip')}*"):
                path.unlink(missing_ok=True)
    return False


def _names(column: Any, *conditions: Any) -> Iterable[str]:
    return [name for name in db.session.scalars(sa.select(column).where(*conditions)) if name]


def _contacts(account_id: int) -> bool:
    with transaction(bulk=True):
        ids = db.session.scalars(
            sa.select(Contact.id).where(Contact.account_id == account_id).limit(SLICE)
        ).all()
        if ids:
            writing.delete_rows(account_id, ids)
    return len(ids) == SLICE


def _events(account_id: int) -> bool:
    return _of_campaigns(account_id, Event, Event.kind, Event.id)


def _deliveries(account_id: int) -> bool:
    return _of_campaigns(account_id, Delivery, Delivery.id)


def _of_campaigns(account_id: int, model: type[Event] | type[Delivery], *order: Any) -> bool:
    """One campaign after the other, in the order of its index: whoever takes any of the account's
    rows reads over all those that are gone, and those of other accounts, each time."""
    first = (
        sa.select(Campaign.id)
        .where(
            Campaign.account_id == account_id, sa.exists().where(model.campaign_id == Campaign.id)
        )
        .order_by(Campaign.id)
        .limit(1)
    )
    with transaction(bulk=True):
        campaign_id = db.session.scalar(first)
        some = sa.select(model.id).where(model.campaign_id == campaign_id)
        db.session.execute(
            sa.delete(model).where(model.id.in_(some.order_by(*order).limit(SLICE))),
            execution_options={"synchronize_session": False},
        )
    return campaign_id is not None


def _of_account(name: str) -> Callable[[int], bool]:
    table = Base.metadata.tables[name]

    def step(account_id: int) -> bool:
        with transaction(bulk=True):
            return _slice(table, table.c.account_id == account_id) == SLICE

    return step


def _of_parents(name: str, parent: str) -> Callable[[int], bool]:
    """One import after the other: see `_of_campaigns`."""
    table, above = Base.metadata.tables[name], Base.metadata.tables[parent]
    column = next(key.parent for key in table.foreign_keys if key.column.table is above)

    def step(account_id: int) -> bool:
        first = (
            sa.select(above.c.id)
            .where(above.c.account_id == account_id, sa.exists().where(column == above.c.id))
            .order_by(above.c.id)
            .limit(1)
        )
        with transaction(bulk=True):
            parent_id = db.session.scalar(first)
            return parent_id is not None and _slice(table, column == parent_id) > 0

    return step


def _slice(table: sa.Table, mine: sa.ColumnElement[bool]) -> int:
    key = list(table.primary_key)
    some = sa.select(*key).where(mine).limit(SLICE)
    one = key[0] if len(key) == 1 else sa.tuple_(*key)
    return db.session.connection().execute(sa.delete(table).where(one.in_(some))).rowcount


def _hashes(account_id: int) -> bool:
    """Whom the account must not mail: the keyed hash moves, the address goes."""
    with transaction(bulk=True):
        rows = db.session.execute(
            sa.select(Suppression.id, Suppression.address_hash)
            .where(Suppression.account_id == account_id)
            .order_by(Suppression.id)
            .limit(SLICE)
        ).all()
        if rows:
            db.session.execute(
                sa.insert(KeptOut),
                [{"account_id": account_id, "address_hash": row.address_hash} for row in rows],
            )
            db.session.execute(
                sa.delete(Suppression).where(Suppression.id.in_([row.id for row in rows])),
                execution_options={"synchronize_session": False},
            )
    return len(rows) == SLICE


def _end(account_id: int) -> None:
    """What is left goes with the account's own row, and its people who have no other place."""
    with transaction():
        account = db.session.get(Account, account_id, with_for_update=True, populate_existing=True)
        if account is None:
            return
        contract = contracts.of(account)
        people = db.session.scalars(
            sa.select(Member)
            .join(Membership, Membership.member_id == Member.id)
            .where(Membership.account_id == account_id)
        ).all()
        _say_goodbye(account, people)
        db.session.add(ClosedAccount(
            account_id=account_id, opened_at=account.created_at,
            customer_ref=(contract.customer_ref or "") if contract else "",
        ))  # fmt: skip
        db.session.execute(sa.delete(Notice).where(Notice.account_id == account_id))
        db.session.execute(sa.delete(Ticket).where(Ticket.account_id == account_id))
        for member in people:
            forget_login(member, besides=account_id)
        db.session.flush()
        db.session.execute(
            sa.delete(Account).where(Account.id == account_id),
            execution_options={"synchronize_session": False},
        )
        db.session.expire_all()


def _say_goodbye(account: Account, people: Iterable[Member]) -> None:
    """The last mail is about no account any more, and is forgotten once it has left."""
    for member in people:
        notices.queue(
            "last_word", member.email, person=member.name,
            title=f"{account.name} is closed and erased",
            lines=["Everything of this account is erased.",
                   "Copies in backups, which are encrypted, go with the backups."],
        )  # fmt: skip


def forget_login(member: Member, *, besides: int = 0) -> bool:
    """Erase somebody's sign-in where they have no other account and are no staff; whether."""
    elsewhere = sa.select(Membership.id).where(
        Membership.member_id == member.id, Membership.account_id != besides
    )
    if member.staff_roles or db.session.scalar(elsewhere.limit(1)) is not None:
        return False
    _forget_mails_with(member.email)
    db.session.execute(
        sa.delete(Member).where(Member.id == member.id),
        execution_options={"synchronize_session": False},
    )
    return True


def _forget_mails_with(email: str) -> None:
    """Letters of theirs to the operator, and mails of the service to them."""
    db.session.execute(sa.delete(Ticket).where(Ticket.email == email))
    db.session.execute(
        sa.delete(Notice).where(Notice.to_email == email, Notice.kind != "last_word")
    )
