"""Settings, Take-out: everything of an account as a file, and back."""

from __future__ import annotations

import re
from typing import Any

from flask import Blueprint, Response, make_response, render_template, request, send_file
from flask.typing import ResponseReturnValue

from app.auth.current import (
    before_accepting,
    current_account,
    current_member,
    needs,
    sensitive,
)
from app.core.db import transaction
from app.core.errors import DomainError
from app.core.fragments import page_or_fragment, see_other
from app.moving import estimating, jobs, queries, taking_in, taking_out, writing
from app.moving.forms import TakeInForm
from app.moving.models import OPEN_IN, OPEN_OUT

bp = Blueprint("moving", __name__)

UPLOADS = ("moving.upload_takein",)


@bp.url_value_preprocessor
def let_large_files_in(endpoint: str | None, values: dict[str, Any] | None) -> None:
    """Before anything reads the form, the limit for uploads is lifted; `taking_in` has its own."""
    if endpoint in UPLOADS:
        request.max_content_length = taking_in.LIMIT_BYTES + 1_000_000


@bp.get("/settings/take-out")
@needs("owner")
@before_accepting
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
        has_file=any(one.state == "finished" for one in past),
        kept_days=taking_out.KEPT.days,
        problem=str(problem) if problem else "",
    )
    return page, problem.status if problem else 200


@bp.post("/settings/take-out")
@needs("owner")
@sensitive("moving.take_out")
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
@before_accepting
def takeout_progress(takeout_id: int) -> ResponseReturnValue:
    takeout = queries.takeout(current_account(), takeout_id)
    response = make_response(render_template("moving/_takeout.html", takeout=takeout))
    if takeout.state not in OPEN_OUT:
        response.headers["HX-Refresh"] = "true"  # the button for a new one is back
    return response


@bp.get("/settings/take-out/<int:takeout_id>/download")
@needs("owner")
@sensitive("moving.take_out")
@before_accepting
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
@before_accepting
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


@bp.get("/settings/take-in")
@needs("owner")
def take_in() -> ResponseReturnValue:
    return _in(TakeInForm())


def _in(form: TakeInForm, status: int = 200) -> ResponseReturnValue:
    past = queries.takeins(current_account())
    page = render_template(
        "moving/in.html",
        form=form,
        takeins=past,
        is_busy=any(one.state in OPEN_IN for one in past),
    )
    return page, status


@bp.post("/settings/take-in")
@needs("owner")
def upload_takein() -> ResponseReturnValue:
    form = TakeInForm()
    if not form.validate():
        return _in(form, 422)
    file = form.file.data
    try:
        takein = taking_in.stage(current_account(), current_member(), file.stream, file.filename)
    except DomainError as error:
        form.file.errors = [str(error)]
        return _in(form, error.status)
    finally:
        file.close()
    jobs.wake_in(takein.id)
    return see_other("moving.show_takein", takein_id=takein.id)


@bp.get("/settings/take-in/<int:takein_id>")
@needs("owner")
def show_takein(takein_id: int) -> ResponseReturnValue:
    """As a fragment it asks again by itself until there is something to decide or all is done."""
    takein = queries.takein(current_account(), takein_id)
    return page_or_fragment("moving/show.html", "moving/_takein.html", takein=takein)


@bp.post("/settings/take-in/<int:takein_id>/start")
@needs("owner")
def start_takein(takein_id: int) -> ResponseReturnValue:
    account = current_account()
    with transaction():
        taking_in.start(account, current_member(), queries.takein(account, takein_id))
    jobs.wake_in(takein_id)
    return see_other("moving.show_takein", takein_id=takein_id)


@bp.post("/settings/take-in/<int:takein_id>/drop")
@needs("owner")
def drop_takein(takein_id: int) -> ResponseReturnValue:
    with transaction():
        taking_in.drop(queries.takein(current_account(), takein_id))
    return see_other("moving.take_in", notice="Stopped. The file has been removed.")
