"""Sending domains: those of an account's senders, and what DNS says about them."""

from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa

from app.accounts import mail_servers, notices, people, queries, relays, signing_keys
from app.accounts.models import Account, DomainCheck, Member, Sender, SigningKey
from app.accounts.signing_keys import domain_of
from app.core import settings
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import NotFound, WrongState
from app.mailer import checking, records
from app.mailer.lookup import Find, Resolver, nowhere

#: How often each domain is looked at without anybody asking.
EVERY = timedelta(hours=23)
#: How many the hourly job takes on at most.
AT_ONCE = 200
#: Findings that cannot be had without DNS; all of them unknown means that it is away.
ASKED = ("spf", "dmarc", "replies")


@dataclass(frozen=True)
class SendingDomain:
    """One domain of the senders."""

    name: str
    confirmed: bool
    """Whether one of its senders has agreed."""
    check: DomainCheck | None
    keys: Sequence[SigningKey]
    """Waiting, active and retired."""

    @property
    def light(self) -> str:
        """ok, warn, bad or unknown."""
        return records.light(self.check.findings) if self.check else "unknown"

    @property
    def signs(self) -> bool:
        """Whether mail from it is signed here."""
        return any(key.state == "active" for key in self.keys)

    @property
    def waits(self) -> bool:
        """Whether keys wait to be seen in DNS."""
        return any(key.state == "new" for key in self.keys)

    @property
    def stale(self) -> bool:
        """Whether it was never checked, or other keys count since."""
        if self.check is None:
            return True
        moments = [
            at for key in self.keys for at in (key.created_at, key.activated_at, key.retired_at)
        ]
        return any(at > self.check.checked_at for at in moments if at)

    @property
    def shared(self) -> bool:
        """A mailbox provider's, where nobody else can set records."""
        return self.name in records.SHARED


def of_account(account: Account) -> list[SendingDomain]:
    """All of them, in order of their names."""
    return [_one(account, *pair) for pair in sorted(_names(account).items())]


def find(account: Account, domain: str) -> SendingDomain:
    """One of them. Raises NotFound."""
    name, names = domain.lower(), _names(account)
    if name not in names:
        raise NotFound("This domain")
    return _one(account, name, names[name])


def _names(account: Account) -> dict[str, bool]:
    names: dict[str, bool] = {}
    rows = db.session.execute(
        sa.select(Sender.email, Sender.confirmed_at).where(Sender.account_id == account.id)
    )
    for email, confirmed_at in rows:
        name = domain_of(email)
        names[name] = names.get(name, False) or confirmed_at is not None
    return names


def _one(account: Account, name: str, confirmed: bool) -> SendingDomain:
    keys = signing_keys.of_domain(account.id, name, retired=True)
    return SendingDomain(name, confirmed, queries.last_check(account.id, name), keys)


def make_keys(account: Account, by: Member, domain: str) -> Sequence[SigningKey]:
    """A pair of keys for a domain that is theirs; beside the old pair where there is one."""
    found = find(account, domain)
    if not found.confirmed:
        raise WrongState(f"Confirm a sender at {found.name} first, so that we know it is yours.")
    if found.shared:
        raise WrongState(f"{found.name} belongs to a mailbox provider; nobody else can sign there.")
    return signing_keys.make(account, by, found.name)


def check(account: Account, domain: str, *, ask: Find | None = None) -> DomainCheck:
    """Ask DNS now, keep the answer, and sign with keys whose record is there.

    No transaction may be open: this waits for a network. Owners get a mail when something that
    was right is wrong now.
    """
    name = find(account, domain).name
    setup = setup_of(account, name)
    db.session.rollback()
    ask = ask or resolver()
    seen = checking.check(setup, ask).seen_keys
    # Once more as it will be when the keys that were seen sign. It asks DNS nothing new.
    done = checking.check(_signing_with(setup, seen), ask)
    with transaction():
        # One check after the other, so that two at once tell the owners once.
        db.session.execute(sa.select(Account.id).where(Account.id == account.id).with_for_update())
        for key in signing_keys.of_domain(account.id, name):
            if key.state == "new" and key.selector in seen:
                signing_keys.activate(account, None, key)
        return _keep(account, name, done.findings)


def resolver() -> Find:
    """The name servers of this machine."""
    return Resolver()


def unchecked(account: Account, domain: str) -> list[dict[str, Any]]:
    """What is to be done, before DNS was asked; as a check keeps it."""
    found = checking.check(setup_of(account, domain), nowhere).findings
    return [one.as_dict() for one in found]


def setup_of(account: Account, domain: str) -> records.Setup:
    """How the domain's mail leaves."""
    config = settings.get()
    own = _own_servers(account, domain)
    hosts = [host.lower() for host in own or [relays.operator().host]]
    return records.Setup(
        domain=domain,
        bounces=config.MAIL_DOMAIN.lower(),
        site=(urlsplit(config.BASE_URL).hostname or "localhost").lower(),
        relays=tuple(host for host in hosts if not _is_inside(host)),
        own_relay=bool(own),
        keys=tuple(
            records.PublicKey(key.selector, key.kind, key.record, key.state == "active")
            for key in signing_keys.of_domain(account.id, domain)
        ),
    )


def _own_servers(account: Account, domain: str) -> list[str]:
    """Names of the account's own mail servers that the domain's mail leaves through."""
    found = mail_servers.for_domain(account.id, f"@{domain}")
    return list(dict.fromkeys(relay.host for relay in found))


def _is_inside(host: str) -> bool:
    """A name or address that means nothing outside of this machine or network."""
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return "." not in host


def _signing_with(setup: records.Setup, seen: set[str]) -> records.Setup:
    """The same after the keys that were seen have taken over."""
    fresh = {key.kind for key in setup.keys if not key.active and key.selector in seen}
    return dataclasses.replace(
        setup,
        keys=tuple(
            dataclasses.replace(key, active=key.active or key.selector in seen)
            for key in setup.keys
            if not (key.active and key.kind in fresh)
        ),
    )


def _keep(account: Account, domain: str, findings: Sequence[records.Finding]) -> DomainCheck:
    row = queries.last_check(account.id, domain)
    if row is None:
        row = DomainCheck(account_id=account.id, domain=domain, good=[])
        db.session.add(row)
    bad = {found.code for found in findings if found.level == "bad"}
    broken = [found for found in findings if found.code in bad & set(row.good)]
    right = {found.code for found in findings if found.level == "ok"}
    row.checked_at, row.findings = now(), [found.as_dict() for found in findings]
    # What DNS does not tell today stays as it was known.
    row.good = sorted((set(row.good) | right) - bad)
    db.session.flush()
    if broken:
        _tell(account, domain, broken)
    return row


def _tell(account: Account, domain: str, broken: Sequence[records.Finding]) -> None:
    """A mail to each owner."""
    url = f"{settings.get().BASE_URL}/settings/domains/{domain}"
    for membership in people.members(account):
        if membership.role == "owner":
            notices.queue(
                "domain_broken", membership.member.email, account=account, domain=domain,
                broken=broken, url=url,
            )  # fmt: skip


def due(*, limit: int = AT_ONCE) -> list[tuple[int, str]]:
    """(account id, domain) of those that nobody asked DNS about for a day, the latest last.

    Where all mail is caught on this machine DNS decides nothing; then only those count that
    leave through a mail server of their own.
    """
    query = sa.select(Sender.account_id, Sender.email).where(Sender.confirmed_at.is_not(None))
    if settings.get().CATCHER:
        query = query.where(Sender.relay_id.is_not(None))
    wanted = {(row.account_id, domain_of(row.email)) for row in db.session.execute(query)}
    rows = db.session.execute(
        sa.select(DomainCheck.account_id, DomainCheck.domain, DomainCheck.checked_at)
    )
    asked = {(row.account_id, row.domain): row.checked_at.timestamp() for row in rows}
    before = (now() - EVERY).timestamp()
    late = [pair for pair in wanted if asked.get(pair, 0.0) <= before]
    return sorted(late, key=lambda pair: (asked.get(pair, 0.0), pair))[:limit]


def check_due() -> int:
    """Ask about what is due; returns how many. Ends early while DNS is away."""
    done = 0
    for account_id, domain in due():
        account = db.session.get(Account, account_id)
        if account is None:
            continue
        try:
            row = check(account, domain)
        except NotFound:  # its last sender was removed just now
            continue
        done += 1
        if {one["level"] for one in row.findings if one["code"] in ASKED} == {"unknown"}:
            break
    return done
