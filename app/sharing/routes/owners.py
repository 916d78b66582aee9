"""For owners: who may read a mail, links for outsiders, and the settings of the archive."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, make_response, render_template, request
from flask.typing import ResponseReturnValue
from wtforms import SelectChoice

from app.accounts import auditing
from app.auth.current import current_account, current_member, may, needs
from app.campaigns import queries as campaigns
from app.campaigns.archive import addresses, deciding
from app.campaigns.models import Archive, Campaign
from app.contacts.signup import reading
from app.core import settings
from app.core.db import transaction
from app.core.errors import Invalid
from app.core.fragments import see_other
from app.sharing import outsiders
from app.sharing.forms import ArchiveForm, LinkForm

bp = Blueprint("sharing", __name__)

SAID = {
    "yes": "Everybody may read it from the moment it leaves.",
    "no": "Only those it is sent to can read it.",
    "": "It is shown as your archive does by default.",
}


@bp.get("/campaigns/<int:campaign_id>/share")
def campaign(campaign_id: int) -> ResponseReturnValue:
    return _page(_campaign(campaign_id), LinkForm())


@bp.post("/campaigns/<int:campaign_id>/archive")
def decide(campaign_id: int) -> ResponseReturnValue:
    found, choice = _campaign(campaign_id), request.form.get("choice", "")
    with transaction():
        page = deciding.decide(found, choice)
        _note("archive.decide", found, choice or "default")
    words = SAID[choice]
    if found.state in deciding.OUT:
        words = "Everybody may read it now." if page.is_public else "Nobody can read it there now."
    back = "campaigns.send" if request.form.get("from") == "send" else "sharing.campaign"
    return see_other(back, campaign_id=found.id, notice=words)


@bp.post("/campaigns/<int:campaign_id>/archive/address")
def move(campaign_id: int) -> ResponseReturnValue:
    found = _campaign(campaign_id)
    page = deciding.page_of(found)
    if page is None or not page.slug:
        raise Invalid("Show the mail to everybody first; then it has an address.")
    before = page.slug
    try:
        with transaction():
            addresses.move_page(found, page, request.form.get("slug", "")[:200])
    except Invalid as error:
        return see_other("sharing.campaign", campaign_id=found.id, notice=str(error), kind="bad")
    words = f"It is at {page.slug} now; {before} leads there." if before != page.slug else "Saved."
    return see_other("sharing.campaign", campaign_id=found.id, notice=words)


@bp.post("/campaigns/<int:campaign_id>/share-links")
def make_link(campaign_id: int) -> ResponseReturnValue:
    found, form = _campaign(campaign_id), LinkForm()
    if not form.validate():
        return _page(found, form, 422)
    wish = outsiders.Wish(
        form.kind.data, form.days.data, form.label.data or "", form.password.data or ""
    )
    try:
        with transaction():
            link = outsiders.make(found, current_member(), wish)
            _note("share.make", found, f"link {link.id}, {link.kind}")
    except Invalid as error:
        form.password.errors = error.errors.get("password", [str(error)])
        return _page(found, form, 422)
    words = "The link is ready. Copy it and pass it on."
    if wish.password:
        words += " Tell the password in another way; it is never shown again."
    return see_other("sharing.campaign", campaign_id=found.id, notice=words, _anchor="links")


@bp.post("/share-links/<int:share_id>/revoke")
def revoke(share_id: int) -> ResponseReturnValue:
    link = outsiders.owned_link(current_account(), share_id)
    with transaction():
        outsiders.revoke(link)
        _note("share.revoke", link.campaign, f"link {link.id}")
    words = "The link opens nothing any more."
    if request.form.get("from") == "settings":
        return see_other("sharing.archive_page", notice=words, _anchor="links")
    return see_other("sharing.campaign", campaign_id=link.campaign_id, notice=words)


@bp.get("/settings/archive")
def archive_page() -> ResponseReturnValue:
    archive = deciding.of_account(current_account().id)
    form = ArchiveForm(obj=archive)
    if archive is None:
        form.slug.data = addresses.free_for_archive(current_account().name)
        form.is_listed.data = form.is_indexed.data = form.can_tell.data = True
        form.form_id.data = 0
    else:
        form.by_default.data = "yes" if archive.by_default else "no"
    return _settings(archive, form)


@bp.post("/settings/archive")
@needs("settings")
def save_archive() -> ResponseReturnValue:
    account, form = current_account(), ArchiveForm()
    archive = deciding.of_account(account.id)
    _offer_forms(form)
    if not form.validate():
        return _settings(archive, form, 422)
    wishes = deciding.Wishes(
        slug=form.slug.data,
        by_default=form.by_default.data == "yes",
        is_listed=form.is_listed.data,
        is_indexed=form.is_indexed.data,
        can_tell=form.can_tell.data,
        intro=form.intro.data or "",
        privacy_url=(form.privacy_url.data or "").strip(),
        form_id=form.form_id.data or None,
    )
    try:
        with transaction():
            deciding.change(account, wishes)
            auditing.note(account, current_member(), "archive.change", wishes.slug)
    except Invalid as error:
        for name, messages in error.errors.items():
            form[name].errors = messages
        return _settings(archive, form, 422)
    return see_other("sharing.archive_page", notice="Saved.")


def _campaign(campaign_id: int) -> Campaign:
    return campaigns.campaign(current_account(), campaign_id)


def _page(found: Campaign, form: LinkForm, status: int = 200) -> Response:
    archive, page = deciding.of_account(found.account_id), deciding.page_of(found)
    links = outsiders.of_campaign(found)
    html = render_template(
        "sharing/campaign.html", campaign=found, form=form, page=page, archive=archive,
        is_shown=deciding.is_shown(found, page), is_wanted=deciding.wanted(found),
        address=addresses.of_page(archive, page) if archive and page and page.slug else "",
        links=links, addresses={link.id: outsiders.address(link) for link in links},
        kinds=outsiders.KINDS,
    )  # fmt: skip
    return make_response(html, status)


def _settings(archive: Archive | None, form: ArchiveForm, status: int = 200) -> Response:
    _offer_forms(form)
    links = outsiders.of_account(current_account()) if may("campaigns.send") else []
    html = render_template(
        "sharing/settings.html", archive=archive, form=form,
        address=addresses.of_archive(archive) if archive else "",
        base=settings.get().BASE_URL, links=links, kinds=outsiders.KINDS,
        addresses={link.id: outsiders.address(link) for link in links},
    )  # fmt: skip
    return make_response(html, status)


def _offer_forms(form: ArchiveForm) -> None:
    open_ = [one for one in reading.forms(current_account()) if one.is_open]
    form.form_id.choices = [SelectChoice(0, "The newest open one")] + [
        SelectChoice(one.id, one.name) for one in open_
    ]
    known: set[Any] = {choice.value for choice in form.form_id.choices}
    if form.form_id.data not in known:
        form.form_id.data = 0


def _note(verb: str, found: Campaign, about: str) -> None:
    auditing.note(current_account(), current_member(), verb, f"campaign {found.id}: {about}")
