"""Who may reach what. A route that this file does not know about fails here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from flask import Flask
from werkzeug.routing import Rule

from app.accounts import rights
from app.accounts.models import Membership
from app.auth import current
from app.core.db import db, transaction
from app.extensions import csrf
from tests.api.conftest import Program, make_token
from tests.architecture import everything
from tests.conftest import Client, Person, add_member

#: Open to everybody. Each of these asks nobody who they are, or finds it out by itself.
PREFERENCES = (
    "show", "save", "pause", "save_details", "change_address", "address_page", "confirm_address",
    "leave", "come_back", "tell_reason", "mail_link", "see_data", "download_data", "erase_page",
    "erase_now", "ask_page", "ask_for_link",
    "show_privacy",
)  # fmt: skip
ARCHIVE = (
    "shelf", "latest", "atom", "json_feed", "page", "mail", "card", "share", "share_now",
    "tell_page", "tell",
)  # fmt: skip
PUBLIC = {
    "static",
    # The public site, and monitoring.
    "site.landing", "site.about", "site.help_page", "site.choose_theme",
    "site.contact", "site.contact_post", "trust.abuse", "trust.abuse_post",
    # What somebody asked the operator for, by a signed link.
    "trust.person_request", "trust.confirm_person_request", "trust.decline_person_request",
    "health.healthz", "health.readyz", "health.metrics",
    # Before one can sign in, or proven by a secret of single use.
    "auth.sign_in", "auth.sign_in_post", "auth.register", "auth.register_post", "auth.sent",
    "auth.forgot", "auth.forgot_post", "auth.password", "auth.set_password",
    "auth.email", "auth.confirm_email", "auth.join", "auth.join_post",
    "auth.second_factor", "auth.second_factor_post", "auth.passkey_options",
    "auth.sign_in_by_passkey", "auth.email_back", "auth.take_email_back", "auth.not_me",
    "auth.sound_alarm", "auth.password_strength",
    "auth.sign_in_by_provider", "auth.provider_back", "auth.provider_link", "auth.link_by_mail",
    "accounts.confirm_sender", "accounts.confirm_sender_post",
    "contacts.confirm", "contacts.confirm_now",
    # Forms for visitors.
    "signup.page", "signup.frame", "signup.send", "signup.send_framed", "signup.look",
    "signup.pop_up",
    # Ways to sites of others, with a notice.
    "outside.index", "outside.notice", "outside.go", "outside.ask_again",
    # What owners show to everybody, and telling a friend of it.
    *(f"archive.{name}" for name in ARCHIVE), "friends.never_page", "friends.never",
    # By a signed link, with a password where one is set.
    "outsiders.show", "outsiders.unlock", "outsiders.mail",
    # Promises to everybody.
    "privacy.policy", "privacy.compare", "privacy.versions", "privacy.version", "privacy.feed",
    "privacy.registers", "privacy.incident",
    # Following the policy by mail: asked for with an address, then by signed links.
    "privacy.follow_page", "privacy.follow", "privacy.follow_asked", "privacy.confirm_follow_page",
    "privacy.confirm_follow", "privacy.unfollow_page", "privacy.unfollow",
    # Links of a mail: signed.
    "tracking.opened", "tracking.clicked", "tracking.leaving_page", "tracking.leave",
    "tracking.back_page", "tracking.come_back", "tracking.in_browser", "tracking.why_this",
    # The same, and what is mailed to who types in an address.
    *(f"preferences.{name}" for name in PREFERENCES),
    # The dot by which public pages are counted: signed, without a cookie.
    "analytics.dot", "analytics.tell",
    # Reports of mail providers: signed, or with a password.
    "tracking.take_report",
    # Events of the payment provider: signed.
    "billing.take_event",
    # Caught mail: for this machine while BASE_URL is local, and for staff.
    "staff.mails", "staff.mail", "staff.mail_file", "staff.mail_html", "staff.mail_attachment",
    "staff.delete_mails",
}  # fmt: skip
#: What reads no cookie and proves itself otherwise.
WITHOUT_CSRF_TOKEN = {
    "tracking.clicked", "tracking.leaving_page", "tracking.leave", "tracking.back_page",
    "tracking.come_back", "tracking.in_browser", "tracking.take_report", "contacts.confirm_now",
    "tracking.why_this", *(f"preferences.{name}" for name in PREFERENCES),
    "signup.send", "signup.send_framed", "privacy.unfollow", "analytics.tell",
    # Signed.
    "billing.take_event",
    # Only keep a choice in this browser.
    "outside.go", "outside.ask_again", "archive.share_now",
    # Judged by stamps and work, signed, or with a password.
    "archive.tell", "friends.never", "outsiders.unlock",
}  # fmt: skip
#: The one call of the API that needs no token.
ASKS_ITSELF = {"api.openapi_document"}
SAFE = {"GET", "HEAD", "OPTIONS"}


def rules(app: Flask) -> Iterator[Rule]:
    yield from app.url_map.iter_rules()


def methods(rule: Rule) -> list[str]:
    return sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})


def is_public(app: Flask, rule: Rule) -> bool:
    view = app.view_functions[rule.endpoint]
    return rule.endpoint == "static" or bool(view.__dict__.get("is_public"))


def is_api(rule: Rule) -> bool:
    return rule.endpoint.startswith("api.")


@pytest.fixture
def ids(alice: Person, bob: Person) -> dict[str, int]:
    return everything.make(alice, bob)


def test_only_the_listed_routes_are_open(app: Flask) -> None:
    open_ = {rule.endpoint for rule in rules(app) if is_public(app, rule) and not is_api(rule)}

    assert open_ == PUBLIC


def test_nobody_comes_in_without_signing_in(
    app: Flask, client: Client, ids: dict[str, int]
) -> None:
    for rule in rules(app):
        if is_public(app, rule):
            continue
        for method in methods(rule):
            answer = client.open(everything.url_of(rule, ids), method=method)
            assert answer.status_code == 303, (method, rule.rule, answer.status_code)
            assert answer.location.startswith("/sign-in"), rule.rule


def test_no_program_comes_in_without_a_token(
    app: Flask, client: Client, ids: dict[str, int], alice: Person
) -> None:
    client.sign_in(alice)
    for rule in rules(app):
        if not is_api(rule) or rule.endpoint in ASKS_ITSELF:
            continue
        for method in methods(rule):
            answer = client.open(everything.url_of(rule, ids), method=method)
            assert answer.status_code == 401, (method, rule.rule)


def test_only_what_proves_itself_goes_without_a_csrf_token(app: Flask) -> None:
    exempt = {
        name
        for name, view in app.view_functions.items()
        if f"{view.__module__}.{view.__name__}" in csrf._exempt_views
    }

    assert exempt == WITHOUT_CSRF_TOKEN
    assert {blueprint.name for blueprint in csrf._exempt_blueprints} == {"api"}


#: Rights that no route may lose by the way.
WANTED = {
    "campaigns.send": (
        "campaigns.confirm_send", "campaigns.take_back", "campaigns.pause", "campaigns.resume",
        "campaigns.cancel", "delivery.send_again", "delivery.treat_as_sent", "accounts.add_sender",
    ),
    "campaigns.approve": ("campaigns.approve", "campaigns.decline"),
    "campaigns.write": ("campaigns.create", "campaigns.save_write", "campaigns.test"),
    "contacts.change": ("contacts.upload", "contacts.start_bulk", "contacts.suppress"),
    "contacts.export": (
        "contacts.export", "contacts.evidence_pdf", "delivery.recipients_csv", "reports.people_csv",
    ),
    "people": (
        "accounts.invite", "accounts.invite_again", "accounts.change_role",
        "accounts.remove_person", "accounts.take_back", "accounts.demand_approval",
        "accounts.audit",
    ),
    "settings": ("accounts.save_business", "accounts.save_mail_server", "accounts.activate_key"),
    "owner": ("accounts.make_token", "moving.start_takeout", "moving.start_takein"),
}  # fmt: skip


def in_accounts(app: Flask) -> Iterator[tuple[Rule, str, str]]:
    """Routes that depend on what one may do in an account: (rule, method, what it takes)."""
    for rule in rules(app):
        view = app.view_functions[rule.endpoint]
        marks = view.__dict__
        if is_public(app, rule) or is_api(rule):
            continue
        if marks.get("is_staff_only") or marks.get("is_personal"):
            continue
        blueprint = rule.endpoint.partition(".")[0]
        for method in methods(rule):
            wanted = current.wanted_by(view, blueprint, changes=method != "GET")
            yield rule, method, wanted


def test_routes_take_the_right_that_they_should(app: Flask) -> None:
    found: dict[str, set[str]] = {}
    for rule, _method, wanted in in_accounts(app):
        found.setdefault(rule.endpoint, set()).add(wanted)

    for right, endpoints in WANTED.items():
        assert {name: found[name] for name in endpoints} == {name: {right} for name in endpoints}
    known = {*rights.RIGHTS, *rights.ROLES, ""}
    assert set().union(*found.values()) <= known
    changing = [one for one in in_accounts(app) if one[1] != "GET"]
    assert [rule.endpoint for rule, _, wanted in changing if not wanted] == []


@pytest.mark.parametrize("role", [*rights.ROLES, "money"])
def test_each_role_is_refused_what_is_not_its_own(
    app: Flask, client: Client, ids: dict[str, int], alice: Person, role: str
) -> None:
    somebody = add_member(alice.account, "dora@bakery.example", "Dora", "viewer")
    with transaction():
        place = db.session.scalars(
            sa.select(Membership).where(Membership.member_id == somebody.member.id)
        ).one()
        place.role = role if role in rights.ROLES else "viewer"
        place.rights = ["billing"] if role == "money" else None
    client.sign_in(somebody)
    held = rights.of(place)
    client.get("/privacy")  # the first look ever publishes the policy of this installation
    before = everything.contents()

    refused = 0
    for rule, method, wanted in in_accounts(app):
        url = everything.url_of(rule, ids)
        may = not wanted or rights.allows(held, wanted)
        if not may:
            answer = client.open(url, method=method, data=everything.FORM)
            assert answer.status_code == 403, (role, method, rule.rule, answer.status_code)
            refused += 1
        elif method == "GET" and wanted not in ("", "contacts.read", "reports.read"):
            assert client.get(url).status_code != 403, (role, rule.rule)

    assert everything.difference(before, everything.contents()) == []
    assert bool(refused) == (role != "owner")


def test_a_stranger_finds_nothing_and_changes_nothing(
    app: Flask, client: Client, ids: dict[str, int], charlie: Person
) -> None:
    client.sign_in(charlie)
    program = Program(app.test_client(), make_token(charlie.account))
    before = everything.contents()

    for rule in rules(app):
        if not everything.is_somebodys(rule):
            continue
        url = everything.url_of(rule, ids)
        for method in methods(rule):
            if is_api(rule):
                body = None if method == "GET" else everything.body_of(rule.endpoint)
                answer = program(method, url.removeprefix("/api/v1"), body)
            else:
                # Filled in well, so that nothing but the stranger is wrong.
                form = everything.FORM if method == "POST" else None
                answer = client.open(url, method=method, data=form)
            assert answer.status_code == 404, (method, rule.rule, answer.status_code)

    assert everything.difference(before, everything.contents()) == []


def test_made_up_links_of_mails_change_nothing(
    app: Flask, client: Client, ids: dict[str, int]
) -> None:
    before = everything.contents()

    for rule in rules(app):
        if {"token", "secret"} & rule.arguments:
            for method in methods(rule):
                answer = client.open(everything.url_of(rule, ids), method=method)
                right = 200 if rule.endpoint == "tracking.opened" else 404
                assert answer.status_code in (right, 410, 422), (method, rule.rule)

    assert everything.difference(before, everything.contents()) == []


def test_looking_at_every_page_changes_nothing(
    app: Flask, client: Client, ids: dict[str, int], alice: Person
) -> None:
    client.sign_in(alice)
    program = Program(app.test_client(), make_token(alice.account))
    client.get("/privacy")  # the first look ever publishes the policy of this installation
    before = everything.contents()

    for rule in rules(app):
        if "GET" not in methods(rule):
            continue
        url = everything.url_of(rule, ids)
        path = url.removeprefix("/api/v1")
        answer = program("GET", path) if is_api(rule) else client.get(url)
        answer.get_data()
        assert answer.status_code < 500 or rule.endpoint == "health.readyz", rule.rule
        changed = everything.difference(before, everything.contents())
        assert changed == [], (rule.rule, changed)
