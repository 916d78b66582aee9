"""Sending domains: DNS records and signing keys."""

from __future__ import annotations

from flask import render_template
from flask.typing import ResponseReturnValue

from app.accounts import (
    domains,
    signing_keys,
)
from app.accounts.routes.blueprint import bp
from app.auth import throttling
from app.auth.current import current_account, current_member, needs
from app.core.db import transaction
from app.core.fragments import see_other, wants_fragment
from app.extensions import limiter
from app.mailer import records


@bp.get("/settings/domains")
@needs("settings")
def domains_page() -> ResponseReturnValue:
    return render_template("accounts/domains.html", domains=domains.of_account(current_account()))


@bp.get("/settings/domains/<domain>")
@needs("settings")
def domain_page(domain: str) -> ResponseReturnValue:
    return _domain("accounts/domain.html", domain)


@bp.post("/settings/domains/<domain>/check")
@needs("settings")
@limiter.limit("120/hour", key_func=throttling.network)
def check_domain(domain: str) -> ResponseReturnValue:
    domains.check(current_account(), domain)
    if wants_fragment():
        return _domain("accounts/_domain.html", domain, just_now=True)
    return see_other("accounts.domain_page", domain=domain, notice="Checked just now.")


@bp.post("/settings/domains/<domain>/keys")
@needs("settings")
def make_domain_keys(domain: str) -> ResponseReturnValue:
    with transaction():
        domains.make_keys(current_account(), current_member(), domain)
    words = "The keys are made. Now publish their two records."
    return see_other("accounts.domain_page", domain=domain, notice=words, kind="info")


@bp.post("/settings/domains/keys/<int:key_id>/activate")
@needs("settings")
def activate_key(key_id: int) -> ResponseReturnValue:
    key = signing_keys.find(current_account(), key_id)
    with transaction():
        signing_keys.activate(current_account(), current_member(), key)
    words = "It signs now. Until its record is in DNS, nobody can check the signature."
    return see_other("accounts.domain_page", domain=key.domain, notice=words, kind="warn")


@bp.post("/settings/domains/keys/<int:key_id>/retire")
@needs("settings")
def retire_key(key_id: int) -> ResponseReturnValue:
    key = signing_keys.find(current_account(), key_id)
    with transaction():
        signing_keys.retire(current_account(), current_member(), key)
    words = "It never signs again. Leave its record in DNS for a week."
    return see_other("accounts.domain_page", domain=key.domain, notice=words)


def _domain(template: str, domain: str, *, just_now: bool = False) -> str:
    account = current_account()
    found = domains.find(account, domain)
    fresh = found.check if not found.stale else None
    findings = fresh.findings if fresh else domains.unchecked(account, found.name)
    return render_template(
        template, domain=found, findings=findings, just_now=just_now, zone_line=records.zone_line
    )
