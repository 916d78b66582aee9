"""Forms for owners: a list of them, building with a preview, putting them on a website."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, make_response, render_template, request
from flask.typing import ResponseReturnValue

from app.auth.current import current_account, current_member, needs
from app.campaigns import approving_greetings, filters, greeting, liquid
from app.campaigns import queries as campaigns
from app.campaigns.approving import NobodyElse
from app.campaigns.models import Campaign, Greeting
from app.contacts import fields, queries
from app.contacts.models import ContactField, ContactList, SignUpForm
from app.contacts.signup import building, colours, embedding, reading, redirecting
from app.contacts.signup import design as designing
from app.contacts.signup.answers import Answers
from app.contacts.signup.design import FIXED, OWN, Design, Reading
from app.contacts.signup.words import LANGUAGES, Words
from app.core import settings
from app.core.db import db, transaction
from app.core.errors import DomainError, Invalid
from app.core.fragments import see_other
from app.core.languages import NAMES
from app.delivery import testing

bp = Blueprint("forms", __name__, url_prefix="/forms")
SETTINGS = ("name", "slug", "tells")


@bp.get("")
def index() -> ResponseReturnValue:
    return _index()


def _index(problem: str = "", status: int = 200) -> ResponseReturnValue:
    account = current_account()
    found = reading.forms(account)
    page = render_template(
        "forms/index.html",
        forms=found,
        listless=reading.listless(account, found),
        archived=reading.forms(account, archived=True),
        lists=queries.lists(account),
        problem=problem,
    )
    return page, status


@bp.post("")
def create() -> ResponseReturnValue:
    account, list_id = current_account(), request.form.get("list", type=int)
    list_ = queries.list_(account, list_id) if list_id else None
    try:
        with transaction():
            form = building.create(account, request.form.get("name", ""), list_)
    except Invalid as error:
        return _index(str(error), 422)
    return see_other("forms.build", form_id=form.id)


@bp.get("/<int:form_id>")
def build(form_id: int) -> ResponseReturnValue:
    form = reading.form(current_account(), form_id)
    given = {name: getattr(form, name) for name in SETTINGS}
    return _page(form, Reading(reading.up_to_date(form, current_account())), given)


@bp.post("/<int:form_id>")
def save(form_id: int) -> ResponseReturnValue:
    account = current_account()
    form = reading.form(account, form_id)
    found = _read(request.form)
    wanted = {name: request.form.get(name, "") for name in SETTINGS}
    if found.errors:
        return _page(form, found, wanted, 422)
    opens = request.form.get("then")
    try:
        with transaction():
            form = reading.form(account, form_id)
            is_new = building.change(form, design=found.design, **wanted)
            if opens in ("open", "close"):
                building.set_open(form, is_open=opens == "open")
    except Invalid as error:
        found.errors |= error.errors or {"name": [str(error)]}
        return _page(reading.form(account, form_id), found, wanted, 422)
    return see_other("forms.build", form_id=form_id, notice=_saved(form, opens, is_new=is_new))


def _of(form: SignUpForm) -> dict[str, Any]:
    """What the head of each page of a form shows."""
    return {"form": form, "takes_nobody": _takes_nobody(form)}


def _takes_nobody(form: SignUpForm) -> bool:
    return bool(reading.listless(current_account(), [form]))


def _saved(form: SignUpForm, opens: str | None, *, is_new: bool) -> str:
    if opens == "open":
        return "Saved, and open to visitors."
    if opens == "close":
        return "Saved, and closed."
    return f"Saved. Visitors see version {form.version} from now on." if is_new else "Saved."


@bp.post("/<int:form_id>/preview")
def preview(form_id: int) -> ResponseReturnValue:
    """What visitors would see; nothing is kept."""
    form = reading.form(current_account(), form_id)
    found = _read(request.form)
    return render_template("forms/_preview.html", **_preview(form, found.design, found.errors))


@bp.get("/<int:form_id>/share")
def share(form_id: int) -> ResponseReturnValue:
    account = current_account()
    form = reading.form(account, form_id)
    design = reading.up_to_date(form, account)
    language = design.language or "en"
    shown = design.in_language(language, account.name)
    return render_template(
        "forms/share.html",
        **_of(form),
        codes=embedding.codes(form, shown, Words(language, sender=account.name)),
        address=f"{settings.get().BASE_URL}/f/{form.slug}",
    )


@bp.get("/<int:form_id>/versions")
def versions(form_id: int) -> ResponseReturnValue:
    """What visitors saw and agreed to, and when."""
    form = reading.form(current_account(), form_id)
    rows = [(one, Design.from_json(one.design)) for one in reading.versions(form)]
    sender = current_account().name
    shown = [(one, design.in_language(design.language or "en", sender)) for one, design in rows]
    return render_template("forms/versions.html", versions=shown, **_of(form))


@bp.get("/<int:form_id>/mails")
def mails(form_id: int) -> ResponseReturnValue:
    """The mail that asks, which is ours, and the one that welcomes, which the owner writes."""
    form = reading.form(current_account(), form_id)
    return _mails_page(form, greeting.of(form))


@bp.post("/<int:form_id>/mails")
def save_mails(form_id: int) -> ResponseReturnValue:
    form = reading.form(current_account(), form_id)
    given = {name: request.form.get(name, "") for name in ("from_email", "subject", "body")}
    is_on = request.form.get("is_on") == "yes"
    try:
        with transaction():
            form = reading.form(current_account(), form_id)
            mail = greeting.write(form, **given, is_on=is_on, by=current_member().id)
            is_waiting = greeting.waits(mail)
            if is_waiting:
                approving_greetings.ask(form, current_member())
    except (Invalid, NobodyElse) as error:
        db.session.rollback()
        form = reading.form(current_account(), form_id)
        shown = Greeting(form_id=form.id, is_on=is_on, **given)
        return _mails_page(form, shown, str(error), 422)
    told = "Saved. Who comes by the form from now on is welcomed." if is_on else "Saved."
    if is_waiting:
        told = "Saved. It goes out once somebody else has approved it; we asked by mail."
    return see_other("forms.mails", form_id=form_id, notice=told)


@bp.post("/<int:form_id>/mails/approve")
@needs("campaigns.approve")
def approve_mail(form_id: int) -> ResponseReturnValue:
    """Of a welcome mail that somebody else wrote, the text that was shown."""
    with transaction():
        form = reading.form(current_account(), form_id)
        approving_greetings.approve(form, current_member(), request.form.get("mark", ""))
    told = "Approved. Who comes by the form from now on is welcomed."
    return see_other("forms.mails", form_id=form_id, notice=told)


@bp.post("/<int:form_id>/mails/test")
def test_mail(form_id: int) -> ResponseReturnValue:
    """The welcome mail as it was saved last, to the person who is signed in."""
    form, to = reading.form(current_account(), form_id), current_member().email
    mail = greeting.of(form)
    campaign = db.session.get(Campaign, mail.campaign_id) if mail.campaign_id else None
    if campaign is None:
        return _mails_page(form, mail, "Save it with the welcome mail on, then try it.", 422)
    try:
        testing.send_test(campaign, [to])
    except DomainError as error:
        return _mails_page(form, mail, str(error), error.status)
    return see_other("forms.mails", form_id=form_id, notice=f"A test is on its way to {to}.")


def _mails_page(
    form: SignUpForm, mail: Greeting, problem: str = "", status: int = 200
) -> ResponseReturnValue:
    account = current_account()
    custom = {f"contact.fields.{key}": one.label for key, one in fields.of(account.id).items()}
    page = render_template(
        "forms/mails.html",
        **_of(form),
        mail=mail,
        waits=not problem and greeting.waits(mail),
        is_mine=mail.written_by_id == current_member().id,
        mark=greeting.mark(mail),
        problem=problem,
        senders=[one for one in campaigns.senders(account) if one.confirmed_at],
        tags={**liquid.NAMES, **custom},
        filters=filters.FILTERS,
    )
    return page, status


@bp.post("/<int:form_id>/copy")
def copy(form_id: int) -> ResponseReturnValue:
    with transaction():
        made = building.copy(reading.form(current_account(), form_id))
    return see_other("forms.build", form_id=made.id, notice="This is the copy. It is closed still.")


@bp.post("/<int:form_id>/archive")
def archive(form_id: int) -> ResponseReturnValue:
    is_over = not request.form.get("undo")
    with transaction():
        building.archive(reading.form(current_account(), form_id), is_over=is_over)
    told = "Archived and closed. Nobody was removed." if is_over else "It is back, and closed."
    return see_other("forms.index", notice=told)


def _read(given: Mapping[str, str]) -> Reading:
    account = current_account()
    found = designing.read(
        account, given, lists=queries.lists(account), known=fields.askable(account.id)
    )
    for name, kind in (("thanks", "text"), ("redirect", "url")):
        try:
            liquid.parse(getattr(found.design, name), kind)
        except Invalid as error:
            found.blame(name, str(error))
    return found


def _page(
    form: SignUpForm, found: Reading, given: Mapping[str, str], status: int = 200
) -> Response:
    account = current_account()
    lists, known = queries.lists(account), fields.askable(account.id)
    language = found.design.language or "en"
    page = render_template(
        "forms/build.html",
        takes_nobody=_takes_nobody(form),
        given=given,
        errors=found.errors,
        questions=_questions(found.design, known),
        lists=_chosen(found.design, lists),
        names=NAMES,
        ours=Words(language, sender=account.name),
        tells=(("", "Never"), ("each", "Soon after each"), ("daily", "Once a day, all together")),
        hosts=sorted(redirecting.hosts(account)),
        base=f"{settings.get().BASE_URL}/f/",
        **_preview(form, found.design, found.errors),
    )
    return make_response(page, status)


def _preview(form: SignUpForm, design: Design, errors: Mapping[str, list[str]]) -> dict[str, Any]:
    account = current_account()
    language = design.language or request.accept_languages.best_match(list(LANGUAGES), "en") or "en"
    t = Words(language, sender=account.name)
    wrong = [name for name in ("accent", "text", "background") if name in errors]
    names = {} if wrong else colours.variables(design.accent, design.text, design.background)
    return {
        "form": form,
        "raw": design,
        "design": design.in_language(language, account.name),
        "t": t,
        "answers": Answers(),
        "colours": names,
        "contrast": errors.get("text", []),
        "sender": account.name,
    }


def _questions(design: Design, known: Mapping[str, ContactField]) -> list[dict[str, Any]]:
    """Everything that can be asked: what is asked first, in its order."""
    asked = {one.key: one for one in design.questions}
    keys = [*FIXED, *(f"{OWN}{key}" for key in known)]
    order = [*asked, *(key for key in keys if key not in asked)]
    return [
        {
            "key": key,
            "name": Words("en")(key) if key in FIXED else known[key.removeprefix(OWN)].label,
            "label": asked[key].label if key in asked else "",
            "ask": "" if key not in asked else "required" if asked[key].required else "asked",
        }
        for key in order
        if key in FIXED or key.removeprefix(OWN) in known
    ]


def _chosen(design: Design, lists: Any) -> list[tuple[ContactList, bool, str]]:
    labels = {one.id: one.label for one in design.lists}
    return [(one, one.id in labels, labels.get(one.id, one.name)) for one in lists]
