"""Who keeps the mailboxes of a domain: kept in the database, asked of DNS in the background.

Only domains that stand before a slowed relay are asked about. Nobody who sends waits for DNS: a
domain that nothing is known of yet is its own provider.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import sqlalchemy as sa

from app.core.clock import now
from app.core.db import db, insert, transaction
from app.delivery.models import MailDomain
from app.mailer import mailbox_providers
from app.mailer.lookup import Away, Find, Resolver

FRESH = timedelta(days=7)
ASK_AGAIN = timedelta(hours=1)
AT_ONCE = 200
#: Domains whose server answers nothing hold one of these up, not the others.
SIDE_BY_SIDE = 8


def providers_of(domains: Iterable[str]) -> dict[str, str]:
    """The provider of each domain. What is not known is asked for; call inside a transaction."""
    found = {domain: mailbox_providers.of_domain(domain) or "" for domain in domains}
    unknown = sorted(domain for domain, provider in found.items() if not provider)
    if unknown:
        found.update(_kept(unknown))
    return {domain: provider or domain for domain, provider in found.items()}


def _kept(domains: list[str]) -> dict[str, str]:
    rows = db.session.execute(
        sa.select(MailDomain.domain, MailDomain.provider).where(MailDomain.domain.in_(domains))
    )
    kept = {row.domain: row.provider for row in rows}
    missing = [domain for domain in domains if domain not in kept and len(domain) <= 255]
    if missing:
        rows_to_ask = [{"domain": domain, "provider": "", "due_at": now()} for domain in missing]
        db.session.execute(insert(MailDomain).on_conflict_do_nothing(), rows_to_ask)
    return kept


def look_up(resolver: Callable[[], Find] = Resolver) -> int:
    """Ask DNS about what is due, forget what is old; returns how many were asked about.

    No transaction may be open: this waits for a network.
    """
    with transaction():
        db.session.execute(
            sa.delete(MailDomain)
            .where(MailDomain.due_at <= now(), MailDomain.provider != "")
            .execution_options(synchronize_session=False)
        )
    due = db.session.scalars(
        sa.select(MailDomain.domain)
        .where(MailDomain.due_at <= now())
        .order_by(MailDomain.due_at)
        .limit(AT_ONCE)
    ).all()
    db.session.rollback()
    if due:
        with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            # Each thread's slice has a resolver, and with it a time limit, of its own.
            slices = [due[i::SIDE_BY_SIDE] for i in range(SIDE_BY_SIDE)]
            answers = list(pool.map(lambda part: _ask(part, resolver), filter(None, slices)))
        _keep({domain: one for part in answers for domain, one in part.items()})
    return len(due)


def _ask(domains: Iterable[str], resolver: Callable[[], Find]) -> dict[str, str]:
    """The provider of each; empty where DNS gave no answer."""
    find, found = resolver(), {}
    for domain in domains:
        try:
            found[domain] = mailbox_providers.by_mx(domain, find)[:255]
        except Away:
            found[domain] = ""
    return found


def _keep(found: dict[str, str]) -> None:
    with transaction():
        for domain, provider in sorted(found.items()):
            db.session.execute(
                sa.update(MailDomain)
                .where(MailDomain.domain == domain, MailDomain.provider == "")
                .values(provider=provider, due_at=now() + (FRESH if provider else ASK_AGAIN))
                .execution_options(synchronize_session=False)
            )
