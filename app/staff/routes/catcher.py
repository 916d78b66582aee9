"""HTTP of the local mail catcher: the mail that it kept."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from io import BytesIO
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from flask import Response, current_app, make_response, render_template, request, send_file
from flask.typing import ResponseReturnValue
from flask_login import current_user

from app.auth import guarding
from app.auth.current import current_member, public
from app.core.errors import NotFound
from app.core.fragments import page_or_fragment, see_other
from app.core.headers import user_html
from app.core.templating import count
from app.staff import mailbox
from app.staff.routes.blueprint import bp, settings

View = TypeVar("View", bound=Callable[..., Any])
THIS_MACHINE = {"127.0.0.1", "::1"}
VIEWS = ("page", "phone", "text", "headers", "source")
#: Links in a caught mail are there to be tried: they open as pages of their own.
POPUPS = "sandbox allow-popups allow-popups-to-escape-sandbox"


def _folder() -> Path:
    return settings().LEADERSEND_HOME / "mail"


def for_catcher(view: View) -> View:
    """Open to staff, and to this machine itself while its address is local; else not there."""

    @wraps(view)
    def guarded(*args: Any, **values: Any) -> ResponseReturnValue:
        if not settings().CATCHER:
            raise NotFound("The mail catcher")
        if not _from_here():
            if not current_user.is_authenticated:
                unauthorized: ResponseReturnValue = current_app.login_manager.unauthorized()  # type: ignore[attr-defined]
                return unauthorized
            if not current_member().staff_roles:
                raise NotFound("The mail catcher")
            if detour := guarding.detour({"is_staff_only": True}):
                return detour
        answer: ResponseReturnValue = view(*args, **values)
        return answer

    return public(guarded)  # type: ignore[return-value]


def _from_here() -> bool:
    """A proxy on this machine speaks for others, and says so."""
    forwarded = any(name in request.headers for name in ("Forwarded", "X-Forwarded-For", "Via"))
    return settings().local and request.remote_addr in THIS_MACHINE and not forwarded


@bp.get("/mail")
@for_catcher
def mails() -> ResponseReturnValue:
    query = request.args.get("query", "").strip()
    found = mailbox.page(_folder(), query=query, cursor=request.args.get("cursor"))
    return page_or_fragment(
        "mail_catcher/list.html", "mail_catcher/_list.html", found=found, query=query
    )


@bp.get("/mail/<name>")
@for_catcher
def mail(name: str) -> ResponseReturnValue:
    found = mailbox.find(_folder(), name)
    view = request.args.get("view", "")
    if view not in VIEWS:
        view = "page" if found.html else "text"
    return render_template("mail_catcher/show.html", mail=found, view=view)


@bp.get("/mail/<name>/html")
@for_catcher
def mail_html(name: str) -> ResponseReturnValue:
    found = mailbox.find(_folder(), name)
    response = user_html(make_response('<base target="_blank">' + found.html))
    policy = response.headers["Content-Security-Policy"].replace("sandbox", POPUPS, 1)
    # Pictures and beacons of a mail that was sent here point here, where there may be no https.
    own = urlsplit(settings().BASE_URL)
    policy = policy.replace("img-src ", f"img-src {own.scheme}://{own.netloc} ", 1)
    response.headers["Content-Security-Policy"] = policy
    return response


@bp.get("/mail/<name>/file")
@for_catcher
def mail_file(name: str) -> ResponseReturnValue:
    found = mailbox.find(_folder(), name)
    return _download(f"{name}.eml", found.raw)


@bp.get("/mail/<name>/attachments/<int:number>")
@for_catcher
def mail_attachment(name: str, number: int) -> ResponseReturnValue:
    filename, content = mailbox.find(_folder(), name).attachment(number)
    return _download(filename, content)


def _download(filename: str, content: bytes) -> Response:
    return send_file(
        BytesIO(content),
        mimetype="application/octet-stream",
        as_attachment=True,
        download_name=filename,
    )


@bp.post("/mail/delete")
@for_catcher
def delete_mails() -> ResponseReturnValue:
    n = mailbox.delete_all(_folder())
    return see_other("staff.mails", notice=f"{count(n, 'mail')} deleted.")
