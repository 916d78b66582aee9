"""HTTP of counting: the dot on public pages, and an account's figures of its own pages."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Response, current_app, g, render_template, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from app.analytics import marks, noting, queries, trackers
from app.analytics.dots import ARCHIVE_PLACES, SITE_PAGES, shelf_key
from app.auth.current import View, current_account, public
from app.campaigns import queries as campaign_queries
from app.config import Config
from app.contacts.signup import reading
from app.core.tokens import BadToken
from app.extensions import csrf
from app.tracking.express import PIXEL, UNCACHED

bp = Blueprint("analytics", __name__)

_DOT = Markup(
    '<img class="dot" src="{src}" alt="" width="1" height="1" decoding="async" data-dot>'
    '<script type="module" src="{script}"></script>'
)


@bp.app_template_global("page_beacon")
def page_beacon(kind: str, key: str | int, *, of: int = 0, is_sign_up: bool = False) -> Markup:
    """The dot by which a public page is counted; nothing where the visitor asked for that.

    `kind` is site, archive or form, `key` the page's number (or the endpoint, of the site). `of`
    is the account whose pages make up one place, so that going from one to the next is one
    visit; it is not kept. `is_sign_up`: the page says that somebody signed up by that page.
    Put `data-place="1"` (a number up to 500) at links or blocks to have their clicks counted.
    """
    ahead = "prefetch" in request.headers.get("Sec-Purpose", "")
    if (request.method != "GET" and not is_sign_up) or ahead or noting.declines(_headers()):
        return Markup("")
    own = urlsplit(_settings().BASE_URL).hostname or ""
    host = marks.host_of(request.referrer, own)
    mark = marks.make(kind, str(key), of=of, is_sign_up=is_sign_up, host=host)
    return _DOT.format(
        src=url_for("analytics.dot", mark=mark), script=url_for("static", filename="js/dot.js")
    )


@bp.app_template_global("site_beacon")
def site_beacon() -> Markup:
    """The dot of a page of the public site, and a third party's script where one is set."""
    endpoint = request.endpoint or ""
    if endpoint == "auth.sent":
        return page_beacon("site", "auth.register", is_sign_up=True)
    if endpoint not in SITE_PAGES:
        return Markup("")
    return page_beacon("site", endpoint) + _third_party()


def _third_party() -> Markup:
    config = _settings()
    if not trackers.third_party_trackers(config) or noting.declines(_headers()):
        return Markup("")
    g.third_party_script = True
    named = trackers.attributes(config).items()
    data = Markup("").join(Markup(' {}="{}"').format(name, value) for name, value in named)
    return Markup('<script defer src="{}"{}></script>').format(config.TRACKER_SCRIPT, data)


@bp.after_app_request
def let_the_script_in(response: Response) -> Response:
    if g.pop("third_party_script", False):
        policy = trackers.security_policy(_settings())
        response.headers.setdefault("Content-Security-Policy", policy)
    return response


def for_visitors(view: View) -> View:
    """Reads no cookie and proves itself by its mark."""
    marked: View = csrf.exempt(public(view))
    return marked


@bp.get("/dot/<mark>.gif")
@public
def dot(mark: str) -> ResponseReturnValue:
    """One transparent point, 43 bytes; the same whatever the mark says."""
    noting.looked(mark, request.environ)
    response = Response(PIXEL, mimetype="image/gif")
    response.headers[UNCACHED[0]] = UNCACHED[1]
    return response


@bp.post("/dot/<mark>")
@for_visitors
def tell(mark: str) -> ResponseReturnValue:
    """The page's script tells how long it was in sight (`t`, seconds), or what was followed."""
    address, asked = request.remote_addr or "", request.args
    try:
        found = marks.read(mark)
    except BadToken:
        return "", 404
    if place := asked.get("p", 0, int):
        noting.followed(found, place, address=address, headers=_headers())
    else:
        seconds, piece = asked.get("t", 0, int), asked.get("n", 0, int)
        noting.spent(found, seconds, piece, address=address, headers=_headers())
    return "", 204


def _headers() -> dict[str, str]:
    names = ("User-Agent", "DNT", "Sec-GPC")
    return {name: request.headers[name] for name in names if name in request.headers}


def _settings() -> Config:
    found: Config = current_app.config["SETTINGS"]
    return found


@bp.get("/reports/pages")
def own_pages() -> ResponseReturnValue:
    """What an account's own forms and archive pages came to."""
    account = current_account()
    days = queries.period(request.args.get("days", type=int))
    forms = reading.forms(account)
    campaigns = campaign_queries.campaigns(account, cursor=request.args.get("cursor"))
    archive = {str(one.id): one.name for one in campaigns.items}
    if not request.args.get("cursor"):
        archive[shelf_key(account.id)] = "The list of all mails"
    return render_template(
        "analytics/own.html",
        days=days,
        periods=queries.PERIODS,
        forms=_lines("form", {str(form.id): form.name for form in forms}, days),
        archive=_lines("archive", archive, days),
        total=queries.of_pages("archive", list(archive), days),
        sources=queries.sources("archive", days, keys=list(archive)),
        page=campaigns,
    )


def _lines(kind: str, names: dict[str, str], days: int) -> list[dict[str, Any]]:
    """Of the account's own pages alone: keys of others never get here."""
    clicks = queries.places(kind, list(names), days)
    return [
        {
            "name": names[line.key],
            "key": line.key,
            "figures": line.figures,
            "places": [
                (ARCHIVE_PLACES.get(place, f"Link {place}"), n)
                for place, n in clicks.get(line.key, {}).items()
            ],
        }
        for line in queries.pages(kind, days, keys=list(names))
    ]
