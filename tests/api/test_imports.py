from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from werkzeug.datastructures import FileStorage
from werkzeug.test import TestResponse, stream_encode_multipart

from app.api import showing
from app.contacts import jobs
from app.contacts.models import Import, ImportProblem
from app.core import queue_server
from app.core.db import db
from tests.api.conftest import Program
from tests.api.test_contacts import make_list
from tests.api.test_schema import matches

FILE = "\ufeffE-Mail,Vorname,City\r\nvera@example.com,Vera,Köln\r\nVERA@example.com,Vera,Köln\r\n"


def send(program: Program, content: str | bytes = FILE, **fields: Any) -> TestResponse:
    raw = content.encode() if isinstance(content, str) else content
    headers = fields.pop("headers", {})
    fields.setdefault("basis", "Asked at the counter.")
    data = {**fields, "file": (io.BytesIO(raw), "people.csv")}
    return program("POST", "/imports", data=data, headers=headers)


def test_a_file_is_taken_in_and_its_numbers_add_up(program: Program) -> None:
    news = make_list(program)
    program("POST", "/suppressions", {"email": "no@example.com"})

    answer = send(program, FILE + "no@example.com,No,\r\n\r\nnonsense,=1+1,\r\n", list=news)

    assert answer.status_code == 202
    assert answer.get_json()["state"] == "queued"
    import_id = answer.get_json()["id"]
    assert queue_server.client().exists(f"rq:job:import-{import_id}-0")
    jobs.run_import(import_id)
    db.session.expire_all()
    done = program("GET", f"/imports/{import_id}").get_json()
    assert done["state"] == "finished"
    assert (done["rows"], done["created"], done["suppressed"], done["rejected"]) == (4, 1, 1, 1)
    assert done["updated"] + done["unchanged"] == 1
    assert matches(done, "ImportOut") == {}
    text = program("GET", f"/imports/{import_id}/rejected").get_data(as_text=True)
    rows = list(csv.reader(io.StringIO(text.lstrip("\ufeff"))))
    assert rows[0] == ["row", "content", "reason"]
    assert len(rows) == 2
    assert "nonsense" in rows[1][1]
    contacts = program("GET", "/contacts", query_string={"list": news}).get_json()["items"]
    assert [contact["first_name"] for contact in contacts] == ["Vera"]


def test_columns_can_be_named(program: Program) -> None:
    news = make_list(program)
    mapping = json.dumps({"a": "email", "b": "last_name"})

    answer = send(program, "a,b\nvera@example.com,Viewer\n", list=news, mapping=mapping)

    jobs.run_import(answer.get_json()["id"])
    (contact,) = program("GET", "/contacts").get_json()["items"]
    assert contact["last_name"] == "Viewer"


def test_a_column_can_keep_what_is_known(program: Program) -> None:
    news = make_list(program)
    mapping = json.dumps({"b": {"to": "last_name", "keep": True}, "c": {"keep": True}, "d": None})

    answer = send(program, "mail,b,c,d\nvera@example.com,V,x,y\n", list=news, mapping=mapping)

    assert answer.get_json()["mapping"]["columns"] == [
        {"name": "mail", "to": "email"}, {"name": "b", "to": "last_name", "keep": True},
        {"name": "c", "to": "new:c", "keep": True}, {"name": "d", "to": "skip"},
    ]  # fmt: skip
    wrong = json.dumps({"b": {"to": "last_name", "keep": "perhaps"}})
    refused = send(program, "mail,b\nvera@example.com,V\n", list=news, mapping=wrong)
    assert "mapping" in refused.get_json()["errors"]


def test_two_columns_cannot_both_be_the_address(program: Program) -> None:
    news = make_list(program)
    mapping = json.dumps({"Email": "email", "Work": "email"})

    answer = send(program, "Email,Work\nv@b.example,v@w.example\n", list=news, mapping=mapping)

    assert answer.status_code == 422
    assert "exactly one" in answer.get_json()["errors"]["mapping"][0]


def test_what_cannot_be_read_is_refused_at_once(program: Program) -> None:
    news = make_list(program)

    assert send(program, b"PK\x03\x04" + bytes(50), list=news).status_code == 422
    assert send(program, "", list=news).status_code == 422
    assert send(program, "no address\n1\n", list=news).status_code == 422
    assert db.session.scalar(sa.select(sa.func.count(Import.id))) == 0


def test_missing_parts_are_named(program: Program, strange_program: Program) -> None:
    news = make_list(program)

    errors = send(program, basis="").get_json()["errors"]
    no_file = program("POST", "/imports", data={"list": news, "basis": "x"},
                      content_type="multipart/form-data")  # fmt: skip

    assert set(errors) == {"list", "basis"}
    assert "file" in no_file.get_json()["errors"]
    assert send(program, list=news, mapping="[1]").get_json()["errors"]["mapping"]
    assert send(program, list=news, mapping='{"Nope": "email"}').get_json()["errors"]["mapping"]
    assert send(program, list=news, mode="replace").get_json()["errors"]["mode"]
    assert send(strange_program, list=news).status_code == 422
    assert program("POST", "/imports", {"list": news}).status_code == 415


def test_a_repeated_upload_is_one_import(program: Program) -> None:
    news, key = make_list(program), {"Idempotency-Key": "file-1"}

    first = send(program, list=news, headers=key)
    second = send(program, list=news, headers=key)
    other = send(program, FILE + "bob@example.com,Bob,\r\n", list=news, headers=key)

    assert first.get_json()["id"] == second.get_json()["id"]
    assert other.status_code == 422
    assert db.session.scalar(sa.select(sa.func.count(Import.id))) == 1


def test_a_stranger_sees_no_import(program: Program, strange_program: Program) -> None:
    import_id = send(program, list=make_list(program)).get_json()["id"]

    assert strange_program("GET", f"/imports/{import_id}").status_code == 404
    assert strange_program("GET", f"/imports/{import_id}/rejected").status_code == 404


def test_a_large_file_waits_in_the_data_folder(
    program: Program, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    news = make_list(program)
    rows = "".join(f"person{n}@example.com,Vera,{'x' * 100}\r\n" for n in range(10_000))
    file = FileStorage(io.BytesIO((FILE + rows).encode()), "people.csv")
    fields = {"list": str(news), "basis": "Asked.", "file": file}
    body, length, edge = stream_encode_multipart(fields)
    raw, kind = body.read(length), f"multipart/form-data; boundary={edge}"
    body.close()
    monkeypatch.setattr("tempfile.tempdir", "/nowhere")

    answer = program("POST", "/imports", data=raw, content_type=kind)

    assert answer.status_code == 202, answer.get_json()
    stored = db.session.scalars(sa.select(Import.stored_as)).one()
    assert (home / "uploads" / stored).stat().st_size > 1_000_000


def test_rejected_rows_are_no_formulas_in_wide_letters_either() -> None:
    row = ImportProblem(row_number=2, row="\N{FULLWIDTH EQUALS SIGN}1+1", reason="No.")

    assert list(showing.rejected([row]))[1] == "2,'\N{FULLWIDTH EQUALS SIGN}1+1,No.\r\n"
