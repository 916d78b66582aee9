"""Suspending an account with a reason, hearing its owner, and letting it go on.

What it does takes effect with the next claim, inside running campaigns too (`delivery.claiming`).
People who are mailed lose nothing by it: unsubscribing, preferences and erasing go on.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from app.accounts import auditing, notices, owners
from app.accounts.models import Account, Member
from app.accounts.standing import ACCESS, CLOSING, SENDING
from app.campaigns.models import Campaign
from app.contacts.models import Import
from app.core import settings
from app.core.clock import now
from app.core.db import db
from app.core.errors import Invalid, WrongState
from app.core.owning import owned
from app.delivery import tallying
from app.trust.models import Appeal, Closing, Suspension

KINDS = (SENDING, ACCESS)
WORDS = {
    SENDING: "Sending is suspended",
    ACCESS: "Your account is suspended",
}
#: The same for staff, and for the owner once it is over.
FOR_STAFF = {**WORDS, ACCESS: "The account is suspended"}
WAS = {SENDING: "Sending was suspended", ACCESS: "Your account was suspended"}
#: For the owner, after the reason.
MEANS = {
    SENDING: (
        "No campaign goes out. What was going out is paused, what was planned is a draft again. "
        "Until it is over, your forms are closed, and nobody reads your archive or opens your "
        "links for outsiders. Everything else works as before."
    ),
    ACCESS: (
        "No campaign goes out, forms, archive and links for outsiders are closed, and so are the "
        "pages but for what is yours: you can take everything out, download your contacts, read "
        "this page and answer."
    ),
}
LONGEST = 5_000


def suspend(account: Account, by: Member, *, kind: str, reason: str) -> Suspension:
    """From this transaction on; where an owner is closing the account, an undo leads there.

    Raises Invalid, WrongState.
    """
    if kind not in KINDS:
        raise Invalid("Choose what to suspend.", {"kind": ["Choose what to suspend."]})
    reason = _written(reason, "reason", "Say why, as the owner will read it.")
    _bar(account, kind)
    for earlier in in_force(account):
        earlier.ended_at, earlier.ended_by_id = now(), by.id
        earlier.end_words = "Taken further."
    row = Suspension(account_id=account.id, kind=kind, reason=reason, by_id=by.id)
    db.session.add(row)
    db.session.flush()
    stop_campaigns(account, reason)
    auditing.note(account, by, "account.suspend", f"{kind}, suspension {row.id}")
    owners.tell(
        account.id, "standing", title=f"{WORDS[kind]}: {account.name}",
        lines=[f"{settings.get().OPERATOR_NAME} has looked into this account.",
               f"The reason: {reason}", MEANS[kind]],
        url=f"{settings.get().BASE_URL}/settings/standing", label="Read it and answer",
    )  # fmt: skip
    return row


def _bar(account: Account, kind: str) -> None:
    """Raises WrongState where that, or more, is suspended already."""
    db.session.refresh(account, with_for_update=True)
    closing = None
    if account.barred == CLOSING:
        closing = db.session.get(Closing, account.id, populate_existing=True)
    if (closing.was_barred if closing else account.barred) in (kind, ACCESS):
        raise WrongState("That is suspended already.")
    if closing:
        closing.was_barred = kind
    else:
        account.barred = kind
    db.session.flush()


def stop_campaigns(account: Account, reason: str) -> None:
    """What is going out is paused, what is planned is a draft again."""
    words = f"Sending is suspended: {reason}"
    campaigns = db.session.scalars(
        sa.select(Campaign)
        .where(
            Campaign.account_id == account.id,
            Campaign.state.in_(("sending", "scheduled", "held")),
            Campaign.kind == "campaign",
        )
        .order_by(Campaign.id)
    ).all()
    for campaign in campaigns:
        # Something may have moved it since; the claim looks at the account itself.
        if campaign.state == "sending" and campaign.move(
            "sending", to="paused", pause_reason=words
        ):
            tallying.note(campaign.id, f"Paused: {words}")
        elif campaign.move("scheduled", "held", to="draft", due_at=None):
            tallying.note(campaign.id, f"Taken back: {words}")


def lift(suspension: Suspension, by: Member, *, words: str = "") -> None:
    """The account may go on; its people resume what they want. Raises WrongState."""
    ended = db.session.execute(
        sa.update(Suspension)
        .where(Suspension.id == suspension.id, Suspension.ended_at.is_(None))
        .values(ended_at=now(), ended_by_id=by.id, end_words=words.strip()[:LONGEST])
        .returning(Suspension.id)
        .execution_options(synchronize_session=False)
    ).scalar()
    if ended is None:
        raise WrongState("That suspension is over.")
    db.session.refresh(suspension)
    account = db.session.get_one(Account, suspension.account_id, populate_existing=True)
    if account.barred == suspension.kind:
        account.barred = ""
    # Where an owner is closing it meanwhile, an undo does not bring the suspension back.
    db.session.execute(
        sa.update(Closing)
        .where(Closing.account_id == account.id)
        .values(was_barred="")
        .execution_options(synchronize_session="fetch")
    )
    auditing.note(account, by, "account.reinstate", f"suspension {suspension.id}")
    owners.tell(
        account.id, "standing", title=f"You can send again: {account.name}",
        lines=["The suspension is over.", *([words.strip()] if words.strip() else []),
               "Campaigns that were going out are paused. Look at each one and resume it."],
        url=f"{settings.get().BASE_URL}/campaigns", label="See your campaigns",
    )  # fmt: skip


def in_force(account: Account) -> Sequence[Suspension]:
    """What holds now: none or one."""
    return db.session.scalars(
        sa.select(Suspension)
        .where(Suspension.account_id == account.id, Suspension.ended_at.is_(None))
        .order_by(Suspension.id)
    ).all()


def all_of(account: Account, limit: int = 20) -> Sequence[Suspension]:
    """Newest first."""
    return db.session.scalars(
        sa.select(Suspension)
        .where(Suspension.account_id == account.id)
        .order_by(Suspension.id.desc())
        .limit(limit)
    ).all()


def suspension_of(account: Account, suspension_id: int) -> Suspension:
    """Raises NotFound."""
    return owned(Suspension, account.id, suspension_id, "That suspension")


def appeal(
    account: Account, by: Member, text: str, *, suspension: Suspension | None = None,
    import_: Import | None = None,
) -> Appeal:  # fmt: skip
    """The owner answers; one answer at a time waits to be read. Raises Invalid, WrongState."""
    text = _written(text, "text", "Write what the operator should know.")
    about = (
        Appeal.suspension_id == suspension.id if suspension
        else Appeal.import_id == (import_.id if import_ else 0)
    )  # fmt: skip
    waiting = sa.select(Appeal.id).where(
        Appeal.account_id == account.id, about, Appeal.answered_at.is_(None)
    )
    # Held to the end, so that pressing twice sends one.
    db.session.execute(sa.select(Account.id).where(Account.id == account.id).with_for_update())
    if db.session.scalar(waiting.limit(1)) is not None:
        raise WrongState("Your answer is here and waits to be read.")
    row = Appeal(
        account_id=account.id, suspension_id=suspension.id if suspension else None,
        import_id=import_.id if import_ else None, text=text, member_id=by.id,
    )  # fmt: skip
    db.session.add(row)
    db.session.flush()
    auditing.note(account, by, "standing.appeal", f"appeal {row.id}")
    notices.queue(
        "standing", settings.get().OPERATOR_EMAIL, account=account, person="",
        title=f"An answer from account {account.id}",
        lines=[f"{account.name} answers to a decision. It waits at the abuse desk."],
        url=f"{settings.get().BASE_URL}/staff/accounts/{account.id}", label="Read it",
    )  # fmt: skip
    return row


def answer(row: Appeal, by: Member, text: str) -> None:
    """Tell the owner what came of it. Raises Invalid, WrongState."""
    text = _written(text, "answer", "Write the answer.")
    done = db.session.execute(
        sa.update(Appeal)
        .where(Appeal.id == row.id, Appeal.answered_at.is_(None))
        .values(answer=text, answered_at=now(), answered_by_id=by.id)
        .returning(Appeal.id)
        .execution_options(synchronize_session=False)
    ).scalar()
    if done is None:
        raise WrongState("That has been answered already.")
    account = db.session.get_one(Account, row.account_id)
    auditing.note(account, by, "standing.answer", f"appeal {row.id}")
    owners.tell(
        row.account_id, "standing", title=f"An answer about {account.name}",
        lines=[f"{settings.get().OPERATOR_NAME} writes:", text],
        url=f"{settings.get().BASE_URL}/settings/standing", label="See where it stands",
    )  # fmt: skip


def appeals_of(account: Account, limit: int = 20) -> Sequence[Appeal]:
    """Newest first."""
    return db.session.scalars(
        sa.select(Appeal)
        .where(Appeal.account_id == account.id)
        .order_by(Appeal.id.desc())
        .limit(limit)
    ).all()


def open_appeals(limit: int = 50) -> Sequence[tuple[Appeal, Account]]:
    """Of all accounts, oldest first."""
    rows = db.session.execute(
        sa.select(Appeal, Account)
        .join(Account, Account.id == Appeal.account_id)
        .where(Appeal.answered_at.is_(None))
        .order_by(Appeal.id)
        .limit(limit)
    ).all()
    return [(row[0], row[1]) for row in rows]


def appeal_of(account: Account, appeal_id: int) -> Appeal:
    """Raises NotFound."""
    return owned(Appeal, account.id, appeal_id, "That answer")


def _written(text: str, name: str, otherwise: str) -> str:
    text = text.strip()
    if not text:
        raise Invalid(otherwise, {name: [otherwise]})
    if len(text) > LONGEST:
        words = f"Say it in at most {LONGEST:,} characters."
        raise Invalid(words, {name: [words]})
    return text
