"""HTTP of forms for visitors: no cookie is read here, nobody signs in.

The page of its own may be framed by nobody; only /f/SLUG/frame may be, by everybody.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa
from flask import Blueprint, Response, make_response, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_limiter import RateLimitExceeded
from werkzeug.utils import redirect

from app.auth import throttling
from app.auth.current import View, public
from app.campaigns import liquid
from app.config import CHECKOUT
from app.contacts import asking, domain_rules, limiting
from app.contacts.asking import AskedEnough
from app.contacts.models import Contact
from app.contacts.signup import answers as reading_answers
from app.contacts.signup import colours, gate, reading, redirecting, showing, signing
from app.contacts.signup.answers import Answers
from app.contacts.signup.design import Design
from app.contacts.signup.reading import Shown
from app.contacts.signup.words import LANGUAGES, Words
from app.core import headers
from app.core.db import db, transaction
from app.core.errors import DomainError, NotFound
from app.extensions import csrf

bp = Blueprint("signup", __name__, url_prefix="/f")

PAGE_LENGTH = 200


def for_visitors(view: View) -> View:
    """Open to everybody, proven by nothing: what comes in is judged by `gate`."""
    marked: View = csrf.exempt(public(view))
    return marked


@bp.get("/<slug>")
@public
def page(slug: str) -> ResponseReturnValue:
    return _show(slug, "page")


@bp.get("/<slug>/frame")
@public
def frame(slug: str) -> ResponseReturnValue:
    """For pages of owners to show in an iframe."""
    return _show(slug, "frame")


@bp.post("/<slug>")
@for_visitors
def send(slug: str) -> ResponseReturnValue:
    return _take(slug, "page")


@bp.post("/<slug>/frame")
@for_visitors
def send_framed(slug: str) -> ResponseReturnValue:
    return _take(slug, "frame")


@bp.get("/<slug>/look.css")
@public
def look(slug: str) -> ResponseReturnValue:
    """The form's colours, from values that were checked when they were saved."""
    try:
        design = reading.shown(slug).design
    except NotFound:
        return Response("", 404, mimetype="text/css")
    names = colours.variables(design.accent, design.text, design.background)
    css = render_template("signup/look.css", names=names)
    return Response(css, mimetype="text/css")


@bp.get("/pop-up.js")
@public
def pop_up() -> ResponseReturnValue:
    """The script that owners put into their pages. Its address stays, so it is kept an hour."""
    script = (CHECKOUT / "static/js/sign-up-pop-up.js").read_bytes()
    response = Response(script, mimetype="text/javascript")
    response.headers["Cache-Control"] = "public, max-age=3600"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


def _show(slug: str, where: str) -> ResponseReturnValue:
    try:
        found = reading.shown(slug)
    except NotFound:
        return _told(None, where, "none", 404)
    if not _is_open(found):
        return _told(found, where, "closed", 410)
    if request.method == "GET" and "prefetch" not in request.headers.get("Sec-Purpose", ""):
        showing.note(found.form.id)
    given = {name: request.args[name] for name in _names(found.design) if name in request.args}
    return _form_page(found, where, given, Answers())


def _is_open(found: reading.Shown) -> bool:
    """Also that the operator has not suspended the account."""
    return bool(found.form.is_open and found.design.lists and not found.account.barred)


def _take(slug: str, where: str) -> ResponseReturnValue:
    try:
        found = reading.shown(slug)
    except NotFound:
        return _told(None, where, "none", 404)
    if not _is_open(found):
        return _told(found, where, "closed", 410)
    verdict = gate.judge(found.form.id, request.form)
    if verdict.outcome == "program":
        return _thank(found, where, Answers())
    t = _words(found)
    design = found.design.in_language(t.language, found.account.name)
    ticked = request.form.getlist("lists", type=int)
    rules = domain_rules.of(found.account.id)
    answers = reading_answers.read(design, request.form, ticked, t, rules)
    if answers.errors:
        return _form_page(found, where, request.form.to_dict(), answers, status=422)
    if verdict.outcome == "more":
        return _one_more(found, where, answers, is_hasty=verdict.is_hasty)
    try:
        limiting.count()
        if not verdict.is_proved:
            limiting.count_unproved()
        is_spent = not _sign_up(found, design, answers, verdict, t.language)
    except (RateLimitExceeded, AskedEnough):
        return _told(found, where, "busy", 429)
    if is_spent:
        return _one_more(found, where, answers, is_hasty=False)
    return _thank(found, where, answers)


def _sign_up(
    found: Shown, design: Design, answers: Answers, verdict: gate.Verdict, language: str
) -> bool:
    """False where the page was sent in already. Raises AskedEnough."""
    asking.demand_room(found.account)
    too_often = limiting.is_address_asked_too_often()
    for last_try in (False, True):
        try:
            with transaction():
                if verdict.stamp is None or not gate.use(verdict.stamp):
                    return False
                if not too_often:
                    signing.sign_up(
                        found.form, design, answers, language=language, evidence=_evidence(found)
                    )
            return True
        except sa.exc.IntegrityError:
            # Somebody else signed the same person up in the same moment.
            if last_try:
                raise
    return False


def _evidence(found: Shown) -> dict[str, Any]:
    return {
        "form": found.form.id,
        "version": found.form.version,
        "page": _page_of(_where_from()),
        "network": throttling.network(),
    }


def _where_from() -> str:
    """The page around the form; pages of ours hand it on from one to the next."""
    return request.values.get("page", "") or request.referrer or ""


def _page_of(url: str) -> str:
    """Host and path of a page, without what may name a person behind them."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https", "") or not parts.hostname:
        return ""
    return f"{parts.hostname}{parts.path}"[:PAGE_LENGTH]


def _names(design: Design) -> list[str]:
    return ["email", *(one.key for one in design.questions)]


def _words(found: Shown | None) -> Words:
    wanted = request.args.get("lang") or request.form.get("lang") or ""
    if wanted not in LANGUAGES:
        wanted = request.accept_languages.best_match(list(LANGUAGES), "en") or "en"
    language = found.design.language_for(wanted) if found else wanted
    return Words(language, sender=found.account.name if found else "")


def _form_page(
    found: Shown, where: str, given: dict[str, str], answers: Answers, *, status: int = 200
) -> Response:
    t, stamp = _words(found), gate.fresh(found.form.id)
    html = render_template(
        "signup/form.html",
        given=given,
        answers=answers,
        ticked=request.values.getlist("lists", type=int),
        stamp=stamp.sign(),
        work=gate.challenge(stamp),
        trap=gate.TRAP,
        page=f"//{page}" if (page := _page_of(_where_from())) else "",
        **_context(found, where, t),
    )
    return _answer(html, found, where, status)


def _one_more(found: Shown, where: str, answers: Answers, *, is_hasty: bool) -> Response:
    """No stamp, no proof, too quick or too old: a page of ours asks once more."""
    stamp = gate.fresh(found.form.id, gate.MORE)
    kept = {name: request.form.get(name, "") for name in _names(found.design)}
    kept |= {name: request.form.get(name, "") for name in ("consent", "sure", "lang")}
    kept["page"] = _where_from()
    html = render_template(
        "signup/more.html",
        kept={name: text[:600] for name, text in kept.items() if text},
        chosen=answers.lists,
        stamp=stamp.sign(),
        work=gate.challenge(stamp),
        is_hasty=is_hasty,
        seconds=gate.WAIT_S,
        **_context(found, where, _words(found)),
    )
    return _answer(html, found, where, 200)


def _thank(found: Shown, where: str, answers: Answers) -> ResponseReturnValue:
    """The same for everybody who sends the same in, whoever is known here."""
    t = _words(found)
    chosen = answers.lists or [one.id for one in found.design.lists]
    asks = any(one.opt_in == "double" for one in found.design.lists if one.id in chosen)
    if asks:
        return _told(found, where, "look", 200)
    target = thanks_address(found, answers.names)
    if target and where == "page":
        return redirect(target, 303)
    words = thanks_words(found, answers.names, t.language)
    return _told(found, where, "done", 200, words=words, target=target)


def thanks_words(found: Shown, names: dict[str, str], language: str) -> str:
    """The owner's thank-you, with merge tags of what was typed."""
    source = found.design.in_language(language, found.account.name).thanks
    try:
        return liquid.parse(source, "text").render(_values(found, names))
    except DomainError:
        return Words(language)("thanks")


def thanks_address(found: Shown, names: dict[str, str]) -> str:
    """Where to go afterwards; empty for nowhere, and for what is the owner's no longer."""
    if not found.design.redirect:
        return ""
    try:
        target = liquid.parse(found.design.redirect, "url").render(_values(found, names))
    except DomainError:
        return ""
    return target if redirecting.allowed(found.account, target) else ""


def _values(found: Shown, names: dict[str, str]) -> dict[str, object]:
    """Names alone: an address has no place in a page or a link."""
    values = liquid.contact_values(found.account, None)
    person = values["contact"]
    if isinstance(person, dict):
        person.update(names)
    return values


def names_of(contact: Contact) -> dict[str, str]:
    """As `thanks_words` takes them."""
    return {name: getattr(contact, name) for name in ("first_name", "last_name", "company")}


def _told(found: Shown | None, where: str, what: str, status: int, **context: Any) -> Response:
    t = _words(found)
    html = render_template("signup/told.html", what=what, **_context(found, where, t), **context)
    return _answer(html, found, where, status)


def _context(found: Shown | None, where: str, t: Words) -> dict[str, Any]:
    account = found.account if found else None
    return {
        "t": t,
        "form": found.form if found else None,
        "design": found.design.in_language(t.language, account.name) if found and account else None,
        "sender": account.name if account else "",
        "framed": where == "frame",
        "action": _address(found, where) if found else "",
    }


def _address(found: Shown, where: str) -> str:
    endpoint = "signup.send_framed" if where == "frame" else "signup.send"
    return url_for(endpoint, slug=found.form.slug)


def _answer(html: str, found: Shown | None, where: str, status: int) -> Response:
    response = make_response(html, status)
    response.headers["Content-Security-Policy"] = policy_for(found, framed=where == "frame")
    response.headers["Vary"] = "Accept-Language"
    if where == "frame" or status != 200 or request.method == "POST":
        response.headers["X-Robots-Tag"] = "noindex"
    db.session.rollback()
    return response


def policy_for(found: Shown | None, *, framed: bool) -> str:
    """Ours, with two doors: who may frame it, and where the form's answer may send people."""
    policy = headers.CSP
    if framed:
        policy = policy.replace("frame-ancestors 'none'", "frame-ancestors *")
    origin = redirecting.origin(found.design.redirect) if found and found.design.redirect else ""
    return policy.replace("form-action 'self'", f"form-action 'self' {origin}".rstrip())
