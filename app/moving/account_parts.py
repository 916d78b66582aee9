"""Parts of a take-out about the business itself and its people. No secret is in any of them."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from app.accounts.models import (
    AuditEntry,
    Member,
    Membership,
    Relay,
    Sender,
    SigningKey,
)
from app.core.db import db
from app.moving.parts import CHUNK, Chunk, Key, Scope, chunk, document, moment, table
from app.privacy.models import Acceptance, MemberConsent, PolicyVersion

_RELAY = (
    "id", "name", "host", "port", "tls", "username", "max_connections", "position", "weight",
    "from_domains", "per_second", "per_hour", "per_day",
)  # fmt: skip


@document(
    "account.json",
    "The business, the people who work in it, its senders and mail servers (without passwords).",
    covers=("account", "member", "membership", "sender", "relay", "signing_key"),
)
def account(scope: Scope) -> dict[str, Any]:
    """{id, name, …, members, senders, mail_servers, signing_keys}."""
    row = scope.account
    names = ("id", "name", "address", "website", "zone_name", "mail_language", "state", "plan")
    return {
        **{name: getattr(row, name) for name in names},
        "created_at": moment(row.created_at),
        "members": _members(row.id),
        "senders": _senders(row.id),
        "mail_servers": _mail_servers(row.id),
        "signing_keys": _signing_keys(row.id),
    }


def _members(account_id: int) -> list[dict[str, Any]]:
    rows = db.session.execute(
        sa.select(Member.id, Member.email, Member.name, Membership.role, Membership.created_at)
        .join(Membership, Membership.member_id == Member.id)
        .where(Membership.account_id == account_id)
        .order_by(Membership.id)
    )
    return [
        {
            "id": row.id, "email": row.email, "name": row.name, "role": row.role,
            "since": moment(row.created_at),
        }
        for row in rows
    ]  # fmt: skip


def _senders(account_id: int) -> list[dict[str, Any]]:
    rows = db.session.scalars(
        sa.select(Sender).where(Sender.account_id == account_id).order_by(Sender.id)
    )
    return [
        {
            "id": row.id, "email": row.email, "name": row.name, "mail_server": row.relay_id,
            "confirmed_at": moment(row.confirmed_at), "created_at": moment(row.created_at),
        }
        for row in rows
    ]  # fmt: skip


def _mail_servers(account_id: int) -> list[dict[str, Any]]:
    rows = db.session.scalars(
        sa.select(Relay).where(Relay.account_id == account_id).order_by(Relay.id)
    )
    return [{name: getattr(row, name) for name in _RELAY} for row in rows]


def _signing_keys(account_id: int) -> list[dict[str, Any]]:
    rows = db.session.scalars(
        sa.select(SigningKey).where(SigningKey.account_id == account_id).order_by(SigningKey.id)
    )
    return [
        {
            "domain": row.domain, "selector": row.selector, "kind": row.kind,
            "record": row.record, "state": row.state,
        }
        for row in rows
    ]  # fmt: skip


@table(
    "audit.csv",
    "Who changed what in the account.",
    columns=("id", "at", "member_id", "verb", "about", "link", "hash"),
    covers=("audit_entry",),
)
def audit(scope: Scope, after: Key | None) -> Chunk:
    """In the order it happened."""
    rows = db.session.execute(
        sa.select(
            AuditEntry.id,
            AuditEntry.at,
            AuditEntry.member_id,
            AuditEntry.verb,
            AuditEntry.about,
            AuditEntry.link,
            AuditEntry.hash,
        )
        .where(AuditEntry.account_id == scope.account.id, AuditEntry.id > (after or [0])[0])
        .order_by(AuditEntry.id)
        .limit(CHUNK)
    ).all()
    cells = [
        (r.id, moment(r.at), r.member_id or "", r.verb, r.about, r.link or "", r.hash or "")
        for r in rows
    ]
    return chunk(cells, lambda row: [row[0]])


@document(
    "policy.json",
    "Which privacy policy was accepted by whom, what else members agreed to, and those texts.",
    covers=("acceptance", "member_consent", "policy_version"),
)
def policy(scope: Scope) -> dict[str, Any]:
    """{acceptances, consents, versions}."""
    accepted = db.session.execute(
        sa.select(Acceptance, PolicyVersion.number)
        .join(PolicyVersion, PolicyVersion.id == Acceptance.policy_version_id)
        .where(Acceptance.account_id == scope.account.id)
        .order_by(Acceptance.id)
    ).all()
    numbers = {number for _, number in accepted}
    versions = db.session.scalars(
        sa.select(PolicyVersion)
        .where(PolicyVersion.number.in_(numbers))
        .order_by(PolicyVersion.number)
    )
    return {
        "acceptances": [
            {
                "member_id": row.member_id, "version": number, "at": moment(row.at),
                "wording": row.wording, "network": row.network,
            }
            for row, number in accepted
        ],
        "consents": _consents(scope.account.id),
        "versions": [
            {
                "version": row.number, "effective_at": moment(row.effective_at),
                "fingerprint": row.fingerprint, "sections": row.sections,
            }
            for row in versions
        ],
    }  # fmt: skip


def _consents(account_id: int) -> list[dict[str, Any]]:
    rows = db.session.scalars(
        sa.select(MemberConsent)
        .where(MemberConsent.account_id == account_id)
        .order_by(MemberConsent.id)
    )
    return [
        {
            "member_id": row.member_id, "kind": row.kind, "granted": row.granted,
            "wording": row.wording, "wording_version": row.wording_version, "at": moment(row.at),
            "network": row.network,
        }
        for row in rows
    ]  # fmt: skip
