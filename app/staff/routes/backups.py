"""HTTP of backups: which were made, make one now, go on after a restore."""

from __future__ import annotations

from flask import render_template
from flask.typing import ResponseReturnValue

from app.accounts import auditing
from app.auth.current import current_member
from app.campaigns import restored
from app.core.db import transaction
from app.core.errors import NotFound
from app.core.fragments import see_other
from app.staff import backups
from app.staff.routes.blueprint import bp, for_purposes, settings


@bp.get("/staff/backups")
@for_purposes("service")
def backups_page() -> ResponseReturnValue:
    config, made, restoration = settings(), backups.last_made(), restored.unconfirmed()
    return render_template(
        "staff/backups.html",
        to=config.BACKUP_TO.partition("?")[0],
        runs=backups.latest(),
        made=made,
        proven=backups.last_proven(),
        is_late=backups.is_late(made, config.BACKUP_EVERY_HOURS),
        next_due=backups.next_due(config.BACKUP_EVERY_HOURS),
        every_hours=config.BACKUP_EVERY_HOURS,
        key_file=config.LEADERSEND_HOME / "backup_key",
        restoration=restoration,
        restoration_words=restored.words(restoration) if restoration else "",
    )


@bp.post("/staff/backups")
@for_purposes("service")
def back_up_now() -> ResponseReturnValue:
    if not settings().BACKUP_TO:
        raise NotFound("A place for backups")
    member = current_member()
    with transaction():
        run = backups.want(member.email)
        auditing.note(None, member, "backup.ask", f"backup {run.id}")
    return see_other("staff.backups_page", notice="It begins within half a minute.")


@bp.post("/staff/backups/confirm")
@for_purposes("service")
def confirm_restore() -> ResponseReturnValue:
    member = current_member()
    with transaction():
        restored.confirm(member.email)
        auditing.note(None, member, "restore.confirm", "campaigns may be sent again")
    return see_other(
        "staff.backups_page",
        notice="Campaigns may be sent again. Each stays paused until it is resumed.",
    )
