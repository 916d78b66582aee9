"""The page of caught mail: who may look, and what a mail may do there."""

from __future__ import annotations

from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path

import pytest
from flask import Flask

from app.config import Config
from app.core import spool
from app.core.db import db, transaction
from app.staff import mailbox
from tests.conftest import Client, Person

PIXEL = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,"


@pytest.fixture
def folder(home: Path) -> Path:
    folder = home / "mail"
    mailbox.delete_all(folder)
    return folder


@pytest.fixture
def public_name(app: Flask, settings: Config) -> object:
    """The installation as people reach it from elsewhere."""
    app.config["SETTINGS"] = replace(settings, BASE_URL="https://news.example.com")
    yield
    app.config["SETTINGS"] = settings


def catch(folder: Path, *, to: str = "bob@bakery.example", subject: str = "Bread") -> str:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "alice@bakery.example", to, subject
    mail.set_content("Fresh at https://bakery.example/bread\n")
    mail.add_alternative("<h1>Fresh</h1><script>alert(1)</script><img src='cid:logo'>", "html")
    html = mail.get_payload()[1]
    html.add_related(PIXEL, "image", "gif", cid="<logo>")
    mail.add_attachment(b"a;b", "text", "csv", filename="prices.csv")
    return spool.write(folder, "b+1@mail.test", [to], mail.as_bytes(), durable=False).stem


def test_mails_are_listed_newest_first(client: Client, folder: Path) -> None:
    catch(folder, subject="Old")
    catch(folder, subject="Übermorgen")

    page = client.get("/mail").text

    assert page.index("Übermorgen") < page.index("Old")


def test_a_mail_is_found_by_recipient_and_by_subject(client: Client, folder: Path) -> None:
    catch(folder, to="bob@bakery.example", subject="Grüße")
    catch(folder, to="vera@bakery.example", subject="Cake")

    assert "Cake" not in client.get("/mail?query=BOB@").text
    assert "Cake" not in client.get("/mail?query=grüße").text
    assert "Grüße" in client.htmx("GET", "/mail?query=grüße").text


def test_pages_of_the_list_miss_and_repeat_nobody(client: Client, folder: Path) -> None:
    names = [catch(folder, subject=f"Mail {n}") for n in range(120)]

    seen, cursor = [], None
    while True:
        page = mailbox.page(folder, cursor=cursor)
        seen += [line.name for line in page.items]
        if not (cursor := page.older):
            break

    assert seen == names[::-1]


def test_html_is_shown_in_a_sandbox_without_scripts(client: Client, folder: Path) -> None:
    name = catch(folder)

    answer = client.get(f"/mail/{name}/html")

    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox allow-popups")
    assert "default-src 'none'" in policy
    assert "allow-scripts" not in policy
    assert "data:image/gif;base64," in answer.text


@pytest.mark.parametrize("view", ["page", "phone", "text", "headers", "source", "nonsense"])
def test_a_mail_can_be_looked_at_in_every_way(client: Client, folder: Path, view: str) -> None:
    name = catch(folder)

    answer = client.get(f"/mail/{name}?view={view}")

    assert answer.status_code == 200
    assert "<script>alert" not in answer.text


def test_attachments_and_the_whole_mail_come_as_downloads(client: Client, folder: Path) -> None:
    name = catch(folder)

    attachment = client.get(f"/mail/{name}/attachments/0")
    whole = client.get(f"/mail/{name}/file")

    assert attachment.data == b"a;b"
    assert "prices.csv" in attachment.headers["Content-Disposition"]
    assert whole.headers["Content-Type"] == "application/octet-stream"
    assert b"Subject: Bread" in whole.data


@pytest.mark.parametrize("name", ["..%2f..%2fsecret_key", "secret_key", "0" * 20 + "-0000000x"])
def test_only_names_of_mails_are_opened(client: Client, folder: Path, name: str) -> None:
    catch(folder)

    assert client.get(f"/mail/{name}").status_code == 404


def test_broken_mail_is_shown_as_far_as_it_goes(client: Client, folder: Path) -> None:
    raw = b"Subject: =?nonsense?q?x?=\r\nContent-Type: text/html; charset=nonsense\r\n\r\n\xff<b>x"
    name = spool.write(folder, "", ["a@example.com"], raw, durable=False).stem

    assert client.get("/mail").status_code == 200
    assert client.get(f"/mail/{name}?view=page").status_code == 200
    assert client.get(f"/mail/{name}/html").status_code == 200


def test_delete_all_empties_the_folder(client: Client, folder: Path) -> None:
    catch(folder)

    assert client.post("/mail/delete").status_code == 303
    assert spool.names(folder) == []


def test_a_stranger_is_asked_to_sign_in_where_the_address_is_public(
    client: Client, folder: Path, public_name: None
) -> None:
    assert client.get("/mail").status_code == 303


def test_members_do_not_see_it_but_staff_do(
    client: Client, alice: Person, folder: Path, public_name: None
) -> None:
    client.sign_in(alice)
    assert client.get("/mail").status_code == 404

    with transaction():
        db.session.merge(alice.member).staff_roles = ["support"]

    assert client.get("/mail").status_code == 200


def test_a_proxy_on_this_machine_is_not_this_machine(client: Client, folder: Path) -> None:
    answer = client.get("/mail", headers={"X-Forwarded-For": "203.0.113.9"})

    assert answer.status_code == 303


def test_without_the_catcher_there_is_no_page(app: Flask, settings: Config, client: Client) -> None:
    app.config["SETTINGS"] = replace(settings, CATCHER=False)
    try:
        assert client.get("/mail").status_code == 404
    finally:
        app.config["SETTINGS"] = settings
