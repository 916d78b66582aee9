"""The HTTP API, version 1: each call parses, calls one verb of the pages, answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, BinaryIO, cast

from flask import Blueprint, Response, jsonify, stream_with_context
from flask_limiter import RateLimitExceeded

from app.accounts import auditing
from app.api import (
    acting,
    consents,
    keys,
    openapi,
    queries,
    reading,
    segments,
    shapes,
    showing,
    undo,
)
from app.api.calls import Answer, current_account, declare
from app.api.problems import problem
from app.auth.current import public
from app.campaigns import queries as campaigns
from app.campaigns import scheduling
from app.campaigns.findings import NotReady
from app.campaigns.models import Campaign
from app.contacts import (
    erasing,
    evidence,
    finding,
    importing,
    lists,
    suppressions,
    undoing,
    uploads,
    writing,
)
from app.contacts import jobs as import_jobs
from app.contacts.models import Contact
from app.core import jobs, settings
from app.delivery import jobs as delivery_jobs
from app.delivery import receipts, steering, testing
from app.extensions import csrf, limiter
from app.reports import queries as reports

__all__ = ["bp", "problem"]

bp = Blueprint("api", __name__, url_prefix="/api/v1")
# No cookie is read here, so there is nothing that a foreign page could misuse.
csrf.exempt(bp)
#: Counted per token; an address without one is counted by itself.
rate = "12000 per minute"
limiter.limit(lambda: rate, key_func=keys.caller_key)(bp)
call = declare(bp)
#: Of this interface, not of the program.
VERSION = "1.0"
#: In a campaign's diary.
WHO = "A program"
View = Callable[..., Any]


@bp.get("/openapi.json")
@public
def openapi_document() -> Response:
    """The description of all of this."""
    return jsonify(openapi.document(settings.get().BASE_URL, VERSION))


@bp.errorhandler(RateLimitExceeded)
def too_many(error: RateLimitExceeded) -> Response:
    """Say when to come back."""
    response = problem(429, "Too many calls with this token. Wait a minute, then go on.")
    response.headers["Retry-After"] = "60"
    return response


def _limit(query: dict[str, Any]) -> int:
    return int(query.get("limit", queries.PAGE))


@call("GET", "/lists", scope="contacts:read", query=shapes.PageQuery, answer=shapes.ListPage)
def get_lists(query: dict[str, Any]) -> Any:
    """Lists, newest first."""
    found = queries.lists(current_account(), query.get("cursor"), _limit(query))
    return showing.page(found, [showing.list_(row) for row in found.items])


@call(
    "POST", "/lists", scope="contacts:write", body=shapes.ListIn, answer=shapes.ListOut, status=201
)
def create_list(body: dict[str, Any]) -> Any:
    """Make a list."""
    row = lists.create(
        current_account(),
        body["name"],
        opt_in=body.get("opt_in", "single"),
        description=body.get("description", ""),
    )
    return showing.list_(row)


@call(
    "POST",
    "/contacts",
    scope="contacts:write",
    body=shapes.ContactIn,
    answer=shapes.ContactOut,
    status=201,
)
def create_contact(body: dict[str, Any]) -> Any:
    """Add a contact; on a double opt-in list, ask for confirmation by mail."""
    row = acting.add_contact(current_account(), body)
    return _contact(row)


@call(
    "GET",
    "/contacts",
    scope="contacts:read",
    query=shapes.ContactQuery,
    answer=shapes.ContactPage,
)
def get_contacts(query: dict[str, Any]) -> Any:
    """Contacts, newest first; with `query`, those whose address, names or company begin so."""
    account = current_account()
    if "list" in query:
        queries.lists_named(account, [query["list"]], "list")
    if "segment" in query:
        queries.segments_named(account, [query["segment"]], "segment")
    wanted = finding.Wanted(
        text=query.get("query", ""),
        list_id=query.get("list"),
        segment_id=query.get("segment"),
        kind=query.get("kind", ""),
        external_id=query.get("external_id", ""),
    )
    found = finding.page(account.id, wanted, cursor=query.get("cursor"), limit=_limit(query))
    return showing.page(found, list(showing.contacts(account, found.items)))


@call("GET", "/contacts/<int:contact_id>", scope="contacts:read", answer=shapes.ContactOut)
def get_contact(contact_id: int) -> Any:
    """One contact."""
    return _contact(queries.contact(current_account(), contact_id))


@call(
    "PATCH",
    "/contacts/<int:contact_id>",
    scope="contacts:write",
    body=shapes.ContactChanges,
    answer=shapes.ContactOut,
)
def change_contact(contact_id: int, body: dict[str, Any]) -> Any:
    """Change a contact; what is left out stays."""
    row = queries.contact(current_account(), contact_id)
    acting.change_contact(current_account(), row, body)
    return _contact(row)


@call(
    "DELETE",
    "/contacts/<int:contact_id>",
    scope="contacts:write",
    query=consents.EraseQuery,
    status=204,
)
def delete_contact(contact_id: int, query: dict[str, Any]) -> None:
    """Erase a contact; who left before stays out, with `keep_out` everybody does."""
    row = queries.contact(current_account(), contact_id)
    erasing.erase(row, by="api", keep_out=query.get("keep_out", "no") == "yes")


@call("GET", "/contacts/<int:contact_id>/consents", scope="contacts:read", answer=evidence.Evidence)
def get_consents(contact_id: int) -> Any:
    """What a contact agreed to, with its place in the sealed record and how to verify it."""
    account = current_account()
    return evidence.of(account, queries.contact(account, contact_id))


def _contact(row: Contact) -> shapes.ContactOut:
    return showing.contacts(current_account(), [row])[0]


@call(
    "POST",
    "/imports",
    scope="contacts:write",
    body=shapes.ImportIn,
    answer=shapes.ImportOut,
    status=202,
    multipart=True,
    apart=True,
    limit=uploads.LIMIT_BYTES + 1_000_000,
)
def create_import(body: dict[str, Any]) -> Answer:
    """Take in a file of contacts; it is worked in the background."""
    account, file = current_account(), reading.upload()
    (list_,) = queries.lists_named(account, [body["list"]], "list")
    row = importing.stage(
        account,
        cast(BinaryIO, file.stream),
        file.filename or "contacts.csv",
        list_=list_,
        columns=body.get("mapping"),
        mode=body.get("mode", "update"),
        basis=body["basis"],
    )
    return Answer(showing.import_(row), then=lambda: import_jobs.wake(row.id))


@call("GET", "/imports/<int:import_id>", scope="contacts:read", answer=shapes.ImportOut)
def get_import(import_id: int) -> Any:
    """How far an import is."""
    return showing.import_(queries.import_(current_account(), import_id))


@call(
    "GET",
    "/imports/<int:import_id>/rejected",
    scope="contacts:read",
    answer=str,
    media_type="text/csv",
)
def get_rejected(import_id: int) -> Response:
    """The rows that were not taken, as CSV: row number, the row, the reason."""
    row = queries.import_(current_account(), import_id)
    lines = stream_with_context(showing.rejected(queries.problems(row)))
    response = Response(lines, mimetype="text/csv")
    name = f"rejected-{import_id}.csv"
    response.headers["Content-Disposition"] = f"attachment; filename={name}"
    return response


@call(
    "POST",
    "/imports/<int:import_id>/undo",
    scope="contacts:write",
    answer=undo.UndoOut,
    status=202,
)
def undo_import(import_id: int) -> Answer:
    """Undo an import in the background, within 30 days."""
    account = current_account()
    journal = undoing.start(queries.import_(account, import_id))
    auditing.note(account, None, "import.undo", f"import {import_id} by a program")
    return Answer(undo.shown(journal), then=lambda: import_jobs.wake_undo(import_id))


@call("GET", "/imports/<int:import_id>/undo", scope="contacts:read", answer=undo.UndoOut)
def get_undo(import_id: int) -> Any:
    """How far an undo is, and what it did."""
    return undo.shown(undo.journal(queries.import_(current_account(), import_id)))


@call(
    "GET",
    "/campaigns",
    scope="campaigns:read",
    query=shapes.PageQuery,
    answer=shapes.CampaignPage,
)
def get_campaigns(query: dict[str, Any]) -> Any:
    """Campaigns, newest first."""
    found = queries.campaigns(current_account(), query.get("cursor"), _limit(query))
    return showing.page(found, [showing.summary(row) for row in found.items])


@call(
    "POST",
    "/campaigns",
    scope="campaigns:write",
    body=shapes.CampaignIn,
    answer=shapes.CampaignOut,
    status=201,
)
def create_campaign(body: dict[str, Any]) -> Any:
    """Make a campaign: a draft until it is sent."""
    return showing.campaign(acting.write_campaign(current_account(), body))


@call("GET", "/campaigns/<int:campaign_id>", scope="campaigns:read", answer=shapes.CampaignOut)
def get_campaign(campaign_id: int) -> Any:
    """One campaign with its content."""
    return showing.campaign(_campaign(campaign_id))


@call(
    "PATCH",
    "/campaigns/<int:campaign_id>",
    scope="campaigns:write",
    body=shapes.CampaignChanges,
    answer=shapes.CampaignOut,
)
def change_campaign(campaign_id: int, body: dict[str, Any]) -> Any:
    """Change a draft; what is left out stays."""
    campaign = _campaign(campaign_id)
    acting.revise_campaign(current_account(), campaign, body)
    return showing.campaign(campaign)


def _campaign(campaign_id: int) -> Campaign:
    return campaigns.campaign(current_account(), campaign_id)


@call(
    "POST",
    "/campaigns/<int:campaign_id>/test",
    scope="campaigns:write",
    body=shapes.TestIn,
    answer=shapes.TestOut,
    apart=True,
)
def test_campaign(campaign_id: int, body: dict[str, Any]) -> Any:
    """Send the campaign to some addresses, marked as a test; its links change nothing."""
    to = [acting.address(email, "to") for email in body["to"]]
    testing.send_test(_campaign(campaign_id), to)
    return {"to": to}


@call(
    "POST",
    "/campaigns/<int:campaign_id>/send",
    scope="campaigns:send",
    body=shapes.SendIn,
    answer=shapes.CampaignOut,
    status=202,
)
def send_campaign(campaign_id: int, body: dict[str, Any]) -> Answer:
    """Send at once, at a time, or after a hold; 422 with the findings when it is not ready."""
    campaign = _campaign(campaign_id)
    at, hold_s = acting.moment(body.get("at")), body.get("hold_seconds", 0)
    scheduling.schedule(campaign, at=at, hold_s=0 if at else hold_s)
    return _moved(campaign, "campaign.send")


def _steering(verb: str) -> Callable[[View], View]:
    return call(
        "POST",
        f"/campaigns/<int:campaign_id>/{verb}",
        scope="campaigns:send",
        body=shapes.Nothing,
        answer=shapes.CampaignOut,
        status=202,
    )


@_steering("pause")
def pause_campaign(campaign_id: int, body: dict[str, Any]) -> Answer:
    """Stop sending; what is on its way at this moment ends."""
    campaign = _campaign(campaign_id)
    steering.pause(campaign, WHO)
    return _moved(campaign, "campaign.pause")


@_steering("resume")
def resume_campaign(campaign_id: int, body: dict[str, Any]) -> Answer:
    """Go on where it stopped."""
    campaign = _campaign(campaign_id)
    steering.resume(campaign, WHO)
    return _moved(campaign, "campaign.resume")


@_steering("cancel")
def cancel_campaign(campaign_id: int, body: dict[str, Any]) -> Answer:
    """Never send what has not gone yet."""
    campaign = _campaign(campaign_id)
    steering.cancel(campaign, WHO)
    return Answer(_moved(campaign, "campaign.cancel").value, then=delivery_jobs.sweep_now)


def _moved(campaign: Campaign, verb: str) -> Answer:
    """Note who did it, and wake a worker where there is something to send."""
    auditing.note(current_account(), None, verb, f"campaign {campaign.id} by a program")
    wake = (lambda: _wake(campaign.id)) if campaign.state == "sending" else None
    return Answer(showing.campaign(campaign), then=wake)


def _wake(campaign_id: int) -> None:
    jobs.enqueue(delivery_jobs.plan_campaign, campaign_id, key=f"plan-{campaign_id}", on="sending")


@call(
    "GET", "/campaigns/<int:campaign_id>/receipt", scope="campaigns:read", answer=shapes.ReceiptOut
)
def get_receipt(campaign_id: int) -> Any:
    """What became of everybody the campaign was meant for."""
    return showing.receipt(receipts.receipt(_campaign(campaign_id).id))


@call(
    "GET",
    "/campaigns/<int:campaign_id>/deliveries",
    scope="campaigns:read",
    query=shapes.DeliveryQuery,
    answer=shapes.DeliveryPage,
)
def get_deliveries(campaign_id: int, query: dict[str, Any]) -> Any:
    """Each recipient: state, reason, times and the server's answer."""
    campaign, state = _campaign(campaign_id), query.get("state")
    found = queries.deliveries(campaign, query.get("cursor"), _limit(query), state=state)
    return showing.page(found, [showing.delivery(row, email) for row, email in found.items])


@call("GET", "/campaigns/<int:campaign_id>/report", scope="campaigns:read", answer=shapes.ReportOut)
def get_report(campaign_id: int) -> Any:
    """What readers did, people and machines apart."""
    return showing.report(reports.report(_campaign(campaign_id).id))


@call(
    "GET",
    "/suppressions",
    scope="suppressions:read",
    query=shapes.SuppressionQuery,
    answer=shapes.SuppressionPage,
)
def get_suppressions(query: dict[str, Any]) -> Any:
    """Addresses that must not be mailed, newest first."""
    account = current_account()
    address = acting.address(query["email"]) if "email" in query else None
    found = queries.suppressions(account, query.get("cursor"), _limit(query), address=address)
    return showing.page(found, [showing.suppression(row) for row in found.items])


@call(
    "POST",
    "/suppressions",
    scope="suppressions:write",
    body=shapes.SuppressionIn,
    answer=shapes.SuppressionOut,
    status=201,
)
def create_suppression(body: dict[str, Any]) -> Any:
    """Never mail an address; running campaigns leave it out at once."""
    account, address = current_account(), acting.address(body["email"])
    suppressions.add(account.id, address, reason="account", detail=body.get("reason", ""))
    found = suppressions.find(account.id, address)
    return found and showing.suppression(found)


@call("DELETE", "/suppressions/<int:suppression_id>", scope="suppressions:write", status=204)
def delete_suppression(suppression_id: int) -> None:
    """Allow an address again; only what the account itself added."""
    acting.allow_again(queries.suppression(current_account(), suppression_id))


segments.declare(call)


@bp.errorhandler(writing.AddressTaken)
def address_taken(error: writing.AddressTaken) -> Response:
    """Name the contact that has the address."""
    text = str(error)
    return problem(409, text, {"email": [text]}, contact=error.contact.id)


@bp.errorhandler(NotReady)
def not_ready(error: NotReady) -> Response:
    """Everything that blocks sending, for people and for programs."""
    findings = [showing.finding(found) for found in error.findings]
    return problem(422, str(error), error.errors, findings=findings)
