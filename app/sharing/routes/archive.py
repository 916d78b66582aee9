"""The archive for everybody: no cookie is read here, nobody signs in, nothing of a person shows.

Answers may be kept by browsers and servers on the way, but are asked about each time, so that what
is taken down is gone at once.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Blueprint, Response, current_app, make_response, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup
from werkzeug.utils import redirect

from app.analytics import dots
from app.auth.current import View, public
from app.campaigns.archive import addresses, copying, finding
from app.campaigns.archive.finding import Found, Moved, Shelf, TakenDown
from app.core import headers, integrations, settings
from app.core.errors import NotFound
from app.sharing import cards, feeds, targets, watching
from app.sharing.routes import outside
from app.sharing.routes.visitors import for_visitors, page_for_all, privacy_link

bp = Blueprint("archive", __name__, url_prefix="/archive")

#: Stands in a page where its dot will be.
DOT = Markup("<!-- dot -->")
CARD_KEPT = "public, max-age=3600"
SEARCH_LENGTH = 100


def at_its_address(view: View) -> View:
    """Leads on from a former address; says in the visitor's words what is not there."""

    @wraps(view)
    def guarded(**slugs: Any) -> Any:
        try:
            return view(**slugs)
        except Moved as moved:
            now_at = {**slugs, "archive_slug": moved.archive}
            if "page_slug" in slugs:
                now_at["page_slug"] = moved.page or slugs["page_slug"]
            query = request.args.to_dict()
            return redirect(url_for(request.endpoint or "", **{**query, **now_at}), 301)
        except (NotFound, TakenDown, watching.Stopped) as error:
            return page_for_all("archive/gone.html", error.status, text=str(error))

    marked: View = public(guarded)  # type: ignore[assignment]
    return marked


@bp.get("/<archive_slug>")
@at_its_address
def shelf(archive_slug: str) -> ResponseReturnValue:
    found = finding.listed(archive_slug)
    text = request.args.get("q", "").strip()[:SEARCH_LENGTH]
    page = finding.newest(found, text=text, cursor=request.args.get("cursor"))
    return _cached(
        _robots(
            found,
            page_for_all(
                "archive/shelf.html", found=found, page=page, text=text,
                titles=copying.subject_of, summaries=copying.summary_of,
                sign_up=_sign_up(found), privacy=privacy_link(found), address=_address(found),
                dot=DOT,
            ),
        ),
        dot=_dot(found, dots.shelf_key(found.account.id)),
    )  # fmt: skip


@bp.get("/<archive_slug>/latest")
@at_its_address
def latest(archive_slug: str) -> ResponseReturnValue:
    """Today's address of the newest mail; it moves with each one."""
    newest = finding.latest(finding.listed(archive_slug))
    response = make_response(redirect(addresses.of_page(newest.archive, newest.page), 302))
    response.headers["Cache-Control"] = "public, no-cache"
    return response


@bp.get("/<archive_slug>/feed.atom")
@at_its_address
def atom(archive_slug: str) -> ResponseReturnValue:
    return _feed(finding.listed(archive_slug), feeds.as_atom, "application/atom+xml")


@bp.get("/<archive_slug>/feed.json")
@at_its_address
def json_feed(archive_slug: str) -> ResponseReturnValue:
    return _feed(finding.listed(archive_slug), feeds.as_json, "application/feed+json")


@bp.get("/<archive_slug>/<page_slug>")
@at_its_address
def page(archive_slug: str, page_slug: str) -> ResponseReturnValue:
    found = watching.page(archive_slug, page_slug)
    older, newer = finding.beside(found) if found.archive.is_listed else (None, None)
    copy = copying.copy_of(found)
    address = addresses.of_page(found.archive, found.page)
    return _cached(
        _robots(
            found,
            page_for_all(
                "archive/page.html", found=found, copy=copy, address=address,
                picture=copy.picture or f"{address}/card.png", older=older, newer=newer,
                titles=copying.subject_of, services=targets.services(),
                by_mail=targets.by_mail(address, copy.subject), sign_up=_sign_up(found),
                privacy=privacy_link(found), dot=DOT,
            ),
        ),
        dot=_dot(found, found.campaign.id),
    )  # fmt: skip


@bp.get("/<archive_slug>/<page_slug>/mail")
@at_its_address
def mail(archive_slug: str, page_slug: str) -> ResponseReturnValue:
    """The mail by itself: what a person wrote, for the frame of its page, and safe alone."""
    found = watching.page(archive_slug, page_slug)
    response = headers.user_html(
        make_response(copying.copy_of(found).html), headers.CSP_PUBLIC_HTML
    )
    # Search engines show the page around it.
    response.headers["X-Robots-Tag"] = "noindex"
    return _cached(response)


@bp.get("/<archive_slug>/<page_slug>/card.png")
@at_its_address
def card(archive_slug: str, page_slug: str) -> ResponseReturnValue:
    """For networks that show a picture beside a link."""
    found = watching.page(archive_slug, page_slug)
    made = cards.png(copying.subject_of(found), found.account.name)
    response = Response(made, mimetype="image/png")
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return _cached(response, CARD_KEPT)


@bp.get("/<archive_slug>/<page_slug>/share/<service>")
@at_its_address
def share(archive_slug: str, page_slug: str, service: str) -> ResponseReturnValue:
    """The notice before leaving, or the way itself for who chose so."""
    found = watching.page(archive_slug, page_slug)
    chosen = _service(service)
    address = addresses.of_page(found.archive, found.page)
    target = targets.address(chosen, address, copying.subject_of(found))
    return outside.leave(chosen, target, back=address)


@bp.post("/<archive_slug>/<page_slug>/share/<service>")
@for_visitors
@at_its_address
def share_now(archive_slug: str, page_slug: str, service: str) -> ResponseReturnValue:
    found = watching.page(archive_slug, page_slug)
    address = addresses.of_page(found.archive, found.page)
    return outside.follow(targets.address(_service(service), address, copying.subject_of(found)))


def _service(key: str) -> integrations.Integration:
    found = integrations.find(key)
    if found is None or found.key not in targets.MAKERS:
        raise NotFound("This service")
    return found


def _feed(found: Shelf, write: Callable[[feeds.Feed], str], kind: str) -> Response:
    cursor = request.args.get("cursor")
    page = finding.newest(found, cursor=cursor, limit=feeds.SIZE)
    base, endpoint = settings.get().BASE_URL, request.endpoint or ""

    def whole(cursor: str | None) -> str:
        slug = found.archive.slug
        return base + url_for(endpoint, archive_slug=slug, cursor=cursor or None)

    feed = feeds.make(
        found, page.items, here=whole(cursor), following=whole(page.older) if page.older else ""
    )
    response = Response(write(feed), content_type=f"{kind}; charset=utf-8")
    response.headers["Access-Control-Allow-Origin"] = "*"
    return _cached(response)


def _address(found: Shelf) -> str:
    return addresses.of_archive(found.archive)


def _sign_up(found: Found | Shelf) -> str:
    """The sign-up form, and nothing where the link would only lead back here."""
    link = copying.sign_up_link(found)
    return "" if link == addresses.of_archive(found.archive) else link


def _robots(found: Found | Shelf, response: Response) -> Response:
    if not found.archive.is_indexed:
        response.headers["X-Robots-Tag"] = "noindex"
    return response


def _dot(found: Found | Shelf, key: int | str) -> str:
    beacon: Any = current_app.jinja_env.globals["page_beacon"]
    return str(beacon("archive", key, of=found.account.id))


def _cached(response: Response, kept: str = "public, no-cache", *, dot: str = "") -> Response:
    """An ETag over what is the same for everybody; the dot that counts a look is no part of it."""
    response.headers["Cache-Control"] = kept
    response.add_etag()
    response.make_conditional(request)
    if response.status_code == 200 and response.mimetype == "text/html":
        response.set_data(response.get_data().replace(DOT.encode(), dot.encode()))
    return response
