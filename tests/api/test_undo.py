from __future__ import annotations

from app.contacts import jobs
from app.core.db import db
from tests.api.conftest import Program
from tests.api.test_contacts import make_list
from tests.api.test_imports import send
from tests.api.test_schema import matches


def test_a_program_undoes_an_import(program: Program) -> None:
    import_id = send(program, list=make_list(program)).get_json()["id"]
    early = program("POST", f"/imports/{import_id}/undo")
    assert early.status_code == 409
    assert "not ended" in early.get_json()["detail"]
    jobs.run_import(import_id)

    answer = program("POST", f"/imports/{import_id}/undo")

    assert answer.status_code == 202
    assert answer.get_json()["state"] == "undoing"
    jobs.run_undo(import_id)
    db.session.expire_all()
    done = program("GET", f"/imports/{import_id}/undo").get_json()
    assert matches(done, "UndoOut") == {}
    assert (done["state"], done["removed"], sum(done["left"].values())) == ("undone", 1, 0)
    assert program("GET", "/contacts").get_json()["items"] == []
    assert program("POST", f"/imports/{import_id}/undo").status_code == 409


def test_an_import_without_a_journal_has_no_undo(
    program: Program, strange_program: Program
) -> None:
    import_id = send(program, list=make_list(program)).get_json()["id"]

    assert program("GET", f"/imports/{import_id}/undo").status_code == 404
    assert strange_program("POST", f"/imports/{import_id}/undo").status_code == 404
