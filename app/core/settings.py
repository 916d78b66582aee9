"""The settings of this process, for code that does not speak HTTP."""

from __future__ import annotations

from app.config import Config

_current: list[Config] = []


def configure(config: Config) -> None:
    """Called once, by create_app."""
    _current[:] = [config]


def get() -> Config:
    """The effective settings."""
    return _current[0]
