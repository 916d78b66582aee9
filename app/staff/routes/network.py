"""HTTP of what was refused, and of networks that are barred."""

from __future__ import annotations

from flask import render_template, request
from flask.typing import ResponseReturnValue

from app.auth import barring
from app.auth.current import current_member, sensitive
from app.core import queue_server, watch
from app.core.db import transaction
from app.core.errors import Invalid
from app.core.fragments import see_other
from app.staff.forms import NetworkForm
from app.staff.routes.blueprint import bp, for_purposes

DAYS = 7
SHOWN = 20


@bp.get("/staff/network")
@for_purposes("service", "abuse")
def network_page() -> ResponseReturnValue:
    return _page(NetworkForm(request.args))


@bp.post("/staff/network")
@for_purposes("service", "abuse")
@sensitive("staff.network_page")
def bar_network() -> ResponseReturnValue:
    form = NetworkForm()
    if not form.validate():
        return _page(form, 422)
    try:
        with transaction():
            row = barring.bar(
                current_member(), form.network.data, reason=form.reason.data,
                days=int(form.days.data), own=request.remote_addr,
            )  # fmt: skip
    except Invalid as error:
        form.network.errors = error.errors["network"]
        return _page(form, 422)
    words = f"Nothing is answered to {row.network} any more, but for readers of mails."
    return see_other("staff.network_page", notice=words)


@bp.post("/staff/network/<int:barred_id>/lift")
@for_purposes("service", "abuse")
def lift_network(barred_id: int) -> ResponseReturnValue:
    with transaction():
        network = barring.lift(current_member(), barred_id)
    return see_other("staff.network_page", notice=f"{network} is answered again.")


def _page(form: NetworkForm, status: int = 200) -> ResponseReturnValue:
    try:
        refused = watch.refused(DAYS)
    except queue_server.AWAY:
        refused = None
    page = render_template(
        "staff/network.html",
        form=form,
        barred=barring.living(),
        refused=refused,
        networks=refused.networks.most_common(SHOWN) if refused else [],
        words=watch.KINDS,
        days=DAYS,
    )
    return page, status
