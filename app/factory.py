"""create_app(): the only place that knows every part."""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Callable
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa
from flask import (
    Blueprint,
    Flask,
    Response,
    abort,
    g,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask_limiter import RateLimitExceeded
from flask_login import current_user
from flask_wtf.csrf import CSRFError
from limits.storage import RedisStorage
from werkzeug.exceptions import HTTPException, MethodNotAllowed, RequestEntityTooLarge
from werkzeug.middleware.proxy_fix import ProxyFix

from app.accounts import auditing, standing
from app.accounts import routes as accounts
from app.analytics import noting
from app.analytics import routes as analytics
from app.api import routes as api
from app.auth import barring, cookies, current, demanding, guarding, sessions, throttling
from app.auth import routes as auth
from app.billing import routes as billing
from app.campaigns import routes as campaigns
from app.config import CHECKOUT, Config, load
from app.contacts import erasing, verifying
from app.contacts import routes as contacts
from app.core import (
    books,
    headers,
    keeping,
    networks,
    queue_server,
    room,
    sealing,
    templating,
    tokens,
    uploading,
    watch,
)
from app.core import settings as process_settings
from app.core.clock import now
from app.core.db import db, is_taken, prepare_engine, transaction
from app.core.errors import DomainError
from app.core.fragments import wants_fragment
from app.core.routing import Number
from app.delivery import leftovers
from app.delivery import routes as delivery
from app.desk import leftovers as desk_leftovers
from app.desk import routes as desk
from app.extensions import csrf, htmx, limiter, login
from app.moving import leftovers as moving_leftovers
from app.moving import routes as moving
from app.preferences import routes as preferences
from app.privacy import figures
from app.privacy import routes as privacy
from app.reports import routes as reports
from app.sharing import routes as sharing
from app.site import health
from app.site import routes as site
from app.staff import book, promises
from app.staff import routes as staff
from app.tracking import express
from app.tracking import routes as tracking
from app.trust import forgetting, rules
from app.trust import leftovers as trust_leftovers
from app.trust import routes as trust

log = logging.getLogger(__name__)
#: Of a body that is too large; whoever sends more finds the line cut.
READ_AWAY_BYTES = 64_000_000
#: In place of the web library's own words, which speak to programmers.
WORDS = {
    400: "What was sent could not be read. Go back and try again.",
    404: "There is nothing at this address. Look whether it is complete.",
    405: "This address does not take that kind of request.",
    413: "That is more than is taken here at once.",
    414: "The address is too long.",
    415: "What was sent is of a kind that is not read here.",
    429: "Too many requests. Wait a minute, then go on.",
}

BLUEPRINTS: tuple[Blueprint, ...] = (
    site.bp, auth.bp, accounts.bp, privacy.bp, contacts.bp, contacts.signup_forms.bp,
    contacts.signing_up.bp, campaigns.bp,
    delivery.bp, tracking.bp, preferences.bp, reports.bp, analytics.bp, desk.bp, sharing.outside.bp,
    sharing.archive.bp, sharing.friends.bp, sharing.outsiders.bp, sharing.owners.bp,
    moving.bp, billing.bp, trust.bp, staff.bp, api.bp, health.bp,
)  # fmt: skip
SIGN_UP = contacts.signing_up.bp.name
#: Features whose pages are the same for everybody.
FOR_VISITORS = (
    tracking.bp.name, SIGN_UP, sharing.archive.bp.name, sharing.friends.bp.name,
    sharing.outsiders.bp.name,
)  # fmt: skip
CONFIRMING = ("contacts.confirm", "contacts.confirm_now")
#: What links of mails lead to besides, of the operator's own mails among them.
LEAVING = (
    "privacy.confirm_follow_page", "privacy.confirm_follow", "privacy.unfollow_page",
    "privacy.unfollow", "trust.person_request", "trust.confirm_person_request",
    "trust.decline_person_request",
)  # fmt: skip
OWN_NAMES = {"localhost", "127.0.0.1", "::1"}


def create_app(config: Config | None = None) -> Flask:
    """The web application; workers and commands use it for its database and settings."""
    config = config or load()
    app = Flask(
        "leadersend",
        static_folder=str(CHECKOUT / "static"),
        template_folder=str(CHECKOUT / "templates"),
    )
    app.request_class = uploading.UploadRequest
    app.session_interface = cookies.Sessions(quiet=FOR_VISITORS)
    app.url_map.converters["int"] = Number
    _configure(app, config)
    _connect(app, config)
    templating.install(app)
    app.before_request(uploading.refuse_many_fields)
    headers.protect(app, secure=config.secure)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    _bar_networks(app, config)
    _guard(app, config)
    _answer_errors(app)
    _stand_in_front(app, config)
    return app


def _stand_in_front(app: Flask, config: Config) -> None:
    """What a request meets before Flask does."""
    in_front: Callable[..., Any] = express.Express(
        app.wsgi_app,
        is_our_name=_our_names(config),
        safety=headers.safety(secure=config.secure),
        looked=noting.looked,
    )
    if config.TRUSTED_PROXIES:
        in_front = _trusting(in_front, config)
    app.wsgi_app = in_front  # type: ignore[method-assign]


def _configure(app: Flask, config: Config) -> None:
    app.config.update(
        SETTINGS=config,
        SECRET_KEY=config.SECRET_KEY,
        SQLALCHEMY_DATABASE_URI=config.DATABASE_URL,
        SQLALCHEMY_ENGINE_OPTIONS=_engine_options(config.DATABASE_URL),
        SESSION_COOKIE_NAME="__Host-leadersend" if config.secure else "leadersend",
        SESSION_COOKIE_SECURE=config.secure,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        WTF_CSRF_TIME_LIMIT=None,
        WTF_CSRF_HEADERS=["X-CSRFToken"],
        # Our pages let browsers send no referrer, so that no link of a mail gets about: with https
        # no form would ever be taken. The token is in a cookie of this host alone.
        WTF_CSRF_SSL_STRICT=False,
        MAX_CONTENT_LENGTH=1_000_000,
        MAX_FORM_MEMORY_SIZE=1_000_000,
        MAX_FORM_PARTS=1000,
        SEND_FILE_MAX_AGE_DEFAULT=31_536_000,
        RATELIMIT_STORAGE_URI=_limiter_storage(config.REDIS_URL),
        RATELIMIT_HEADERS_ENABLED=False,
    )


def _engine_options(url: str) -> dict[str, Any]:
    options: dict[str, Any] = {"pool_size": 20, "max_overflow": 20, "pool_pre_ping": True}
    if url.startswith("sqlite"):
        options["pool_pre_ping"] = False
    return options


def _limiter_storage(url: str) -> str:
    return url.replace("unix://", "redis+unix://", 1) if url.startswith("unix://") else url


def _trusting(wsgi: Callable[..., Any], config: Config) -> Callable[..., Any]:
    behind_proxy = ProxyFix(wsgi, x_for=1, x_proto=1, x_host=1)

    def serve(environ: dict[str, Any], start_response: Any) -> Any:
        peer = environ.get("REMOTE_ADDR", "")
        try:
            trusted = any(ipaddress.ip_address(peer) in net for net in config.TRUSTED_PROXIES)
        except ValueError:
            trusted = False
        return (behind_proxy if trusted else wsgi)(environ, start_response)

    return serve


def configure_process(config: Config) -> None:
    """What a process knows apart from its application: settings, keys, the queue server."""
    process_settings.configure(config)
    tokens.configure(config.SECRET_KEY)
    sealing.configure(config.SECRET_KEY, config.LEADERSEND_HOME)
    queue_server.configure(config.REDIS_URL)
    books.keep(auditing.CHAIN, verifying.BOOK, book.BOOK)
    figures.know(promises.FIGURES)
    keeping.register(rules.rules(), forgetting.chosen)
    erasing.look_in(
        *leftovers.PLACES,
        *desk_leftovers.PLACES,
        *moving_leftovers.PLACES,
        *trust_leftovers.PLACES,
    )


def _connect(app: Flask, config: Config) -> None:
    configure_process(config)
    db.init_app(app)
    with app.app_context():
        prepare_engine(db.engine)
    # Templates get the member below; loading one for every page would read cookies everywhere.
    login.init_app(app, add_context_processor=False)
    csrf.init_app(app)
    htmx.init_app(app)
    # It would import each client that it knows of: 3 MB in every process for one that is not used.
    RedisStorage.DEPENDENCIES = {"redis": RedisStorage.DEPENDENCIES["redis"]}
    limiter.init_app(app)
    login.user_loader(_load_user)
    login.unauthorized_handler(_sign_in_first)


def _load_user(secret: str) -> current.User | None:
    session = sessions.find(secret)
    if session is None:
        return None
    moment = now()
    if moment - session.seen_at > sessions.SEEN_EVERY:
        with transaction():
            sessions.touch(session, moment)
    return current.User(secret, session)


def _sign_in_first() -> Response:
    url = url_for("auth.sign_in", next=request.full_path.rstrip("?"))
    if request.headers.get("HX-Request") == "true":
        response = make_response("", 401)
        response.headers["HX-Redirect"] = url_for("auth.sign_in")
        return response
    return make_response(redirect(url, 303))


def _our_names(config: Config) -> Callable[[str], bool]:
    host = urlsplit(config.BASE_URL).hostname or ""

    @lru_cache(maxsize=256)
    def is_our_name(asked: str) -> bool:
        try:
            name = (urlsplit(f"//{asked}").hostname or "").lower()
        except ValueError:
            return False
        return bool(name) and (name == host or name in OWN_NAMES)

    return is_our_name


def _guard(app: Flask, config: Config) -> None:
    is_our_name = _our_names(config)

    @app.before_request
    def refuse_unknown_host() -> None:
        if not is_our_name(request.host):
            abort(400, "This server does not know that name.")

    @app.before_request
    def let_in() -> Response | None:
        view = app.view_functions.get(request.endpoint or "")
        marks: dict[str, Any] = getattr(view, "__dict__", {})
        if view is None or request.endpoint == "static" or marks.get("is_public"):
            return None
        if not current_user.is_authenticated:
            return _sign_in_first()
        if marks.get("is_staff_only"):
            _demand_staff()
        elif not marks.get("is_personal"):
            if (answer := _where_suspended()) is not None:
                return answer
            _demand_right(view)
        _use_zone()
        return guarding.detour(marks) or privacy.asking_first(marks)

    @app.context_processor
    def who_is_asking() -> dict[str, Any]:
        # Pages behind a mail's links read no cookie, and answer while the database is away; forms
        # stand in frames on pages of others.
        for_all = bool(request) and (
            request.blueprint in FOR_VISITORS
            or request.endpoint in CONFIRMING
            or (
                request.blueprint == preferences.bp.name
                and not request.path.startswith("/settings")
            )
        )
        signed_in = not for_all and bool(current_user and current_user.is_authenticated)
        membership = current.membership_or_none() if signed_in else None
        return {
            "settings": config,
            "member": current.current_member() if signed_in else None,
            "account": membership.account if membership else None,
            "role": membership.role if membership else "",
            "may": current.may if signed_in else (lambda role: False),
            "second_factor_until": demanding.deadline(
                membership.account if membership else None, current.current_session()
            )
            if signed_in
            else None,
        }


def _bar_networks(app: Flask, config: Config) -> None:
    @app.before_request
    def refuse_barred_network() -> None:
        if not _is_for_readers() and barring.is_barred(request.remote_addr):
            g.is_barred = True
            watch.note("barred", network=networks.shortened(request.remote_addr))
            whom = f" Write to {config.OPERATOR_EMAIL}." if config.OPERATOR_EMAIL else ""
            abort(403, f"Nothing is answered to your network here.{whom}")


def _is_for_readers() -> bool:
    """What whoever got a mail may always do: leave, choose, confirm."""
    if request.blueprint == preferences.bp.name:
        return not request.path.startswith("/settings")
    return (
        request.blueprint in (tracking.bp.name, sharing.friends.bp.name)
        or request.endpoint in (*CONFIRMING, *LEAVING, "static")
    )  # fmt: skip


#: What stays open to the people of an account that is suspended altogether: what is theirs, and
#: their answer.
WHILE_SUSPENDED = {
    "contacts.export", "moving.take_out", "moving.start_takeout", "moving.takeout_progress",
    "moving.download_takeout", "moving.readme", "moving.remove_takeout", "auth.look",
}  # fmt: skip


def _where_suspended() -> Response | None:
    membership = current.membership_or_none()
    if membership is None or membership.account.barred not in (standing.ACCESS, standing.CLOSING):
        return None
    # Of what is being erased, nothing is handed out: it is no whole any more.
    is_open = request.endpoint in WHILE_SUSPENDED and not membership.account.erased_since
    if is_open or request.blueprint == trust.bp.name:
        return None
    is_suspended = membership.account.barred == standing.ACCESS
    page = "trust.standing_page" if is_suspended else "trust.close_page"
    return make_response(redirect(url_for(page), 303))


def _demand_staff() -> None:
    if not current.current_member().staff_roles:
        abort(404)


def _demand_right(view: Callable[..., Any]) -> None:
    changes = request.method not in ("GET", "HEAD", "OPTIONS")
    if wanted := current.wanted_by(view, request.blueprint, changes=changes):
        current.demand(wanted)


def _use_zone() -> None:
    membership = current.membership_or_none()
    if membership:
        g.zone = membership.account.zone


def _answer_errors(app: Flask) -> None:
    @app.errorhandler(DomainError)
    def domain_error(error: DomainError) -> Response:
        _watch(error.status)
        return _error_page(error.status, str(error), getattr(error, "errors", None))

    @app.errorhandler(CSRFError)
    def stale_form(error: CSRFError) -> Response:
        _watch(400)
        return _error_page(400, "This form is too old. Go back, reload the page and try again.")

    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> Response:
        if error.response is not None:
            return make_response(error.response)
        _watch(error.code or 500)
        if isinstance(error, RequestEntityTooLarge):
            _read_away()
        response = _error_page(error.code or 500, _in_words(error))
        if isinstance(error, MethodNotAllowed) and error.valid_methods:
            response.headers["Allow"] = ", ".join(sorted(error.valid_methods))
        return response

    _answer_breakdowns(app)


def _answer_breakdowns(app: Flask) -> None:
    """What no verb expects: the database or the disk, and everything else."""

    @app.errorhandler(sa.exc.OperationalError)
    def database_away(error: sa.exc.OperationalError) -> Response:
        log.error("database: %s", type(error.orig).__name__)
        db.session.rollback()
        if room.is_for_want_of_room(error):
            return _no_room()
        return _error_page(503, "The database is busy or away. Nothing was lost; try again soon.")

    @app.errorhandler(sa.exc.IntegrityError)
    def came_second(error: sa.exc.IntegrityError) -> Response:
        db.session.rollback()
        if not is_taken(error):
            return crash(error)
        # Not the error's words, which hold what somebody typed.
        log.warning("two did the same at once: %s", request.endpoint)
        return _error_page(
            409, "Somebody did the same at the same moment. Reload the page and look again."
        )

    @app.errorhandler(OSError)
    def system_refuses(error: OSError) -> Response:
        return _no_room() if room.is_for_want_of_room(error) else crash(error)

    @app.errorhandler(Exception)
    def crash(error: Exception) -> Response:
        if app.testing or app.debug:
            raise error
        log.error("unexpected", exc_info=error)
        return _error_page(500, "Something broke on our side. It has been noted.")


#: Answers to who is not known, may not, asks too often, or sends a form of another page.
REFUSALS = {400, 401, 403, 429}


def _watch(status: int) -> None:
    """A line of the security log for what was refused, and for what is not there to who is known:
    another account's rows look like that.

    Whoever asks without having been looked up is nobody: no cookie is read for it.
    """
    if g.get("is_barred"):
        return
    user = g.get("_login_user")
    known = user is not None and user.is_authenticated
    token = g.get("api_token_id")
    if status not in REFUSALS and not (status == 404 and (known or token)):
        return
    membership = current.membership_or_none() if known else None
    api_account = g.get("api_account")
    watch.note(
        "refused", status=status, method=request.method, view=request.endpoint,
        member=user.member.id if user is not None and known else None,
        account=membership.account_id if membership else api_account.id if api_account else None,
        token=token, network=networks.shortened(request.remote_addr),
    )  # fmt: skip


def _in_words(error: HTTPException) -> str:
    """What the error says, where somebody wrote it here; else our words for the library's."""
    if isinstance(error, RateLimitExceeded) and not error.limit.error_message:
        return f"Too many requests. {throttling.pause(error.limit.limit)}"
    if error.description and error.description != type(error).description:
        return error.description
    return WORDS.get(error.code or 500, error.description or "That did not work.")


def _no_room() -> Response:
    return _error_page(room.NoRoom.status, str(room.NoRoom()))


def _read_away() -> None:
    """Many programs read no answer while they still send: take in the rest, within reason."""
    body, left = request.environ["wsgi.input"], READ_AWAY_BYTES
    while left > 0 and (piece := body.read(min(left, 65_536))):
        left -= len(piece)


def _error_page(status: int, message: str, errors: dict[str, list[str]] | None = None) -> Response:
    if request.path.startswith("/api/"):
        return api.problem(status, message, errors)
    if request.path.startswith("/hooks/"):
        return make_response((f"{message}\n", status, {"Content-Type": "text/plain"}))
    template = "errors/_error.html" if wants_fragment() else "errors/error.html"
    response = make_response(render_template(template, status=status, message=message), status)
    if wants_fragment():
        response.headers["HX-Reswap"] = "none"
    return response
