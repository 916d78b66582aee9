"""What the tick does for the operator."""

from __future__ import annotations

from flask import current_app

from app.ops.backup import running


def back_up() -> None:
    """Make the backup that is due."""
    running.run_due(current_app.config["SETTINGS"])
