"""A disk without room: F25."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from app.contacts import importing, suppressions
from app.contacts.models import Contact, ContactList, Import, Subscription
from app.core.db import db, transaction
from app.core.tokens import Purpose, sign
from app.delivery.receipts import Receipt
from tests.api.conftest import make_token
from tests.faults.conftest import Add
from tests.faults.test_people import account_of
from tests.faults.test_queue_server import post, signed_in_over, still_waiting
from tests.faults.world import Sums, World
from tests.servers import wait_until

pytestmark = pytest.mark.faults

Ask = Callable[..., Any]
N = 500
ROWS = 60_000


def mounted(folder: Path, size: str) -> Iterator[Path]:
    """A disk of its own, for SQLite; once is enough."""
    if os.environ.get("LEADERSEND_TEST_DATABASE") == "postgresql":
        pytest.skip("only on SQLite")
    folder.mkdir()
    if os.getuid() != 0:
        pytest.skip("only root may mount a small disk")
    made = subprocess.run(  # noqa: S603
        ["/bin/mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)],
        check=False, capture_output=True,
    )  # fmt: skip
    if made.returncode:
        pytest.skip("this machine mounts no tmpfs")
    yield folder
    subprocess.run(["/bin/umount", "-l", str(folder)], check=True)  # noqa: S603


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    yield from mounted(tmp_path / "small", "24m")


@pytest.fixture
def larger_disk(tmp_path: Path) -> Iterator[Path]:
    yield from mounted(tmp_path / "larger", "80m")


def test_the_disk_is_full(small_disk: Path, row: Add) -> None:
    with World(small_disk) as world:
        world.server.faults.late_s = 0.3
        web = world.start_web()
        world.crew()
        campaign = world.send(N, name="full")
        world.wait_for_mails("full", 20)
        leaving = still_waiting(world, campaign)
        filler = small_disk / "filler"
        fill(filler)
        status = post(web.port, f"/u/{sign(Purpose.UNSUBSCRIBE, leaving.id)}")
        time.sleep(8)
        fill(filler)
        time.sleep(2)
        standing = len(world.arrived("full"))
        filler.unlink()
        seconds = world.seconds_to_next() if standing < N else None
        world.wait_until_over(campaign)

        row("F25", "disk full for 10 s", world.sums(campaign, N), seconds=seconds)
        assert status in (200, 503)
        if status == 200:
            assert suppressions.find(world.account_id, leaving.address)


def test_an_import_on_a_full_disk(larger_disk: Path, row: Add) -> None:
    with World(larger_disk) as world:
        web, ask = world.start_web(), asking(world)
        with transaction():
            guests = ContactList(account_id=world.account_id, name="Guests")
            db.session.add(guests)
        list_id = guests.id
        file = "email,first_name\n" + "".join(
            f"late.{i}@imported.example,Reader {i}\n" for i in range(ROWS)
        )
        answer = ask("POST", "/api/v1/imports", *upload(file, list_id))
        assert answer["state"] == "queued"
        filler = larger_disk / "filler"
        fill(filler)
        give_back(filler, 6_000_000)  # room for a part of it
        crew = world.crew()
        wait_until(lambda: bool(crew.horses()), what="the import to begin")
        time.sleep(6)
        fill(filler)

        # Half of it may be in, in whole chunks, and the page says why it stands.
        import_ = world.read(lambda: db.session.get_one(Import, answer["id"]))
        assert import_.state in ("queued", "running")
        assert import_.rows % importing.CHUNK == 0
        assert import_.rows < ROWS
        stored = people(world)
        assert stored == import_.created == import_.rows
        page = signed_in_over(world, web.port, f"/imports/{import_.id}")
        assert "The disk of this LeaderSend is full, so the import waits." in page
        # What does not fit is refused in words, and nothing of it stays.
        kept = files(world)
        refused = ask("POST", "/api/v1/imports", *upload(file, list_id), status=507)
        assert "The disk of this LeaderSend is full" in refused["detail"]
        assert files(world) == kept
        assert world.read(lambda: db.session.scalar(sa.select(sa.func.count(Import.id)))) == 1
        # Room is made; nobody starts anything again.
        filler.unlink()
        freed = time.monotonic()
        wait_until(lambda: people(world) > stored, seconds=60, what="the import to go on")
        seconds = time.monotonic() - freed
        wait_until(lambda: ask("GET", f"/api/v1/imports/{import_.id}")["state"] == "finished",
                   seconds=60, what="the import")  # fmt: skip
        done = ask("GET", f"/api/v1/imports/{import_.id}")
        assert (done["rows"], done["created"], done["rejected"]) == (ROWS, ROWS, 0)
        assert people(world) == ROWS
        assert ask("POST", "/api/v1/imports", *upload(file, list_id))["state"] == "queued"
        assert crew.process.poll() is None
        note_import(world, row, list_id, seconds)


def note_import(world: World, row: Add, list_id: int, seconds: float) -> None:
    """A row of the table for people instead of mails: each once, none missing."""
    query = sa.select(sa.func.count(Subscription.contact_id)).where(Subscription.list_id == list_id)
    on_list = world.read(lambda: db.session.scalar(query)) or 0
    row("F25", "import on a full disk; goes on when there is room",
        Sums(ROWS, Receipt(), ROWS - on_list, 0, 0, []), seconds=seconds)  # fmt: skip


def people(world: World) -> int:
    """How many of the file are contacts."""
    query = sa.select(sa.func.count(Contact.id))
    return world.read(lambda: db.session.scalar(query)) or 0


def files(world: World) -> list[str]:
    return sorted(path.name for path in (world.home / "uploads").iterdir())


def upload(file: str, list_id: int | None) -> tuple[str, str]:
    """(body, content type) of a form with a file."""
    parts = {"list": str(list_id), "basis": "They signed up in the shop."}
    body = "".join(
        f'--cut\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in parts.items()
    )
    body += '--cut\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n'
    body += f"Content-Type: text/csv\r\n\r\n{file}\r\n--cut--\r\n"
    return body, "multipart/form-data; boundary=cut"


def asking(world: World) -> Ask:
    """ask("GET", path) → the answer of the API over HTTP."""
    port, secret = world.webs[0].port, make_token(account_of(world))

    def ask(
        method: str, path: str, body: str = "", kind: str = "application/json", status: int = 0
    ) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        headers = {"Authorization": f"Bearer {secret}", "Content-Type": kind}
        connection.request(method, path, body or None, headers)
        response = connection.getresponse()
        said = response.read()
        connection.close()
        assert response.status == status or (not status and response.status < 300), said
        return json.loads(said)

    return ask


def give_back(path: Path, size: int) -> None:
    """Some room again."""
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - size)


def fill(path: Path) -> None:
    """Until not a byte more goes in."""
    with path.open("ab", buffering=0) as file:
        size = 1 << 16
        while size:
            try:
                file.write(b"\0" * size)
            except OSError:
                size //= 2
