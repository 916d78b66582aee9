"""HTTP of the registers, for everybody."""

from __future__ import annotations

from flask import current_app, render_template
from flask.typing import ResponseReturnValue

from app.auth.current import public
from app.privacy import disclosing, incidents, processors, publishing
from app.privacy.routes.blueprint import bp


@bp.get("/privacy/registers")
@public
def registers() -> ResponseReturnValue:
    version = publishing.current()
    entries = [row for section in version.sections for row in section.get("entries", [])]
    return render_template(
        "privacy/registers.html",
        version=version,
        entries=entries,
        processors=[
            *processors.of_settings(current_app.config["SETTINGS"]), *processors.of_mailboxes(),
            *processors.added(),
        ],
        disclosures=disclosing.in_public(),
        withheld=disclosing.withheld(),
        grounds=disclosing.GROUNDS,
        incidents=incidents.latest(is_public=True),
    )  # fmt: skip


@bp.get("/privacy/incidents/<int:number>")
@public
def incident(number: int) -> ResponseReturnValue:
    row = incidents.published(number)
    return render_template(
        "privacy/incident.html",
        row=row,
        notes=incidents.notes(number),
        concerned=incidents.concerned(number),
    )
