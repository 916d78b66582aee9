"""What the tick does for the operator."""

from __future__ import annotations

from flask import current_app

from app.config import Config


def back_up() -> None:
    """Make the backup that is due."""
    config: Config = current_app.config["SETTINGS"]
    if config.BACKUP_TO:
        # Loaded where it is needed: the client of buckets takes 10 MB.
        from app.ops.backup import running

        running.run_due(config)
