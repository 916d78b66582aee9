"""The commands, as a person or a script calls them."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import tarfile
import zipfile
from contextlib import closing
from pathlib import Path

import pytest

from tests.ops.running import run, run_program
from tests.servers import PostgresServer

BOUNCE = b"""\
From: MAILER-DAEMON@mx.example
To: b+1@mail.example
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=x

--x
Content-Type: text/plain

Nobody of that name.
--x
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example

Final-Recipient: rfc822; bob@bakery.example
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 User unknown

--x--
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def create_account(home: Path, **settings: str) -> dict[str, object]:
    made = run(
        home, "account", "create", "--business", "Bäckerei", "--email", "alice@bakery.example",
        "--address", "1 High Street, 12345 Town", "--sender", "news@bakery.example", "--json",
        **settings,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    found: dict[str, object] = json.loads(made.stdout)
    return found


def ask(home: Path, statement: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(home / "leadersend.sqlite")) as connection:
        rows = connection.execute(statement).fetchall()
        connection.commit()
        return rows


def test_the_program_that_is_installed_says_what_it_did(home: Path) -> None:
    refused = run_program(home, "token", "create", "--account", "9")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == "leadersend: There is no account 9.\n"
    assert run_program(home, "doctor", "--json").stdout.startswith("{")


def test_an_account_can_be_made_on_an_empty_folder(home: Path) -> None:
    made = create_account(home)

    assert set(made) == {"account", "member", "set_password_url"}
    assert str(made["set_password_url"]).startswith("http://localhost:8000/password/")
    assert ask(home, "SELECT vouched, state, name FROM account") == [(1, "active", "Bäckerei")]
    assert ask(home, "SELECT confirmed_at IS NOT NULL FROM sender") == [(1,)]


def test_a_token_is_shown_once_and_kept_as_a_hash(home: Path) -> None:
    account = create_account(home)["account"]

    made = run(home, "token", "create", "--account", str(account), "--json")

    token = json.loads(made.stdout)["token"]
    (row,) = ask(home, "SELECT token_hash, scopes FROM api_token")
    assert token not in str(row)
    assert len(json.loads(str(row[1]))) > 5  # all scopes


def test_a_token_may_be_limited(home: Path) -> None:
    account = create_account(home)["account"]

    made = run(home, "token", "create", "--account", str(account), "--scope", "contacts:read")

    assert made.returncode == 0
    assert ask(home, "SELECT scopes FROM api_token") == [('["contacts:read"]',)]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["token", "create", "--account", "77"], "no account 77"),
        (["account", "create", "--business", "B", "--email", "nobody"], "--email nobody: The @"),
        (
            ["account", "create", "--business", "B", "--email", "v@example.com", "--sender", "no"],
            "--sender no: The @",
        ),
        (["account", "create", "--business", " ", "--email", "v@example.com"], "needs a name"),
        (["staff", "create", "--email", "v@example.com", "--role", "king"], "No such role"),
        (["restore", "/nowhere.tar.gz"], "no complete backup"),
        (["backup", "/nowhere/b.tar.gz"], "/nowhere: No such file"),
        (["bounce", "classify", "/nowhere.eml"], "No such file"),
    ],
)
def test_what_cannot_be_done_is_said_on_standard_error(
    home: Path, arguments: list[str], reason: str
) -> None:
    done = run(home, *arguments)

    assert done.returncode == 1
    assert reason in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_the_operators_provider_gets_an_address(home: Path) -> None:
    def webhook(*arguments: str, **more: str) -> object:
        made = run(home, "webhook", *arguments, "--json", BASE_URL="https://news.example", **more)
        assert made.returncode == 0, made.stderr
        return json.loads(made.stdout)

    made = webhook("create", "--provider", "mailgun")
    assert isinstance(made, dict)
    assert made["url"].startswith("https://news.example/hooks/")
    webhook("key", "--webhook", str(made["webhook"]), "--key", "signing-key-0123456789")
    (shown,) = webhook("list")  # type: ignore[misc]
    assert (shown["url"], shown["has_key"], shown["taken"]) == (made["url"], True, 0)
    assert "signing-key" not in json.dumps(shown)
    assert ask(home, "SELECT account_id, provider FROM report_hook") == [(None, "mailgun")]
    webhook("remove", "--webhook", str(made["webhook"]))
    assert webhook("list") == []


def test_a_wrong_key_or_provider_is_said(home: Path) -> None:
    for provider, key in (("pigeon", ""), ("ses", "no topic"), ("sendgrid", "SG.x")):
        failed = run(home, "webhook", "create", "--provider", provider, "--key", key)
        assert (failed.returncode, failed.stdout) == (1, ""), provider
        assert failed.stderr.startswith("leadersend: ")


def test_staff_have_their_roles(home: Path) -> None:
    made = run(home, "staff", "create", "--email", "vera@example.com", "--role", "support",
               "billing", "--json")  # fmt: skip

    assert json.loads(made.stdout)["roles"] == ["billing", "support"]


def test_who_lost_every_second_factor_gets_in_again(home: Path) -> None:
    create_account(home)
    ask(home, "INSERT INTO authenticator (member_id, sealed_secret, used_step, created_at, "
              "confirmed_at) SELECT id, 'x', 0, created_at, created_at FROM member")  # fmt: skip

    nobody = run(home, "sign-in", "reset", "--email", "nobody@bakery.example")
    done = run(home, "sign-in", "reset", "--email", "Alice@bakery.example", "--json")

    assert (nobody.returncode, done.returncode) == (1, 0), done.stderr
    assert "set_password_url" in json.loads(done.stdout)
    assert ask(home, "SELECT * FROM authenticator") == []


def test_bounces_are_classified_with_nothing_running(home: Path, tmp_path: Path) -> None:
    bounce, letter = tmp_path / "bounce.eml", tmp_path / "letter.eml"
    bounce.write_bytes(BOUNCE)
    letter.write_bytes(b"Subject: Hello\n\nHow are you?\n")

    done = run(home, "bounce", "classify", str(bounce), str(letter))

    first, second = (json.loads(line) for line in done.stdout.splitlines())
    assert first["file"] == str(bounce)
    (recipient,) = first["recipients"]
    assert set(recipient) == {"address", "verdict", "status", "reason"}
    assert recipient["address"] == "bob@bakery.example"
    assert recipient["verdict"] == "hard"
    assert recipient["status"] == "5.1.1"
    assert all(found["verdict"] == "none" for found in second["recipients"])


def test_a_backup_brings_everything_back(home: Path, tmp_path: Path) -> None:
    create_account(home)
    (home / "uploads").mkdir()
    (home / "uploads" / "people.csv").write_text("email\nbob@bakery.example\n")
    ask(home, CAMPAIGNS)
    file, other = tmp_path / "backup.tar.gz", tmp_path / "other"

    made = run(home, "backup", str(file), "--json")
    back = run(other, "restore", str(file), "--json")

    assert made.returncode == back.returncode == 0, made.stderr + back.stderr
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert (other / "secret_key").read_text() == (home / "secret_key").read_text()
    assert (other / "uploads" / "people.csv").exists()
    assert ask(other, "SELECT name FROM account") == [("Bäckerei",)]


CAMPAIGNS = """
    INSERT INTO campaign (account_id, name, state, version, subject, preheader, from_name,
        from_email, reply_to, format, body, text_body, tracking, is_sample, created_at,
        updated_at, pause_reason)
    SELECT 1, column1, column1, 1, '', '', '', '', '', 'html', '', '', 'none', 0, 'now', 'now', ''
    FROM (VALUES ('sending'), ('scheduled'), ('held'), ('sent'), ('draft'))
"""


def test_after_a_restore_no_campaign_goes_on_by_itself(home: Path, tmp_path: Path) -> None:
    create_account(home)
    ask(home, CAMPAIGNS)
    file, other = tmp_path / "backup.tar.gz", tmp_path / "other"
    run(home, "backup", str(file))

    back = run(other, "restore", str(file), "--json")

    assert json.loads(back.stdout)["waiting_campaigns"] == 3
    assert dict(ask(other, "SELECT name, state FROM campaign")) == {  # type: ignore[arg-type]
        "sending": "paused", "scheduled": "draft", "held": "draft", "sent": "sent",
        "draft": "draft",
    }  # fmt: skip
    assert ask(other, "SELECT count(*) FROM campaign WHERE pause_reason LIKE 'Restored%'") == [(1,)]


def test_a_restore_overwrites_only_when_told_to(home: Path, tmp_path: Path) -> None:
    create_account(home)
    file = tmp_path / "backup.tar.gz"
    run(home, "backup", str(file))
    ask(home, "UPDATE account SET name = 'Later'")

    refused = run(home, "restore", str(file))
    done = run(home, "restore", str(file), "--replace")

    assert refused.returncode == 1
    assert "--replace" in refused.stderr
    assert done.returncode == 0
    assert ask(home, "SELECT name FROM account") == [("Bäckerei",)]


def test_a_damaged_backup_changes_nothing(home: Path, tmp_path: Path) -> None:
    create_account(home)
    file = tmp_path / "backup.tar.gz"
    run(home, "backup", str(file))
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])

    done = run(home, "restore", str(file), "--replace")

    assert done.returncode == 1
    assert ask(home, "SELECT name FROM account") == [("Bäckerei",)]


def test_a_backup_cannot_write_outside_the_folder(home: Path, tmp_path: Path) -> None:
    create_account(home)
    file, evil = tmp_path / "backup.tar.gz", tmp_path / "evil.tar.gz"
    run(home, "backup", str(file))
    with tarfile.open(file) as good, tarfile.open(evil, "w:gz") as bad:
        for entry in good:
            bad.addfile(entry, good.extractfile(entry))
        bad.add(__file__, "home/../../escaped")

    done = run(tmp_path / "other", "restore", str(evil))

    assert done.returncode == 1
    assert not (tmp_path / "escaped").exists()


def test_backups_are_made_listed_fetched_and_brought_back_on_a_new_machine(
    home: Path, tmp_path: Path
) -> None:
    create_account(home)
    to = {"BACKUP_TO": str(tmp_path / "kept")}

    made = json.loads(run(home, "backups", "now", "--json", **to).stdout)
    listed = json.loads(run(home, "backups", "list", "--json", **to).stdout)["backups"]
    fetched = run(home, "backups", "fetch", made["name"], str(tmp_path / "b.age"), **to)
    other, key = tmp_path / "other", home / "backup_key"
    closed = run(other, "restore", str(tmp_path / "b.age"))
    back = run(other, "restore", str(tmp_path / "b.age"), "--key", str(key), "--json")
    confirmed = run(other, "restore", "--confirm", "--json")

    assert (made["state"], made["rehearsal"], made["words"]) == ("done", "good", [])
    assert [one["name"] for one in listed] == [made["name"]]
    assert fetched.returncode == 0, fetched.stderr
    assert closed.returncode == 1
    assert "--key" in closed.stderr
    assert back.returncode == 0, back.stderr
    assert "leadersend restore --confirm" in back.stderr
    assert json.loads(confirmed.stdout) == {"confirmed": 1}
    assert ask(other, "SELECT name FROM account") == [("Bäckerei",)]


def test_one_account_comes_back_beside_the_others(home: Path, tmp_path: Path) -> None:
    create_account(home)
    file = tmp_path / "backup.age"
    ask(home, "INSERT INTO contact (account_id, email, address, kind, kind_by, first_name, "
              "last_name, company, first_key, last_key, company_key, fields, notes, tracking_off, "
              "is_sample, created_at, updated_at) VALUES (1, 'bob@example.com', 'bob@example.com', "
              "'person', '', 'Bob', '', '', 'bob', '', '', '{}', '', 0, 0, "
              "'2026-11-24 12:00:00.000000', '2026-11-24 12:00:00.000000')")  # fmt: skip
    run(home, "backup", str(file), "--encrypt")
    ask(home, "DELETE FROM contact")
    ask(home, "UPDATE account SET name = 'Later'")

    back = run(home, "restore", str(file), "--account", "1", "--json")
    missing = run(home, "restore", str(file), "--account", "77")

    assert back.returncode == 0, back.stderr
    assert json.loads(back.stdout)["state"] == "finished"
    assert ask(home, "SELECT account_id, address, first_name FROM contact") == [
        (1, "bob@example.com", "Bob")
    ]
    assert missing.returncode == 1
    assert "no account 77 in this backup" in missing.stderr
    assert list(home.glob("backup-*")) == []


def test_backups_need_a_place(home: Path) -> None:
    refused = run(home, "backups", "now")

    assert refused.returncode == 1
    assert "BACKUP_TO" in refused.stderr


@pytest.fixture
def postgres_url(postgres: PostgresServer) -> str:
    return postgres.database("ops")


def test_postgresql_is_backed_up_too(
    home: Path, tmp_path: Path, postgres: PostgresServer, postgres_url: str
) -> None:
    create_account(home, DATABASE_URL=postgres_url)
    file = tmp_path / "backup.tar.gz"
    made = run(home, "backup", str(file), DATABASE_URL=postgres_url)
    empty = postgres.database("ops_restored")

    back = run(tmp_path / "other", "restore", str(file), DATABASE_URL=empty)

    assert made.returncode == back.returncode == 0, made.stderr + back.stderr
    again = run(tmp_path / "other", "token", "create", "--account", "1", DATABASE_URL=empty)
    assert again.returncode == 0, again.stderr


def test_doctor_says_what_is_wrong_and_hides_secrets(home: Path) -> None:
    create_account(home)
    (home / "secret_key").chmod(0o644)
    key = (home / "secret_key").read_text()

    done = run(
        home, "doctor", SMTP_URL="smtp://user:hunter2@127.0.0.1:9?tls=none",
        BASE_URL="https://news.bakery.example", BACKUP_TO=str(home.parent),
    )  # fmt: skip

    assert done.returncode == 1
    assert "Others may read" in done.stdout
    assert "chmod go=" in done.stdout
    assert "hunter2" not in done.stdout
    assert key not in done.stdout
    assert "queue server: cannot be reached" in done.stdout
    assert "TRUSTED_PROXIES: Everybody seems to come from the proxy" in done.stdout
    assert "BACKUP_TO: Backups lie on the disk of the data" in done.stdout


def test_an_open_folder_with_closed_files_is_a_warning(home: Path) -> None:
    home.mkdir(mode=0o755)
    create_account(home)

    found = json.loads(run(home, "doctor", "--json").stdout)["checks"]

    folder = [
        (check["state"], check["detail"]) for check in found if check["check"] == "data folder"
    ]
    assert [state for state, _ in folder] == ["ok", "warn"]
    assert "chmod 700" in folder[1][1]


def test_doctor_speaks_json(home: Path) -> None:
    done = run(home, "doctor", "--json")

    found = json.loads(done.stdout)
    assert found["well"] is False
    assert {check["check"] for check in found["checks"]} >= {
        "settings", "data folder", "disk", "database", "queue server", "relay", "workers",
    }  # fmt: skip


def test_settings_may_stand_in_the_data_folder(home: Path) -> None:
    home.mkdir(mode=0o700)
    (home / "leadersend.env").write_text("BASE_URL=https://news.example.com\n# a remark\n")

    assert str(create_account(home)["set_password_url"]).startswith("https://news.example.com/")


@pytest.mark.parametrize("secret", ["short", "a" * 64])
def test_a_weak_secret_is_refused(home: Path, secret: str) -> None:
    done = run(home, "up", SECRET_KEY=secret)

    assert done.returncode == 1
    assert "SECRET_KEY" in done.stderr
    assert "Traceback" not in done.stderr


def test_nothing_of_a_secret_is_readable_by_others(home: Path) -> None:
    create_account(home)

    for folder, _, names in os.walk(home):
        for name in names:
            if name in ("secret_key", "backup_key"):
                assert stat.S_IMODE((Path(folder) / name).stat().st_mode) == 0o600


def test_an_account_is_written_to_a_zip(home: Path, tmp_path: Path) -> None:
    account = create_account(home)["account"]
    file = tmp_path / "bakery.zip"

    made = run(home, "account", "export", "--account", str(account), str(file), "--json")

    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)["bytes"] == file.stat().st_size
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(tmp_path.glob(".*")) == []
    with zipfile.ZipFile(file) as found:
        assert json.loads(found.read("account.json"))["name"] == "Bäckerei"
    assert ask(home, "SELECT verb, about FROM audit_entry WHERE verb = 'takeout.start'") == [
        ("takeout.start", "by the operator")
    ]
    assert ask(home, "SELECT verb, kind, who, reference FROM staff_access") == [
        ("fetch", "takeout", "LeaderSend", "on the command line: account export")
    ]


def test_an_account_that_is_not_there_is_not_exported(home: Path, tmp_path: Path) -> None:
    made = run(home, "account", "export", "--account", "9", str(tmp_path / "none.zip"))

    assert made.returncode == 1
    assert "There is no account 9." in made.stderr
    assert not (tmp_path / "none.zip").exists()


def test_a_take_out_is_taken_in_elsewhere(home: Path, tmp_path: Path) -> None:
    account = create_account(home)["account"]
    file, other = tmp_path / "bakery.zip", tmp_path / "other"
    run(home, "account", "export", "--account", str(account), str(file))

    made = run(other, "account", "import", str(file), "--json")

    assert made.returncode == 0, made.stderr
    told = json.loads(made.stdout)
    assert told["state"] == "finished"
    assert told["set_password_url"].startswith("http")
    assert told["counts"]["senders"] == {"added": 1}
    assert ask(other, "SELECT name, address FROM account") == [
        ("Bäckerei", "1 High Street, 12345 Town")
    ]
    assert ask(other, "SELECT email FROM member") == [("alice@bakery.example",)]
    assert list((other / "takeins").iterdir()) == []


def test_what_is_no_take_out_is_not_taken_in(home: Path, tmp_path: Path) -> None:
    account = create_account(home)["account"]
    file = tmp_path / "people.csv"
    file.write_text("a@example.com")

    made = run(home, "account", "import", "--account", str(account), str(file))

    assert made.returncode == 1
    assert "This is no ZIP file" in made.stderr
