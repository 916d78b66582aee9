"""What is wrong with this installation, in words for the person who runs it."""

from __future__ import annotations

import shutil
import smtplib
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import redis
import sqlalchemy as sa

from app.auth import provider
from app.config import BadSetting, Config, load
from app.core import heartbeat, queue_server, resealing, sealing, settings
from app.core.chaining import ChainHead
from app.core.clock import now
from app.core.migrating import is_current
from app.mailer.relay import BadRelay, RelaySettings
from app.ops import paying
from app.staff.models import BackupRun

LEAST_ROOM = 1_000_000_000
#: What nobody else may read, in the data folder.
PRIVATE = (
    "secret_key",
    "sealing_keys",
    "backup_key",
    "leadersend.sqlite",
    "leadersend.env",
    "uploads",
    "queue",
)
PATIENCE_S = 10


class Sick(Exception):
    """What is wrong, and what to do about it."""


@dataclass
class Examination:
    """The findings, each (subject, state, words) with a state of ok, warn or bad."""

    settings: dict[str, str] = field(default_factory=dict)
    findings: list[tuple[str, str, str]] = field(default_factory=list)

    @property
    def is_well(self) -> bool:
        """Whether nothing is bad; a warning is no illness."""
        return all(state != "bad" for _, state, _ in self.findings)

    def as_dict(self) -> dict[str, Any]:
        """For programs."""
        checks = [{"check": c, "state": s, "detail": d} for c, s, d in self.findings]
        return {"well": self.is_well, "checks": checks, "settings": self.settings}

    def as_text(self) -> str:
        """For people."""
        width = max(map(len, self.settings), default=0)
        lines = [f"{name:<{width}}  {value}" for name, value in self.settings.items()]
        lines += ["", *(f"{state:<5} {check}: {words}" for check, state, words in self.findings)]
        lines.append("\nAll is well." if self.is_well else "\nSomething is wrong; see above.")
        return "\n".join(lines) + "\n"


Check = Callable[[Config], str]


def examine() -> Examination:
    """Look at everything; one ill part hides no other."""
    found = Examination()
    try:
        config = load()
    except (BadSetting, OSError) as error:
        found.findings.append(("settings", "bad", str(error)))
        return found
    found.settings = config.masked()
    found.findings.append(("settings", "ok", "all can work"))
    queue_server.configure(config.REDIS_URL)
    for name, check in CHECKS.items():
        found.findings.append(_one(name, check, config))
    found.findings.extend(_warnings(config))
    return found


def _one(name: str, check: Check, config: Config) -> tuple[str, str, str]:
    try:
        return name, "ok", check(config)
    except Sick as error:
        return name, "bad", str(error)


def check_home(config: Config) -> str:
    """Whether what is in the data folder is ours alone."""
    home = config.LEADERSEND_HOME
    for path in sorted(home.iterdir()):
        if (mode := _open_to_others(path)) and path.name in PRIVATE:
            raise Sick(f"Others may read {path} ({mode:03o}): chmod go= {path}")
    return f"what is in {home} is readable by its owner alone"


def _open_to_others(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode) & 0o077


def check_room(config: Config) -> str:
    """Whether the disk has room."""
    free = shutil.disk_usage(config.LEADERSEND_HOME).free
    words = f"{free / 1e9:.1f} GB free"
    if free < LEAST_ROOM:
        raise Sick(f"{words} where the data lies; {LEAST_ROOM / 1e9:.0f} GB is the least")
    return words


def check_database(config: Config) -> str:
    """Whether the database answers and has the schema of this version."""
    engine = sa.create_engine(config.DATABASE_URL, poolclass=sa.NullPool)
    try:
        if not is_current(engine):
            raise Sick("is not of this version; leadersend up brings it there")
    except sa.exc.DBAPIError as error:
        raise Sick(f"cannot be reached: {error.orig}") from None
    return f"{engine.dialect.name}, of this version"


def check_queue(config: Config) -> str:
    """Whether the queue server answers and keeps what it is told."""
    try:
        queue_server.client().ping()
        asked = queue_server.client().config_get("appendonly", "maxmemory-policy")
    except redis.ResponseError:
        return (
            "answers; its settings are not shown to us: appendonly should be yes and "
            "maxmemory-policy noeviction"
        )
    except redis.RedisError as error:
        raise Sick(f"cannot be reached: {error}") from None
    wanted = {"appendonly": "yes", "maxmemory-policy": "noeviction"}
    wrong = [
        f"{name} is {asked.get(name)}, not {v}"
        for name, v in wanted.items()
        if asked.get(name) != v
    ]
    if wrong:
        raise Sick("; ".join(wrong))
    return "answers, and keeps its data on disk"


def check_relay(config: Config) -> str:
    """Whether the operator's relay greets us, takes TLS and takes our password."""
    try:
        relay = RelaySettings.from_url(config.SMTP_URL)
        _greet(relay)
    except BadRelay as error:
        raise Sick(str(error)) from None
    except (OSError, smtplib.SMTPException) as error:
        raise Sick(f"{relay.host}:{relay.port} does not work: {error}") from None
    return f"{relay.host}:{relay.port} answers"


def _greet(relay: RelaySettings) -> None:
    context = relay.ssl_context()
    with (
        smtplib.SMTP_SSL(relay.host, relay.port, timeout=PATIENCE_S, context=context)
        if relay.tls == "implicit"
        else smtplib.SMTP(relay.host, relay.port, timeout=PATIENCE_S)
    ) as smtp:
        smtp.ehlo()
        if relay.tls == "starttls" or (relay.tls == "opportunistic" and smtp.has_extn("starttls")):
            smtp.starttls(context=context)
            smtp.ehlo()
        if relay.username:
            smtp.login(relay.username, relay.password)


def check_workers(config: Config) -> str:
    """Whether somebody does the timed work."""
    try:
        age = heartbeat.age_s()
    except redis.RedisError:
        raise Sick("cannot be seen without the queue server") from None
    if age is None or age > heartbeat.FRESH_S:
        raise Sick("none is alive: leadersend up, or leadersend worker")
    return f"last sign of life {age:.0f} s ago"


def check_backups(config: Config) -> str:
    """Whether there is a backup of late, and whether it could be brought back."""
    if not config.BACKUP_TO:
        return "none are made by themselves"
    made, last = _backups(config)
    if made is None or made < now() - timedelta(hours=2 * config.BACKUP_EVERY_HOURS):
        when = f"the last good one is of {made:%d %B %Y, %H:%M} UTC" if made else "there is none"
        why = f" ({last.error})" if last is not None and last.error else ""
        raise Sick(f"{when}{why}: leadersend backups now")
    if last is not None and last.rehearsal == "bad":
        words = " ".join(last.findings.get("words", []))
        raise Sick(f"the newest could not be brought back: {words} Try: leadersend backups now")
    return f"the last good one is of {made:%d %B %Y, %H:%M} UTC"


def _backups(config: Config) -> tuple[datetime | None, Any]:
    """When the last good one was made, and the last run."""
    run = BackupRun.__table__
    engine = sa.create_engine(config.DATABASE_URL, poolclass=sa.NullPool)
    good = sa.and_(run.c.state == "done", run.c.rehearsal != "bad")
    try:
        with engine.connect() as connection:
            made = connection.scalar(sa.select(sa.func.max(run.c.ended_at)).where(good))
            last = connection.execute(
                sa.select(run).where(run.c.tries > 0).order_by(run.c.id.desc()).limit(1)
            ).one_or_none()
            return made, last
    except sa.exc.DBAPIError:
        raise Sick("cannot be seen without the database") from None


def check_payments(config: Config) -> str:
    """Whether plans can be read and paid for."""
    try:
        return paying.examine(config)
    except paying.CannotPay as error:
        raise Sick(str(error)) from None


def check_provider(config: Config) -> str:
    """Whether people can sign in by the operator's provider."""
    if not config.OIDC_ISSUER:
        return "none is set"
    settings.configure(config)
    try:
        return f"{config.OIDC_NAME} lets people in at {provider.reach()}"
    except provider.Unusable as error:
        raise Sick(str(error)) from None


def _warnings(config: Config) -> list[tuple[str, str, str]]:
    found = []
    home = config.LEADERSEND_HOME
    if mode := _open_to_others(home):
        words = f"Others may see the names of files in {home} ({mode:03o}): chmod 700 {home}"
        found.append(("data folder", "warn", words))
    if config.CATCHER and not config.local:
        found.append(
            ("mail", "warn", "CATCHER is on: mail stays on this machine. Set SMTP_URL to send.")
        )
    if not config.secure and not config.local:
        found.append(("BASE_URL", "warn", "Without https, passwords can be read on their way."))
    if config.secure and not config.local and not config.TRUSTED_PROXIES:
        words = (
            "Everybody seems to come from the proxy that has the certificate, so limits against "
            "guessing hit all at once. Name its network, usually 127.0.0.1/32"
        )
        found.append(("TRUSTED_PROXIES", "warn", words))
    if not config.OPERATOR_ADDRESS and not config.local:
        found.append(("OPERATOR_ADDRESS", "warn", "The privacy policy has no postal address."))
    if config.STRIPE_SECRET_KEY and config.local:
        words = "Stripe cannot send events to this machine; what is paid is asked for all the same."
        found.append(("payments", "warn", words))
    if not config.BACKUP_TO:
        words = (
            "No backups are made. Name a folder on another disk or a bucket, see self-hosting.md"
        )
        found.append(("BACKUP_TO", "warn", words))
    elif _is_on_the_same_disk(config):
        words = "Backups lie on the disk of the data: they would go with it. Name another one"
        found.append(("BACKUP_TO", "warn", words))
    return found


def _is_on_the_same_disk(config: Config) -> bool:
    place = Path(config.BACKUP_TO)
    if not place.is_absolute() or not place.exists():
        return False
    return place.stat().st_dev == config.LEADERSEND_HOME.stat().st_dev


def check_books(config: Config) -> str:
    """Whether the last look at what is only added to found it as it was written."""
    heads = ChainHead.__table__
    engine = sa.create_engine(config.DATABASE_URL, poolclass=sa.NullPool)
    wrong = sa.select(heads.c.name, heads.c.account_id, heads.c.problem)
    try:
        with engine.connect() as connection:
            number = connection.scalar(sa.select(sa.func.count()).select_from(heads))
            found = connection.execute(wrong.where(heads.c.problem != "").limit(1)).one_or_none()
    except sa.exc.DBAPIError:
        raise Sick("the database cannot be asked") from None
    if found:
        whose = f"account {found.account_id}" if found.account_id else "the installation"
        raise Sick(f"{found.name} of {whose}: {found.problem} leadersend audit verify says more")
    return f"{number} chains, none found altered"


def check_secrets(config: Config) -> str:
    """Whether what is sealed in the database can be opened, and how far a rotation is."""
    import app.factory  # noqa: F401  # knows every table, and takes a second

    sealing.configure(config.SECRET_KEY, config.LEADERSEND_HOME)
    keys, every, older = sealing.ring(), 0, 0
    engine = sa.create_engine(config.DATABASE_URL, poolclass=sa.NullPool)
    try:
        with engine.connect() as connection:
            for column in resealing.columns():
                (key,) = column.table.primary_key.columns
                held = sa.select(key, column).where(column.is_not(None))
                for row_id, value in connection.execute(held):
                    every, older = every + 1, older + (not sealing.is_current(value))
                    _demand_readable(value, f"{column.table.name} {row_id}")
    except sa.exc.DBAPIError:
        raise Sick("the database cannot be asked") from None
    words = f"{every} sealed with key {keys.current}"
    return f"{words}, {older} of them still with an older one" if older else words


def _demand_readable(value: str, where: str) -> None:
    try:
        sealing.unseal(value)
    except sealing.Unreadable:
        raise Sick(
            f"what is sealed in {where} cannot be opened: SECRET_KEY has changed, or "
            f"{sealing.KEY_FILE} is not the one of this installation. leadersend keys status says "
            "what else"
        ) from None


CHECKS: dict[str, Check] = {
    "data folder": check_home,
    "disk": check_room,
    "database": check_database,
    "queue server": check_queue,
    "relay": check_relay,
    "workers": check_workers,
    "backups": check_backups,
    "plans and paying": check_payments,
    "sign-in provider": check_provider,
    "records": check_books,
    "secrets": check_secrets,
}
