"""Write a migration from the difference between the models and the migrations so far.

.venv/bin/python tools/revise.py 0002 "what it does"
.venv/bin/python tools/revise.py --first     # writes 0001 anew; only before the first release
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import sqlalchemy as sa
from alembic import command

from app.core.migrating import settings

VERSIONS = Path(__file__).resolve().parent.parent / "migrations" / "versions"


def main(arguments: list[str]) -> None:
    if arguments == ["--first"]:
        for old in VERSIONS.glob("0001_*.py"):
            old.unlink()
        number, message = "0001", "first"
    else:
        number, message = arguments
    with tempfile.TemporaryDirectory() as folder:
        engine = sa.create_engine(f"sqlite:///{folder}/scratch.sqlite")
        with engine.connect() as connection:
            config = settings(connection)
            config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
            command.upgrade(config, "head")
            command.revision(config, message, autogenerate=True, rev_id=number)


if __name__ == "__main__":
    main(sys.argv[1:])
