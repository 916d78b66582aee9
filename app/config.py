"""Settings: from the environment, or from `leadersend.env` in the data folder.

Each field is described in docs/configuration.md; a test compares the two.
"""

from __future__ import annotations

import hashlib
import ipaddress
import os
import re
import secrets
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from urllib.parse import urlsplit

CHECKOUT = Path(__file__).resolve().parent.parent
#: Ports that `leadersend up` chose, for commands beside it; in the data folder while it runs.
RUNNING = "running.env"

#: What stands in a header must not end it.
_ADDRESS = re.compile(r"https://[A-Za-z0-9.:-]+(/[^\s;,'\"]*)?")
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class BadSetting(Exception):
    """A setting that cannot work, with what to do about it."""


@dataclass(frozen=True)
class Config:
    """The effective settings of one process."""

    LEADERSEND_HOME: Path
    """Data folder: database, keys, uploads, journals, the embedded server's files."""
    HOST: str
    """Where the web server listens."""
    PORT: int
    """Port of the web server."""
    BASE_URL: str
    """Public address used in links."""
    TRUSTED_PROXIES: tuple[Network, ...]
    """Networks whose X-Forwarded-* headers are believed."""
    DATABASE_URL: str
    """Any SQLAlchemy URL of SQLite or PostgreSQL."""
    REDIS_URL: str
    """The Redis or Valkey server that wakes workers."""
    SMTP_URL: str
    """The operator's relay, also for system mail."""
    CATCHER: bool
    """Whether the local mail catcher runs and shows /mail."""
    SECRET_KEY: str
    """Signs cookies and links, seals stored passwords."""
    WORKERS: int
    """Worker processes."""
    MAIL_DOMAIN: str
    """Domain of bounce and unsubscribe addresses and of message ids."""
    INBOUND: str
    """host:port where bounces and unsubscribe mails are taken in by SMTP."""
    OPERATOR_NAME: str
    """Who runs this installation, as the privacy policy names it."""
    OPERATOR_EMAIL: str
    """Where questions and the contact form go."""
    OPERATOR_ADDRESS: str
    """Postal address of the operator, for the privacy policy."""
    TRACKER_SCRIPT: str
    """A third party's script that counts visits of the public site; https://…"""
    TRACKER_HOST: str
    """The host that it reports to."""
    TRACKER_NAME: str
    """Who runs it, as the privacy policy and the register name it."""
    TRACKER_POLICY: str
    """The address of its own privacy policy."""
    TRACKER_DATA: str
    """What its script tag says beside: domain=news.example.com;site=7"""
    REGISTRATION: bool
    """Whether anybody may register a business."""
    SENDING_LADDER: bool
    """Whether accounts that registered by themselves start small, and their files are looked at."""
    STAFF_SECOND_FACTOR: bool
    """Whether the console opens only to staff with a second factor."""
    OIDC_ISSUER: str
    """The OpenID Connect provider by which people may sign in; empty: none."""
    OIDC_NAME: str
    """What its button says."""
    OIDC_CLIENT_ID: str
    """Our name at the provider."""
    OIDC_CLIENT_SECRET: str
    """And our secret there."""
    OIDC_DOMAINS: tuple[str, ...]
    """Mail domains whose people it speaks for; empty: all."""
    BACKUP_TO: str
    """Where backups are kept by themselves: a folder, or s3://bucket/folder?endpoint=https://…"""
    BACKUP_EVERY_HOURS: int
    """How often."""
    BACKUP_KEEP: int
    """How many of them stay."""
    BACKUP_S3_KEY: str
    """Access key of a bucket."""
    BACKUP_S3_SECRET: str
    """Secret key of a bucket."""
    BILLING: bool
    """Whether plans limit what accounts use."""
    PLANS: str
    """The file in which the plans stand; empty: plans.toml in the data folder."""
    STRIPE_SECRET_KEY: str
    """By which plans are paid for at Stripe."""
    STRIPE_WEBHOOK_SECRETS: tuple[str, ...]
    """What proves Stripe's events; two while one replaces the other."""
    STRIPE_TAX: bool
    """Whether Stripe works out the tax."""
    STRIPE_API: str
    """Where Stripe's API answers."""

    @property
    def secure(self) -> bool:
        """Whether people come by https."""
        return self.BASE_URL.startswith("https:")

    @property
    def local(self) -> bool:
        """Whether the public address is this machine itself."""
        return _is_this_machine(self.BASE_URL)

    def masked(self) -> dict[str, str]:
        """Every setting as text, secrets hidden."""
        shown = {field.name: str(getattr(self, field.name)) for field in fields(self)}
        shown["SECRET_KEY"] = "…" + self.SECRET_KEY[-4:] if self.SECRET_KEY else ""
        for name in (
            "BACKUP_S3_SECRET",
            "OIDC_CLIENT_SECRET",
            "STRIPE_SECRET_KEY",
            "STRIPE_WEBHOOK_SECRETS",
        ):
            shown[name] = "…" if getattr(self, name) else ""
        shown["OIDC_DOMAINS"] = " ".join(self.OIDC_DOMAINS)
        for name in ("DATABASE_URL", "REDIS_URL", "SMTP_URL"):
            shown[name] = _without_password(shown[name])
        shown["TRUSTED_PROXIES"] = ",".join(str(network) for network in self.TRUSTED_PROXIES)
        for name in (
            "CATCHER",
            "REGISTRATION",
            "SENDING_LADDER",
            "STAFF_SECOND_FACTOR",
            "BILLING",
            "STRIPE_TAX",
        ):
            shown[name] = "on" if getattr(self, name) else "off"
        return shown


def load(environ: Mapping[str, str] | None = None) -> Config:
    """Read the settings. Makes the data folder and the secret key where they are missing."""
    env = given(environ)
    home = data_folder(env)
    env = {**_env_file(home / RUNNING), **env}
    host = env.get("HOST") or "127.0.0.1"
    port = _number(env, "PORT", 8000)
    base_url = (env.get("BASE_URL") or f"http://localhost:{port}").rstrip("/")
    if urlsplit(base_url).scheme not in ("http", "https") or not urlsplit(base_url).hostname:
        raise BadSetting(f"BASE_URL is {base_url!r}; it must look like https://news.example.com")
    smtp_url = env.get("SMTP_URL") or ""
    inbound = env.get("INBOUND") or "127.0.0.1:1025"
    host_part, _, port_part = inbound.rpartition(":")
    if not host_part or not port_part.isdigit():
        raise BadSetting(f"INBOUND is {inbound!r}; it must look like 127.0.0.1:1025")
    domain = env.get("MAIL_DOMAIN") or urlsplit(base_url).hostname or "localhost"
    tracker = _tracker(env)
    return Config(
        LEADERSEND_HOME=home,
        HOST=host,
        PORT=port,
        BASE_URL=base_url,
        TRUSTED_PROXIES=_networks(env.get("TRUSTED_PROXIES", "")),
        DATABASE_URL=env.get("DATABASE_URL") or f"sqlite:///{home / 'leadersend.sqlite'}",
        REDIS_URL=env.get("REDIS_URL") or f"unix://{queue_socket(home)}",
        SMTP_URL=smtp_url or f"smtp://{inbound}?tls=none",
        CATCHER=_switch(env, "CATCHER", default=not smtp_url),
        SECRET_KEY=_secret_key(env, home),
        WORKERS=_number(env, "WORKERS", os.cpu_count() or 1),
        MAIL_DOMAIN=domain,
        INBOUND=inbound,
        OPERATOR_NAME=env.get("OPERATOR_NAME") or "LeaderSend",
        OPERATOR_EMAIL=env.get("OPERATOR_EMAIL") or f"info@{domain}",
        OPERATOR_ADDRESS=env.get("OPERATOR_ADDRESS") or "",
        TRACKER_SCRIPT=tracker["TRACKER_SCRIPT"],
        TRACKER_HOST=tracker["TRACKER_HOST"],
        TRACKER_NAME=tracker["TRACKER_NAME"],
        TRACKER_POLICY=tracker["TRACKER_POLICY"],
        TRACKER_DATA=tracker["TRACKER_DATA"],
        REGISTRATION=_switch(env, "REGISTRATION", default=True),
        SENDING_LADDER=_switch(env, "SENDING_LADDER", default=True),
        STAFF_SECOND_FACTOR=_switch(
            env, "STAFF_SECOND_FACTOR", default=not _is_this_machine(base_url)
        ),
        OIDC_ISSUER=_issuer(env),
        OIDC_NAME=env.get("OIDC_NAME") or "single sign-on",
        OIDC_CLIENT_ID=env.get("OIDC_CLIENT_ID") or "",
        OIDC_CLIENT_SECRET=env.get("OIDC_CLIENT_SECRET") or "",
        OIDC_DOMAINS=tuple(env.get("OIDC_DOMAINS", "").lower().replace(",", " ").split()),
        BACKUP_TO=_backup_to(env),
        BACKUP_EVERY_HOURS=_number(env, "BACKUP_EVERY_HOURS", 24),
        BACKUP_KEEP=_number(env, "BACKUP_KEEP", 14),
        BACKUP_S3_KEY=env.get("BACKUP_S3_KEY") or "",
        BACKUP_S3_SECRET=env.get("BACKUP_S3_SECRET") or "",
        BILLING=_switch(env, "BILLING", default=bool(env.get("STRIPE_SECRET_KEY"))),
        PLANS=env.get("PLANS") or "",
        STRIPE_SECRET_KEY=env.get("STRIPE_SECRET_KEY") or "",
        STRIPE_WEBHOOK_SECRETS=tuple(
            part.strip()
            for part in env.get("STRIPE_WEBHOOK_SECRETS", "").split(",")
            if part.strip()
        ),
        STRIPE_TAX=_switch(env, "STRIPE_TAX", default=False),
        STRIPE_API=_stripe_api(env),
    )


def given(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """What somebody set: the environment, then `leadersend.env` in the data folder."""
    env = dict(os.environ if environ is None else environ)
    return {**_env_file(data_folder(env) / "leadersend.env"), **env}


def data_folder(env: Mapping[str, str]) -> Path:
    """LEADERSEND_HOME; made where it is missing, for nobody else to read."""
    home = Path(env.get("LEADERSEND_HOME") or CHECKOUT / "var").absolute()
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    return home


def queue_socket(home: Path) -> Path:
    """Where the embedded queue server listens: the name of a unix socket must be short."""
    usual = home / "queue" / "q.sock"
    if len(os.fsencode(usual)) < 100:
        return usual
    digest = hashlib.sha256(os.fsencode(home)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"leadersend-{os.getuid()}-{digest}" / "q.sock"


def _env_file(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    pairs: dict[str, str] = {}
    for line in path.read_text().splitlines():
        name, equals, value = line.strip().partition("=")
        if equals and not name.startswith("#"):
            pairs[name.strip()] = value.strip().strip("'\"")
    return pairs


def _number(env: Mapping[str, str], name: str, default: int) -> int:
    value = env.get(name) or str(default)
    if not value.isdigit() or not 0 < int(value) < 65536:
        raise BadSetting(f"{name} is {value!r}; it must be a number from 1 to 65535.")
    return int(value)


def _switch(env: Mapping[str, str], name: str, *, default: bool) -> bool:
    value = (env.get(name) or ("on" if default else "off")).lower()
    if value not in ("on", "off"):
        raise BadSetting(f"{name} is {value!r}; it must be on or off.")
    return value == "on"


def _networks(value: str) -> tuple[Network, ...]:
    try:
        return tuple(
            ipaddress.ip_network(part.strip()) for part in value.split(",") if part.strip()
        )
    except ValueError as error:
        raise BadSetting(f"TRUSTED_PROXIES: {error}. Write networks such as 10.0.0.0/8.") from None


def _backup_to(env: Mapping[str, str]) -> str:
    to = env.get("BACKUP_TO") or ""
    if to and not to.startswith(("/", "s3://")):
        raise BadSetting(f"BACKUP_TO is {to!r}; it must be a whole path or begin with s3://")
    return to


def _stripe_api(env: Mapping[str, str]) -> str:
    """Keys go there, so it is Stripe itself, or something on this machine."""
    url = (env.get("STRIPE_API") or "https://api.stripe.com").rstrip("/")
    parts = urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in ("localhost", "127.0.0.1", "::1"):
        raise BadSetting(f"STRIPE_API is {url!r}; it must begin with https://")
    return url


def _is_this_machine(url: str) -> bool:
    return (urlsplit(url).hostname or "") in ("localhost", "127.0.0.1", "::1")


def _tracker(env: Mapping[str, str]) -> dict[str, str]:
    names = ("SCRIPT", "HOST", "NAME", "POLICY", "DATA")
    given = {f"TRACKER_{name}": (env.get(f"TRACKER_{name}") or "").strip() for name in names}
    if not given["TRACKER_SCRIPT"]:
        return given
    for name in ("TRACKER_SCRIPT", "TRACKER_POLICY", "TRACKER_HOST"):
        address = given[name]
        needs = name != "TRACKER_HOST"
        if (address or needs) and not _ADDRESS.fullmatch(address):
            raise BadSetting(f"{name} is {address!r}; it must be an address that begins https://")
    script = urlsplit(given["TRACKER_SCRIPT"])
    own = f"https://{script.netloc}"
    host = urlsplit(given["TRACKER_HOST"]).netloc
    given["TRACKER_HOST"] = f"https://{host}" if host else own
    given["TRACKER_NAME"] = given["TRACKER_NAME"] or str(script.hostname)
    return given


def _issuer(env: Mapping[str, str]) -> str:
    issuer = env.get("OIDC_ISSUER") or ""
    if not issuer:
        return ""
    if not issuer.startswith("https://") and not _is_this_machine(issuer):
        raise BadSetting(f"OIDC_ISSUER is {issuer!r}; it must begin with https://")
    if not env.get("OIDC_CLIENT_ID") or not env.get("OIDC_CLIENT_SECRET"):
        raise BadSetting("OIDC_ISSUER needs OIDC_CLIENT_ID and OIDC_CLIENT_SECRET beside it.")
    return issuer


def _secret_key(env: Mapping[str, str], home: Path) -> str:
    given = env.get("SECRET_KEY", "")
    if given:
        if len(given) < 32 or len(set(given)) < 10:
            raise BadSetting(
                "SECRET_KEY is too short or too simple to protect anybody. Remove it, so that "
                "LeaderSend makes one, or give 32 random characters or more."
            )
        return given
    path = home / "secret_key"
    try:
        with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(48))
    except FileExistsError:
        pass
    return path.read_text().strip()


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    if parts.password is None:
        return url
    return url.replace(f":{parts.password}@", ":…@", 1)
