"""An installation of its own for each test, which may be damaged, replaced and thrown away."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask

from app.config import Config, load
from app.core.db import db
from app.core.migrating import upgrade
from app.factory import create_app
from tests.conftest import SECRET
from tests.delivery.conftest import campaign_to, server, to_server
from tests.servers import QueueServer

__all__ = ["campaign_to", "server", "to_server"]


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database of SQLite."""
    path = tmp_path_factory.mktemp("migrated") / "empty.sqlite"
    upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if os.environ.get("LEADERSEND_TEST_DATABASE") == "postgresql":
        url: str = request.getfixturevalue("postgres").database("backups")
        upgrade(url)
        return url
    (tmp_path / "home").mkdir(mode=0o700)
    shutil.copy(request.getfixturevalue("migrated"), tmp_path / "home" / "leadersend.sqlite")
    return f"sqlite:///{tmp_path}/home/leadersend.sqlite"


@pytest.fixture
def settings(database_url: str, queue: QueueServer, tmp_path: Path) -> Config:
    home = tmp_path / "home"
    home.mkdir(mode=0o700, exist_ok=True)
    (home / "secret_key").write_text(SECRET)
    (home / "secret_key").chmod(0o600)
    return load(
        {
            "LEADERSEND_HOME": str(home),
            "DATABASE_URL": database_url,
            "REDIS_URL": queue.url,
            "BASE_URL": "http://localhost",
            "MAIL_DOMAIN": "mail.test",
            "BACKUP_TO": str(tmp_path / "kept"),
        }
    )


@pytest.fixture
def whole_app(settings: Config) -> Iterator[Flask]:
    app = create_app(settings)
    app.config.update(TESTING=True, WTF_CSRF_ENABLED=False, RATELIMIT_ENABLED=False)
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], str]:
    """The URL of a database that has nothing in it, of the kind that is tested."""

    def make(name: str) -> str:
        if os.environ.get("LEADERSEND_TEST_DATABASE") == "postgresql":
            url: str = request.getfixturevalue("postgres").database(name)
            return url
        return f"sqlite:///{tmp_path / name}/leadersend.sqlite"

    return make


def let_go() -> None:
    """Before a database is replaced: a program that was stopped holds no connection."""
    db.session.expunge_all()
    db.session.remove()
    db.engine.dispose()
