"""Pages of an account with a million contacts: each within 50 ms at the server.

Counted is the processor's time for an answer, the database's share included, which lies in the
same process: on a machine that does nothing else this is what passes, and elsewhere it is not
spoilt by what others do.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from bench_result import Result

ROUNDS = 40
AT_MOST_MS = 50.0


def run(app: Any, large: int, small: int, size: int) -> Iterator[Result]:
    """The 95th percentile of each page of the large account. Call it outside an app context, for
    each request must have its own."""
    with app.app_context():
        many, few = Browser(app, large), Browser(app, small)
        there, here = _pages(large), _pages(small)
    for name, url in there.items():
        yield Result(
            f"page {name}, {size:,}", many.p95(url), AT_MOST_MS, "ms",
            f"at most; {few.p95(here[name]):.1f} ms with few contacts",
            more_is_better=False, wanted="≥ 1",
        )  # fmt: skip


def _pages(account_id: int) -> dict[str, str]:
    """By name. The searches begin as people type: one letter finds very many."""
    list_id, import_id, contact_id, older, deep = _things(account_id)
    return {
        "contacts": "/contacts",
        "contacts, far down": f"/contacts?cursor={deep}",
        "contacts, next page": f"/contacts?cursor={older}",
        "search v": "/contacts?q=v",
        "search vera": "/contacts?q=vera",
        "search of a name": "/contacts?q=anna%20m",
        "search of nobody": "/contacts?q=zzzzqq",
        "one list": f"/lists/{list_id}",
        "one list, who left": f"/lists/{list_id}?state=ended",
        "one list, search": f"/lists/{list_id}?q=jean",
        "lists": "/lists",
        "fields": "/contacts/fields",
        "never mailed": "/suppressions",
        "imports": "/imports",
        "one import": f"/imports/{import_id}",
        "one contact": f"/contacts/{contact_id}",
        "edit a contact": f"/contacts/{contact_id}/edit",
        "home": "/home",
        "campaigns": "/campaigns",
        "reports": "/reports",
    }


def _things(account_id: int) -> tuple[int, int, int, str, str]:
    import sqlalchemy as sa

    from app.accounts.models import Account
    from app.contacts import finding
    from app.contacts.models import Contact, ContactList, Import
    from app.core.db import db
    from app.core.pagination import encode

    db.session.get_one(Account, account_id)
    ids = [
        db.session.scalar(sa.select(sa.func.max(model.id)).where(model.account_id == account_id))
        for model in (ContactList, Import, Contact)
    ]
    first = db.session.scalar(
        sa.select(sa.func.min(Contact.id)).where(Contact.account_id == account_id)
    )
    page = finding.page(account_id, finding.Wanted())
    return ids[0] or 0, ids[1] or 0, ids[2] or 0, page.older or "", encode([0, (first or 0) + 100])


class Browser:
    """Signed in as the owner of an account."""

    def __init__(self, app: Any, account_id: int) -> None:
        import sqlalchemy as sa

        from app.accounts.models import Member, Membership
        from app.auth import sessions
        from app.core.db import db, transaction

        self.client = app.test_client()
        owner = sa.select(Member).join(Membership).where(Membership.account_id == account_id)
        with transaction():
            secret = sessions.start(db.session.scalars(owner).one())
        with self.client.session_transaction() as cookie:
            cookie["_user_id"] = secret
            cookie["_fresh"] = True

    def p95(self, url: str) -> float:
        """Milliseconds that 19 of 20 answers take at most, after two to warm up."""
        times = []
        for _ in range(ROUNDS + 2):
            began = time.process_time()
            answer = self.client.get(url)
            answer.get_data()
            times.append((time.process_time() - began) * 1000)
            if answer.status_code != 200:
                raise RuntimeError(f"{url} answers {answer.status_code}")
        return sorted(times[2:])[int(ROUNDS * 0.95)]
