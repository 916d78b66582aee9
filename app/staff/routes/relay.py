"""HTTP of the operator's mail server: whether it is out, and which providers it slows down for."""

from __future__ import annotations

from datetime import UTC

from flask import g, render_template
from flask.typing import ResponseReturnValue

from app.accounts import auditing, relays
from app.auth.current import current_member
from app.core.db import transaction
from app.core.fragments import see_other
from app.delivery import outages, slowing
from app.staff.routes.blueprint import bp, for_purposes


@bp.get("/staff/mail-server")
@for_purposes("service")
def relay_page() -> ResponseReturnValue:
    relay = relays.operator()
    return render_template(
        "staff/relay.html",
        relay=relay,
        outage=outages.known([relay.key]).get(relay.key),
        slowed=slowing.behind(relay.key, g.get("zone") or UTC),
    )


@bp.post("/staff/mail-server/full-speed")
@for_purposes("service")
def relay_at_full_speed() -> ResponseReturnValue:
    relay = relays.operator()
    with transaction():
        n = slowing.forget(relay.key)
        auditing.note(None, current_member(), "mail_server.full_speed", f"{relay.host}, {n} slowed")
    words = "Everybody gets mail at full speed. Whoever asks again is slowed down again."
    return see_other("staff.relay_page", notice=words)
