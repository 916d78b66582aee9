"""A backup is as good as its last rehearsal: brought back into scratch, counted and compared."""

from __future__ import annotations

import secrets
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic.util import CommandError

from app.config import Config
from app.core.migrating import upgrade
from app.ops.backup import archive, census, databases, keys, scratch, sealing
from app.ops.backup.places import Place
from app.ops.backup.trouble import Trouble


@dataclass
class Rehearsal:
    """What bringing it back showed. `result`: good, bad or skipped."""

    result: str = "good"
    tables: int = 0
    rows: int = 0
    seconds: float = 0.0
    words: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """For the row."""
        return {
            "tables": self.tables, "rows": self.rows, "seconds": round(self.seconds, 1),
            "words": self.words,
        }  # fmt: skip


def rehearse(config: Config, place: Place, name: str) -> Rehearsal:
    """Bring a kept backup back beside the real data, compare, and throw it away."""
    found, began = Rehearsal(), time.monotonic()
    try:
        with scratch.folder(config.LEADERSEND_HOME) as folder:
            _look(config, place, name, folder, found)
    except (Trouble, OSError, sa.exc.SQLAlchemyError, CommandError) as error:
        found.result = "bad"
        found.words.append(str(error))
    found.seconds = time.monotonic() - began
    return found


def _look(config: Config, place: Place, name: str, folder: Path, found: Rehearsal) -> None:
    size = next((one.size_bytes for one in place.kept() if one.name == name), 0)
    # A database shrinks to about a sixth when it is packed.
    needed = size * 8
    if shutil.disk_usage(config.LEADERSEND_HOME).free < needed:
        found.result = "skipped"
        found.words.append(f"There is no room to rehearse: {needed / 1e9:.1f} GB are needed.")
        return
    key = sealing.key_of(config.LEADERSEND_HOME)
    with place.reading(name) as file:
        about = archive.unpack(file, folder, key=key, name=name)
    there = _database(config, folder / "database")
    found.tables, found.rows = len(there), sum(table["rows"] for table in there.values())
    found.words.extend(census.differences(about.get("census", {}), there))
    is_elsewhere = keys.is_elsewhere(config.SECRET_KEY)
    opens = keys.opens(folder / "home", config.SECRET_KEY, about)
    if not opens and not is_elsewhere:
        found.words.append(keys.WRONG)
    found.result = "bad" if found.words else "good"
    if not opens and is_elsewhere:
        # On purpose, so no fault of the backup's; but somebody has to know.
        found.words.append(keys.ELSEWHERE)


def _database(config: Config, copy: Path) -> census.Census:
    """What is in the database once it is back; it also has to take this version's schema."""
    if databases.kind(config) == "sqlite":
        databases.demand_sound(copy)
        there = databases.census_of(f"sqlite:///{copy}")
        upgrade(f"sqlite:///{copy}")
        return there
    with databases.scratch_postgresql(config, f"rehearsal_{secrets.token_hex(6)}") as url:
        databases.replace_postgresql(url, copy)
        there = databases.census_of(url)
        upgrade(url)
        return there
