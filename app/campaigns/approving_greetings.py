"""Approval of welcome mails: as of campaigns (`approving`), about the text that was looked at."""

from __future__ import annotations

from app.accounts import auditing, notices
from app.accounts.models import Account, Member
from app.campaigns import approving, checks, greeting
from app.campaigns.models import Greeting
from app.contacts.models import SignUpForm
from app.core import settings
from app.core.db import db
from app.core.errors import Forbidden, WrongState


def ask(form: SignUpForm, by: Member) -> None:
    """Mail everybody else who may approve it. Raises NobodyElse."""
    account = db.session.get_one(Account, form.account_id)
    others = [one for one in approving.able(account, approving.RIGHT) if one.id != by.id]
    if not others:
        raise approving.NobodyElse
    for other in others:
        notices.queue(
            "approval_asked", other.email, account=account, person=other.name,
            who=by.name or by.email, campaign=greeting.NAME.format(form=form.name), words="",
            url=f"{settings.get().BASE_URL}/forms/{form.id}/mails",
        )  # fmt: skip


def approve(form: SignUpForm, by: Member, looked_at: str) -> None:
    """Say yes to a text: it goes out from now on.

    Raises Forbidden to its writer, approving.Moved where it is another text by now, WrongState,
    NotReady.
    """
    mail = db.session.get(Greeting, form.id, with_for_update=True, populate_existing=True)
    if mail is None or not greeting.waits(mail):
        raise WrongState("No welcome mail of this form waits for approval.")
    if mail.written_by_id == by.id:
        raise Forbidden("You wrote this text yourself. Somebody else has to approve it.")
    if greeting.mark(mail) != looked_at:
        raise approving.Moved
    campaign = greeting.draft(form, mail)
    campaign.created_by_id = mail.written_by_id
    checks.demand_content(campaign)
    greeting.send_from_now_on(mail, campaign)
    form.greets = True
    auditing.note(campaign.account, by, "campaign.approve", f"welcome mail of form {form.id}")
