"""The table of what is kept how long, and why. The one place that says so.

`app.trust.forgetting` keeps these rules by itself; the pages *How long things are kept* and the
privacy policy are made from them.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import sqlalchemy as sa

from app.accounts import notices
from app.analytics import taking as analytics
from app.api import repeats
from app.auth import tidying
from app.billing import events
from app.contacts import asking, bulk_actions, journal, parting, uploads
from app.contacts.signup import gate
from app.core import settings
from app.core.db import db, transaction
from app.core.keeping import Forget, Rule
from app.desk import tickets
from app.moving import taking_in, taking_out
from app.preferences import asking as preference_asking
from app.privacy import following
from app.sharing import outsiders, telling
from app.tracking import returns
from app.trust import walking
from app.trust.models import AbuseReport, PersonRequest

AS_LONG = "as long as the account exists"


def _in_one(work: Callable[[datetime], int]) -> Forget:
    """For small tables: everything that is over, in one transaction."""

    def forget(before: datetime, _limit: int) -> int:
        with transaction():
            return work(before)

    return forget


def _by_itself(work: Callable[[], int]) -> Forget:
    """For what knows its own time and opens its own transactions."""
    return lambda _before, _limit: work()


def _notices(before: datetime, limit: int) -> int:
    with transaction():
        return notices.forget_old(before, limit)


def _confirmations(_before: datetime) -> int:
    return asking.forget_old() + gate.forget_used()


def _files_that_moved() -> int:
    return taking_out.remove_old() + taking_in.remove_old()


def _tickets(before: datetime, limit: int) -> int:
    with transaction():
        return tickets.forget_old(before, limit)


def _abuse_reports(before: datetime) -> int:
    gone = db.session.execute(sa.delete(AbuseReport).where(AbuseReport.answered_at < before))
    return int(gone.rowcount)  # type: ignore[attr-defined]


def _person_requests(before: datetime) -> int:
    gone = db.session.execute(sa.delete(PersonRequest).where(PersonRequest.finished_at < before))
    return int(gone.rowcount)  # type: ignore[attr-defined]


def rules() -> tuple[Rule, ...]:
    """In the order of the pages; where a setting says how long, as it stands now."""
    return (*_of_accounts(), *_of_readers(), *_of_visitors(), *_of_the_operator())


def _of_accounts() -> tuple[Rule, ...]:
    return (
        Rule("contacts", "Contacts, lists, campaigns and their results",
             "They are the account's own; it alone decides.",
             until=f"{AS_LONG}, or until its people erase them"),
        Rule("audit", "The audit: who changed what in an account",
             "So that a business can see what was done in its name.", until=AS_LONG),
        Rule("import_files", "Uploaded files of contacts",
             "To look at a row again, and to correct a wrong import.", 30, 1, 90,
             forget=lambda before, _limit: uploads.remove_old(before)),
        Rule("import_journals", "What an import changed, as it was before",
             "Imports can be undone for so long.", 30, forget=_by_itself(journal.drop_old)),
        Rule("merges", "What two contacts were before they became one",
             "A merge can be taken back for so long.", 30,
             forget=_in_one(lambda _before: parting.drop_old())),
        Rule("bulk_before", "What an action on many people changed, as it was before",
             "It can be taken back for so long.", 31, forget=_by_itself(bulk_actions.forget_old)),
        Rule("takeouts", "Take-outs, and files that were brought to be taken in",
             "Time enough to fetch them.", 7, forget=_by_itself(_files_that_moved)),
        Rule("sessions", "Browsers that signed out, or were not seen for 30 days",
             "So that members recognise a sign-in that was not theirs.", 30, 1, 365,
             forget=_in_one(tidying.forget_sessions)),
        Rule("links", "Links for passwords, new addresses and invitations, once they are dead",
             "To tell somebody that their link was used or is too old.", 30, 1, 90,
             forget=_in_one(tidying.forget_links)),
        Rule("sign_in_steps", "Sign-ins under way: what was proven, what is still to come",
             "Wrong codes are counted for an hour.", 1, forget=_in_one(tidying.forget_steps)),
        Rule("known_browsers", "Browsers in which members have signed in, as a hash of a cookie",
             "So that a mail tells only of sign-ins from elsewhere.", 365,
             forget=_in_one(lambda _before: tidying.forget_known_browsers())),
        Rule("registrations", "Registrations that nobody finished",
             "People come back to a mail weeks later.", 30, 7, 90,
             forget=_in_one(tidying.forget_registrations)),
        Rule("share_links", "Links for somebody outside, once they have ended",
             "To see how often one was opened, and by whom it was made.", 30, 1, 365,
             forget=_in_one(outsiders.forget_old)),
        Rule("api_answers", "Answers of the API, for requests that are repeated",
             "A program that got no answer asks again.", 2,
             forget=_in_one(lambda _before: repeats.forget_old())),
        Rule("payments", "What an account pays for: references of the payment provider, and the "
             "address for invoices", "To know its plan. Nothing of a card is kept.",
             until=AS_LONG),
        Rule("payment_events", "Numbers of the payment provider's events",
             "What it tells twice counts once.", 90, forget=_in_one(events.forget_old)),
    )  # fmt: skip


def _of_readers() -> tuple[Rule, ...]:
    return (
        Rule("readings", "Who opened and who clicked",
             "Accounts choose people by what they read. The counts of reports stay, without "
             "people.", 3 * 365, 90, 10 * 365, of="reader", forget=walking.forget_readers),
        Rule("suppressions", "Addresses that must not be mailed",
             "Whoever left stays out. Of people who were erased it is a keyed hash, which cannot "
             "be read back.", until=AS_LONG, of="reader"),
        Rule("consents", "Who agreed to what, when and to which words",
             "The law asks the account to prove it. Once somebody is erased, a digest without the "
             "person stays in its place.", until=f"{AS_LONG}, or until the person is erased",
             of="reader"),
        Rule("confirmations", "Keyed hashes of addresses that were asked to confirm",
             "Nobody is asked again and again.", 60, of="reader", forget=_in_one(_confirmations)),
        Rule("link_requests", "Addresses for which a link to the preference centre was asked",
             "Nobody's mailbox is flooded with links. The address goes with the mail.", 1,
             of="reader", forget=_in_one(lambda _before: preference_asking.forget_old())),
        Rule("arrivals", "Marks of bounces and reports that came in",
             "What a provider tells twice counts once.", 30, of="reader",
             forget=_in_one(lambda _before: returns.forget_old())),
    )  # fmt: skip


def _of_visitors() -> tuple[Rule, ...]:
    return (
        Rule("told_friends", "Keyed hashes of addresses that were told of a mail by a friend",
             "Nobody is told of the same mail twice. The address itself goes with the mail.", 365,
             of="visitor", forget=_in_one(lambda _before: telling.forget_old())),
        Rule("never_tell", "Keyed hashes of who wants to be told of nothing any more",
             "So that it holds for good.", until="as long as this installation exists",
             of="visitor"),
        Rule("visits", "Sums of visits of public pages, by page and day",
             "To compare with last year. There is nobody in them.",
             3 * 365, 30, 10 * 365, of="visitor", forget=_in_one(analytics.forget_old)),
        Rule("enquiries", "Letters to the operator with their answers, once they are closed",
             "To answer, and to come back to them.",
             tickets.KEPT_DAYS, 90, 10 * 365, of="visitor", forget=_tickets),
        Rule("abuse_reports", "Reports of abuse, once they are answered",
             "A sender who is reported again is known by then.", 365, 90, 3 * 365, of="visitor",
             forget=_in_one(_abuse_reports)),
        Rule("person_requests", "Requests of people for their data, to be erased or for no more "
             "mail, once they are answered", "To show that each was answered in time. The address "
             "goes with the answer; a keyed hash stays.", 365, 30, 3 * 365, of="visitor",
             forget=_in_one(_person_requests)),
        Rule("follows", "Addresses that asked to hear of changes of the privacy policy and did not "
             "confirm", "Until then their link works. Whoever leaves is forgotten at once.",
             following.LINK_LIFE.days, of="visitor",
             forget=_in_one(lambda _before: following.forget_old())),
    )  # fmt: skip


def _of_the_operator() -> tuple[Rule, ...]:
    config = settings.get()
    turns = f"{config.BACKUP_KEEP} of them, one each {config.BACKUP_EVERY_HOURS} hours"
    return (
        Rule("notices", "Mails of the service itself: links, warnings, invitations",
             "To see what was sent and whether it arrived. Links in them are forgotten at once.",
             30, 7, 90, of="operator", forget=_notices),
        Rule("barred_networks", "Networks from which nothing is answered, and why",
             "To keep attacks out. That they were barred stays in the operator's audit.",
             until="while they are barred", of="operator",
             forget=_in_one(lambda _before: tidying.forget_networks())),
        Rule("backups", "Backups, encrypted", "To bring everything back after an accident.",
             until=turns if config.BACKUP_TO else "none are made", of="operator"),
    )  # fmt: skip
