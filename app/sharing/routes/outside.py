"""The notice before a link to a site of others, and the list of these sites."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import urlsplit

from flask import Blueprint, Response, make_response, render_template, request, url_for
from flask.typing import ResponseReturnValue
from jinja2.utils import urlize
from markupsafe import Markup

from app.auth.current import public
from app.core import fragments, headers, integrations, settings
from app.core.errors import NotFound
from app.core.integrations import Integration
from app.sharing import targets
from app.sharing.routes.visitors import for_visitors

bp = Blueprint("outside", __name__)
bp.add_app_template_global(integrations.find, "integration")
bp.add_app_template_global(integrations.of_kind, "integrations")
bp.add_app_template_global(integrations.mail_server, "mail_server_service")
bp.add_app_template_global(integrations.bounce_mailbox, "bounce_mailbox_service")
bp.add_app_template_global(integrations.backup_place, "backup_place_service")

COOKIE, AT_ONCE, KEPT_S = "outside", "go", 31_536_000


#: As Jinja's `urlize` writes them.
_ANCHOR = re.compile(r'<a href="([^"]*)" rel="[^"]*">')
_MARK = (
    '<svg class="icon" aria-hidden="true" focusable="false"><use href="{icons}#external-link">'
    '</use></svg><span class="visually-hidden"> (another site)</span></a>'
)


@bp.app_template_global("is_ours")
def is_ours(url: str) -> bool:
    """Whether an address stays here."""
    return urlsplit(url).netloc in ("", urlsplit(settings.get().BASE_URL).netloc)


@bp.app_template_filter("linked")
def linked(text: str) -> Markup:
    """Words with their addresses as links; those of others carry the mark, as the macro `link`."""
    made, mark = (
        urlize(text, rel="noopener"),
        _MARK.format(icons=url_for("static", filename="img/icons.svg")),
    )
    pieces, at = [], 0
    for found in _ANCHOR.finditer(made):
        end = made.index("</a>", found.end())
        pieces.append(made[at : found.start()])
        if is_ours(unescape(found[1])):
            pieces.append(f'<a href="{found[1]}">{made[found.end() : end]}</a>')
        else:
            rel = "external noopener noreferrer nofollow"
            words = made[found.end() : end]
            pieces.append(f'<a class="outside" href="{found[1]}" rel="{rel}">{words}{mark}')
        at = end + len("</a>")
    return Markup("".join([*pieces, made[at:]]))  # noqa: S704  # escaped by urlize


@bp.get("/outside")
@public
def index() -> ResponseReturnValue:
    """Every service of others that pages lead to, whom it tells what, and its policy."""
    return render_template(
        "outside/index.html",
        kinds={
            kind: (words, found)
            for kind, words in integrations.KINDS.items()
            if (found := integrations.of_kind(kind))
        },
        hosts=integrations.hosts(),
        at_once=goes_at_once(),
    )


@bp.get("/outside/<service>")
@public
def notice(service: str) -> ResponseReturnValue:
    found = _find(service)
    return leave(found, _target(found), back="")


@bp.post("/outside/<service>")
@for_visitors
def go(service: str) -> ResponseReturnValue:
    """With `remember`, the notice is not shown again in this browser."""
    return follow(_target(_find(service)))


@bp.post("/outside")
@for_visitors
def ask_again() -> ResponseReturnValue:
    """The choice is taken back."""
    response = fragments.see_other("outside.index")
    response.delete_cookie(COOKIE)
    return response


def goes_at_once() -> bool:
    """Whether this browser chose not to see the notice."""
    return request.cookies.get(COOKIE) == AT_ONCE


def leave(service: Integration, target: str, *, back: str) -> Response:
    """The notice, or the way itself for who chose so. `target` is an address that we made."""
    if goes_at_once():
        return _on(target)
    page = render_template(
        "outside/notice.html", service=service, target=target, back=back, address=request.path
    )
    response = make_response(page)
    _let_forms_lead_to(response, target)
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response


def follow(target: str) -> Response:
    """Go on from the notice; with `remember` for good."""
    response = _on(target)
    if request.form.get("remember"):
        response.set_cookie(
            COOKIE, AT_ONCE, max_age=KEPT_S, samesite="Lax", httponly=True, secure=request.is_secure
        )
    _let_forms_lead_to(response, target)
    return response


def _on(target: str) -> Response:
    response = Response(status=303)
    response.autocorrect_location_header = False
    response.headers["Location"] = target
    return response


def _let_forms_lead_to(response: Response, target: str) -> None:
    # Browsers hold a form to this also where its answer leads on.
    parts = urlsplit(target)
    response.headers["Content-Security-Policy"] = headers.CSP.replace(
        "form-action 'self'", f"form-action 'self' {parts.scheme}://{parts.netloc}"
    )


def _target(service: Integration) -> str:
    """The service itself; one to share at gets this site's own address."""
    if service.key in targets.MAKERS:
        config = settings.get()
        return targets.address(service, config.BASE_URL, config.OPERATOR_NAME)
    return service.url


def _find(key: str) -> Integration:
    found = integrations.find(key)
    if found is None:
        raise NotFound("This service")
    return found
