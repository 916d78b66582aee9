"""HTTP of the figures of the public site: sums alone, for marketing."""

from __future__ import annotations

from flask import render_template, request
from flask.typing import ResponseReturnValue

from app.analytics import queries, trackers
from app.core import keeping
from app.staff.routes.blueprint import bp, for_purposes, settings


@bp.get("/staff/visits")
@for_purposes("marketing")
def visits_page() -> ResponseReturnValue:
    days = queries.period(request.args.get("days", type=int))
    return render_template(
        "staff/visits.html",
        days=days,
        periods=queries.PERIODS,
        total=queries.total("site", days),
        pages=queries.pages("site", days),
        sources=queries.sources("site", days),
        bars=queries.bars("site", days),
        others=[(kind, queries.total(kind, days)) for kind in ("archive", "form")],
        trackers=trackers.third_party_trackers(settings()),
        kept=keeping.in_words(keeping.days("visits")),
    )
