"""Settings, Take-out: everything of an account as a file, and back."""

from __future__ import annotations

import re

from flask import Blueprint, Response, make_response, render_template, send_file
from flask.typing import ResponseReturnValue

from app.auth.current import current_account, current_member, needs
from app.core.db import transaction
from app.core.errors import DomainError
from app.core.fragments import see_other
from app.moving import estimating, jobs, queries, taking_out, writing
from app.moving.models import OPEN_OUT
from app.moving.parts import PARTS

bp = Blueprint("moving", __name__)


@bp.get("/settings/take-out")
@needs("owner")
def take_out() -> ResponseReturnValue:
    return _out()


def _out(problem: DomainError | None = None) -> ResponseReturnValue:
    account = current_account()
    past = queries.takeouts(account)
    page = render_template(
        "moving/out.html",
        estimate=estimating.estimate(account),
        takeouts=past,
        is_busy=any(one.state in OPEN_OUT for one in past),
        parts=PARTS,
        kept_days=taking_out.KEPT.days,
        problem=str(problem) if problem else "",
    )
    return page, problem.status if problem else 200


@bp.post("/settings/take-out")
@needs("owner")
def start_takeout() -> ResponseReturnValue:
    try:
        with transaction():
            takeout = taking_out.start(current_account(), current_member())
    except DomainError as error:
        return _out(error)
    jobs.wake_out(takeout.id)
    return see_other("moving.take_out")


@bp.get("/settings/take-out/<int:takeout_id>/progress")
@needs("owner")
def takeout_progress(takeout_id: int) -> ResponseReturnValue:
    takeout = queries.takeout(current_account(), takeout_id)
    response = make_response(render_template("moving/_takeout.html", takeout=takeout))
    if takeout.state not in OPEN_OUT:
        response.headers["HX-Refresh"] = "true"  # the button for a new one is back
    return response


@bp.get("/settings/take-out/<int:takeout_id>/download")
@needs("owner")
def download_takeout(takeout_id: int) -> ResponseReturnValue:
    account = current_account()
    takeout = queries.takeout(account, takeout_id)
    name = re.sub(r"[^a-z0-9]+", "-", account.name.lower()).strip("-") or "account"
    response: Response = send_file(
        taking_out.path(takeout),
        mimetype="application/zip",
        as_attachment=True,
        download_name=f"{name}-{takeout.created_at:%Y-%m-%d}.zip",
        conditional=True,
        etag=False,
        max_age=0,
    )
    response.headers["Cache-Control"] = "no-store"
    return response


@bp.get("/settings/take-out/README.txt")
@needs("owner")
def readme() -> ResponseReturnValue:
    """What will be in the file, file by file."""
    return Response(writing.readme(), mimetype="text/plain")


@bp.post("/settings/take-out/<int:takeout_id>/remove")
@needs("owner")
def remove_takeout(takeout_id: int) -> ResponseReturnValue:
    account = current_account()
    with transaction():
        taking_out.remove(account, current_member(), queries.takeout(account, takeout_id))
    return see_other("moving.take_out", notice="Removed.")
