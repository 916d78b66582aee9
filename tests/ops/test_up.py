"""`leadersend up` with real processes: it starts, mends and ends everything."""

from __future__ import annotations

import re
import shutil
import signal
import smtplib
import socket
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from app.core import spool
from tests.ops.running import PROGRAM, Running, alive, run
from tests.servers import PostgresServer, QueueServer, free_port, wait_until

pytestmark = pytest.mark.flow


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with Running(tmp_path_factory.mktemp("up") / "home") as running:
        yield running


def test_it_says_where_to_go(running: Running) -> None:
    said = running.log.read_text()

    assert f"http://localhost:{running.port}/mail" in said
    assert re.search(rf"http://localhost:{running.port}/password/\S{{20,}}", said)
    assert running.answers("/mail")


def test_the_data_folder_is_for_its_owner_alone(running: Running) -> None:
    for path in (running.home, running.home / "secret_key", running.home / "leadersend.sqlite"):
        assert path.stat().st_mode & 0o077 == 0, path


def test_doctor_finds_all_well_beside_it(running: Running) -> None:
    # Without being told the ports: it finds those that were chosen.
    wait_until(lambda: run(running.home, "doctor").returncode == 0, what="a sign of life")

    assert "All is well" in run(running.home, "doctor").stdout


def test_a_second_one_on_the_same_folder_is_refused(running: Running) -> None:
    again = run(running.home, "up", PORT=str(free_port()), INBOUND=f"127.0.0.1:{free_port()}")

    assert again.returncode == 1
    assert "already runs" in again.stderr
    assert running.answers()


@pytest.mark.parametrize("word", ["valkey-server", "app.ops.catcher", "granian", "worker.py"])
def test_a_part_that_is_killed_is_started_again(running: Running, word: str) -> None:
    victim = running.part(word)
    assert victim is not None
    family = [victim, *victim.children(recursive=True)]

    victim.kill()

    wait_until(lambda: running.part(word) not in (None, victim), what=f"another {word}")
    wait_until(running.answers, what="the web server")
    wait_until(
        lambda: not any(alive(process) for process in family), what="the old ones to be gone"
    )
    wait_until(lambda: run(running.home, "doctor").returncode == 0, seconds=60, what="a doctor")
    running.tree = [*running.tree, *running.parts()]


def test_a_killed_worker_process_is_forked_again(running: Running) -> None:
    crew = running.part("worker.py")
    assert crew is not None
    wait_until(lambda: len(crew.children()) == 2, what="a worker and a tick")
    victim = crew.children()[0]

    victim.kill()

    wait_until(
        lambda: len(crew.children()) == 2 and victim not in crew.children(), what="a new worker"
    )


def test_mail_is_caught_and_shown(running: Running) -> None:
    with smtplib.SMTP("127.0.0.1", running.mail_port) as smtp:
        smtp.sendmail("a@example.com", ["bob@bakery.example"], "Subject: Caught\r\n\r\nHello\r\n")

    names = spool.names(running.home / "mail")
    assert running.answers(f"/mail/{names[-1]}")


def test_sigterm_ends_everything(tmp_path: Path) -> None:
    with Running(tmp_path / "home") as running:
        took = running.stop(signal.SIGTERM)

        assert took < 20
        assert running.process.returncode == 0
        assert running.left_behind() == []


def test_ctrl_c_ends_it_and_a_second_start_finds_everything(tmp_path: Path) -> None:
    with Running(tmp_path / "home") as running:
        made = run(running.home, "account", "create", "--business", "Bakery", "--email",
                   "alice@bakery.example", "--json")  # fmt: skip
        running.stop(signal.SIGINT)
        assert running.process.returncode == 0

        running.start()

        again = run(running.home, "token", "create", "--account", "2", "--json")
        assert made.returncode == again.returncode == 0, made.stderr + again.stderr
        assert "/password/" in running.log.read_text()  # nobody has set it yet


def test_a_killed_supervisor_leaves_nobody_behind(tmp_path: Path) -> None:
    with Running(tmp_path / "home") as running:
        running.stop(signal.SIGKILL)

        wait_until(lambda: running.left_behind() == [], what="children to follow")


def test_ports_that_nobody_set_are_the_next_free_ones(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind(("127.0.0.1", 8000))
            taken.listen()
        except OSError:
            pass  # somebody else has it: just as well
        with Running(tmp_path / "home", PORT="", INBOUND="") as running:
            found = re.search(r"Open +http://localhost:(\d+)/", running.log.read_text())

            assert found
            assert int(found[1]) > 8000
            running.port = int(found[1])
            assert running.answers()


def test_a_port_that_was_set_and_is_taken_is_an_error(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()

        refused = run(tmp_path / "home", "up", PORT=str(taken.getsockname()[1]))

    assert refused.returncode == 1
    assert "in use" in refused.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [("PORT", "http"), ("INBOUND", "nowhere"), ("BASE_URL", "news"), ("WORKERS", "-1")],
)
def test_a_setting_that_cannot_work_is_named(tmp_path: Path, name: str, value: str) -> None:
    refused = run(tmp_path / "home", "up", **{name: value})

    assert refused.returncode == 1
    assert name in refused.stderr
    assert "Traceback" not in refused.stderr


def test_it_runs_on_postgresql(tmp_path: Path, postgres: PostgresServer) -> None:
    url = postgres.database("up")
    with Running(tmp_path / "home", DATABASE_URL=url) as running:
        assert running.answers()
        assert not (running.home / "leadersend.sqlite").exists()


def test_parts_run_alone_for_several_machines(
    tmp_path: Path, postgres: PostgresServer, queue: QueueServer
) -> None:
    shared = {"DATABASE_URL": postgres.database("parts"), "REDIS_URL": queue.url}
    made = run(tmp_path / "home", "account", "create", "--business", "B", "--email",
               "alice@bakery.example", **shared)  # fmt: skip
    assert made.returncode == 0, made.stderr

    with (
        Running(tmp_path / "a", command=(PROGRAM, "web"), **shared) as web,
        Running(tmp_path / "b", command=(PROGRAM, "worker"), **shared) as worker,
    ):
        assert web.answers("/healthz")
        assert "worker" in " ".join(psutil.Process(worker.process.pid).cmdline())


def test_a_folder_with_a_long_name_works(tmp_path: Path) -> None:
    home = tmp_path / ("long" * 30)
    with Running(home) as running:
        assert running.answers()


def test_a_given_queue_server_is_used(tmp_path: Path, queue: QueueServer) -> None:
    with Running(tmp_path / "home", REDIS_URL=queue.url) as running:
        words = [" ".join(part.cmdline()) for part in running.parts()]

        assert not any("valkey" in word for word in words)


@pytest.mark.parametrize("sig", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_signal_to_make_alone_ends_everything(tmp_path: Path, sig: signal.Signals) -> None:
    makefile = tmp_path / "Makefile"
    makefile.write_text(f"run:\n\t@exec {PROGRAM} up\n")
    make = [shutil.which("make") or "make", "-f", str(makefile), "run"]
    with Running(tmp_path / "home", command=make) as running:
        running.stop(sig)

        wait_until(lambda: running.left_behind() == [], seconds=20, what="everything to end")


def test_make_that_ignores_ctrl_c_is_no_reason_to_stop(tmp_path: Path) -> None:
    makefile = tmp_path / "Makefile"
    makefile.write_text(f"run:\n\t@exec {PROGRAM} up\n")
    make = ["/bin/sh", "-c", f"trap '' INT; exec make -f {makefile} run"]
    with Running(tmp_path / "home", command=make) as running:
        assert running.answers()
        assert running.process.poll() is None
