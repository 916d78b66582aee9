"""Turning a large spreadsheet, cards or a zip into CSV in the background, before it is imported.

The file that came stays until its CSV is complete, so a worker that is killed costs time only:
the next one begins anew.
"""

from __future__ import annotations

import logging
import time

import sqlalchemy as sa

from app.contacts import importing, uploads
from app.contacts.formats.limits import TooLarge
from app.contacts.models import Import
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import DomainError, Invalid
from app.core.room import NoRoom

log = logging.getLogger(__name__)

#: How often a worker shows that it is alive.
BEAT_S = 5.0


def run(import_id: int) -> None:
    """Read the file of an import; harmless when another worker does so."""
    with transaction():
        if not importing.take(import_id, "reading"):
            return
    import_ = db.session.get_one(Import, import_id, populate_existing=True)
    path = uploads.path_of(import_.stored_as)
    db.session.rollback()  # nothing is held while the file is read
    try:
        if not path.exists():
            raise Invalid("The uploaded file has been removed. Upload it again.")
        target, dialect = uploads.turn(path, beat=Pulse(import_id))
    except (Invalid, TooLarge) as error:
        _fail(import_id, str(error))
    except NoRoom:
        return  # the sweep tries again when the lease is over
    except Exception:
        _fail(import_id, "Something broke on our side while reading the file.")
        raise
    else:
        upload = uploads.Upload(target.name, "", target.stat().st_size, dialect)
        if not _finish(import_id, upload):
            target.unlink(missing_ok=True)


class Pulse:
    """Renews the lease now and then, when called."""

    def __init__(self, import_id: int) -> None:
        self._import_id = import_id
        self._last = time.monotonic()

    def __call__(self) -> None:
        if time.monotonic() - self._last < BEAT_S:
            return
        self._last = time.monotonic()
        try:
            with transaction():
                db.session.execute(
                    sa.update(Import)
                    .where(Import.id == self._import_id, Import.state == "reading")
                    .values(lease_until=now() + importing.LEASE)
                )
        except sa.exc.OperationalError as error:
            log.warning("import %d: lease not renewed: %s", self._import_id, type(error).__name__)


def _finish(import_id: int, upload: uploads.Upload) -> bool:
    """Write down what was read; False when somebody else did so before."""
    try:
        with transaction():
            import_ = db.session.get_one(
                Import, import_id, populate_existing=True, with_for_update=True
            )
            if import_.state != "reading":
                return False
            import_.stored_as, import_.size_bytes = upload.stored_as, upload.size_bytes
            import_.dialect, import_.lease_until = upload.dialect, None
            importing.settle(import_)
    except DomainError as error:
        _fail(import_id, str(error))
        return False
    return True


def _fail(import_id: int, told: str) -> None:
    db.session.rollback()
    with transaction():
        db.session.execute(
            sa.update(Import)
            .where(Import.id == import_id, Import.state == "reading")
            .values(state="failed", error=told, lease_until=None)
        )


def waiting(limit: int = 100) -> list[int]:
    """Files that a worker should read: ids of their imports."""
    is_free = sa.or_(Import.lease_until.is_(None), Import.lease_until < now())
    found = sa.select(Import.id).where(Import.state == "reading", is_free)
    return list(db.session.scalars(found.order_by(Import.id).limit(limit)))
