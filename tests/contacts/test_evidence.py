"""Evidence of one person: complete, checkable by others, and only for those who may see it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import pytest

from app.config import CHECKOUT
from app.contacts import chaining, consent, erasing, evidence, lists, paper, verifying, writing
from app.contacts.models import ConsentCheck, Contact
from app.core.db import db, transaction
from app.privacy import publishing
from tests.api.conftest import Program, program  # noqa: F401  # a fixture
from tests.conftest import Client, Person
from tests.contacts.test_ledger import Tamper, tamper  # noqa: F401  # a fixture

WORDING = "Yes, send me the “weekly” offers <b>, Привет"


@pytest.fixture
def ann(alice: Person) -> Contact:
    publishing.current()
    with transaction():
        news = lists.create(alice.account, "News")
        for number in range(7):
            other = writing.create(alice.account, f"other{number}@example.com")
            consent.subscribe(other, news, source="hand")
        ann = writing.create(alice.account, "Ann@Example.com", first_name="Ann", last_name="Ames")
        consent.subscribe(
            ann, news, source="form", wording=WORDING,
            evidence={"network": "192.0.2.0/24", "page": "https://bakery.example/join"},
        )  # fmt: skip
        consent.leave_list(ann, news, source="link", evidence={"campaign": 3})
    return ann


@pytest.fixture
def sealed(ann: Contact, alice: Person, monkeypatch: pytest.MonkeyPatch) -> Contact:
    monkeypatch.setattr(chaining, "BLOCK", 6)
    chaining.seal(alice.account.id)
    return ann


def check(document: Any, folder: Path, *more: str) -> tuple[int, str]:
    """By the program that knows nothing of LeaderSend."""
    path = folder / "evidence.json"
    path.write_text(json.dumps(document))
    done = subprocess.run(  # noqa: S603
        [sys.executable, str(CHECKOUT / "tools" / "verify_evidence.py"), str(path), *more],
        capture_output=True, text=True, check=False, timeout=30,
    )  # fmt: skip
    return done.returncode, done.stdout


def test_it_says_who_when_how_and_with_which_words(sealed: Contact, alice: Person) -> None:
    found = evidence.of(alice.account, sealed)

    first, second = found["entries"]
    assert (first["address"], first["list"], first["wording"]) == (
        "ann@example.com",
        "News",
        WORDING,
    )
    assert first["details"] == {"network": "192.0.2.0/24", "page": "https://bakery.example/join"}
    assert (first["kind"], second["kind"]) == ("asked", "withdrawn")
    assert first["policy_version"] == 1
    assert found["business"] == "Bakery"


def test_others_can_check_it_without_the_key(
    sealed: Contact, alice: Person, tmp_path: Path
) -> None:
    found = evidence.of(alice.account, sealed)

    assert check(found, tmp_path)[0] == 0
    assert check(found, tmp_path, "--head", found["head"])[0] == 0
    assert check(found, tmp_path, "--head", "0" * 64)[0] == 1
    assert verifying.holds(alice.account.id, found["entries"][0]["proof"]["seal"]["hash"])


@pytest.mark.parametrize(
    "path",
    ["wording", "address", "at", "list", "kind", "proof.personal", "proof.public", "proof.leaf",
     "proof.salt", "proof.seal.root", "proof.seal.hash", "proof.seal.before", "proof.seal.at"],
)  # fmt: skip
def test_whatever_is_altered_in_the_file_is_noticed(
    sealed: Contact, alice: Person, tmp_path: Path, path: str
) -> None:
    found: Any = evidence.of(alice.account, sealed)
    *way, last = path.split(".")
    target = found["entries"][0]
    for name in way:
        target = target[name]
    old = target[last]
    target[last] = old.replace("a", "b").replace("1", "2").replace("e", "f") + ("x" * (old == ""))
    if last in ("personal", "public"):
        target[last] = old.replace("ann@", "eve@").replace('"source":"form"', '"source":"hand"')

    code, told = check(found, tmp_path)

    assert target[last] != old
    assert code == 1
    assert told.count("as it was recorded and sealed") == 1


def test_a_proof_taken_from_another_person_does_not_fit(
    sealed: Contact, alice: Person, tmp_path: Path
) -> None:
    other = db.session.query(Contact).filter_by(address="other1@example.com").one()
    mine: Any = evidence.of(alice.account, sealed)
    mine["entries"][0]["proof"] = evidence.of(alice.account, other)["entries"][0]["proof"]

    assert check(mine, tmp_path)[0] == 1


def test_what_was_just_recorded_waits_for_its_seal(
    ann: Contact, alice: Person, tmp_path: Path
) -> None:
    found = evidence.of(alice.account, ann)

    assert [entry["proof"] for entry in found["entries"]] == [None, None]
    assert "not sealed yet" in check(found, tmp_path)[1]


def test_evidence_still_holds_when_others_were_erased(
    sealed: Contact, alice: Person, tmp_path: Path
) -> None:
    others = db.session.query(Contact.id).filter(Contact.id != sealed.id).all()
    with transaction():
        erasing.erase_many(alice.account.id, [row.id for row in others], by="owner")

    assert check(evidence.of(alice.account, sealed), tmp_path)[0] == 0


def test_the_paper_holds_the_same_for_a_program(sealed: Contact, alice: Person) -> None:
    found = evidence.of(alice.account, sealed)

    raw = paper.pdf(found)

    assert raw.startswith(b"%PDF-")
    attached = [json.loads(one) for one in _streams(raw) if one.startswith(b'{\n  "format"')]
    assert attached == [found]


def test_the_paper_takes_any_letters(sealed: Contact, alice: Person) -> None:
    found: Any = evidence.of(alice.account, sealed)
    found["name"] = "سلام \u200f王芳 \x00\x1b 👩‍🍞 " + "x" * 300
    found["entries"][0]["wording"] = "שלום\n" * 200
    found["entries"][0]["details"] = {"page": "https://example.com/" + "y" * 2000}

    assert paper.pdf(found).startswith(b"%PDF-")


def _streams(raw: bytes) -> list[bytes]:
    found = []
    for match in re.finditer(rb"stream\r?\n(.*?)\r?\nendstream", raw, re.DOTALL):
        try:
            found.append(zlib.decompress(match[1]))
        except zlib.error:
            found.append(match[1])
    return found


def test_editors_download_it_from_the_persons_page(
    client: Client, alice: Person, sealed: Contact
) -> None:
    client.sign_in(alice)
    page = client.get(f"/contacts/{sealed.id}").text

    for kind in ("pdf", "json"):
        url = f"/contacts/{sealed.id}/evidence.{kind}"
        answer = client.get(url)
        assert url in page
        assert answer.status_code == 200
        assert "attachment" in answer.headers["Content-Disposition"]
        assert answer.headers["Cache-Control"] == "no-store"
    assert client.get(f"/contacts/{sealed.id}/evidence.json").get_json()["address"] == sealed.email


def test_strangers_and_who_only_looks_do_not_get_it(
    client: Client, vera: Person, charlie: Person, sealed: Contact
) -> None:
    client.sign_in(vera)
    assert client.get(f"/contacts/{sealed.id}/evidence.pdf").status_code == 403
    client.sign_in(charlie)
    assert client.get(f"/contacts/{sealed.id}/evidence.pdf").status_code == 404


def test_programs_get_the_same(
    program: Program,  # noqa: F811
    alice: Person,
    sealed: Contact,
    tmp_path: Path,
) -> None:
    answer = program("GET", f"/contacts/{sealed.id}/consents")

    assert answer.status_code == 200
    assert check(answer.get_json(), tmp_path)[0] == 0
    assert program("GET", f"/contacts/{sealed.id + 99}/consents").status_code == 404


def test_the_page_of_the_record_verifies(client: Client, alice: Person, sealed: Contact) -> None:
    client.sign_in(alice)
    head = chaining.head(alice.account.id).hash

    before = client.get("/settings/consents/record").text
    pressed = client.post("/settings/consents/record/verify")
    after = client.get("/settings/consents/record").text

    assert "9 entries sealed" in before
    assert head in before
    assert pressed.status_code == 303
    assert "9 entries as they were sealed" in after


def test_the_page_names_what_is_broken(
    client: Client,
    alice: Person,
    sealed: Contact,
    tamper: Tamper,  # noqa: F811
) -> None:
    client.sign_in(alice)
    tamper("UPDATE consent SET wording = 'x' WHERE contact_id = :id", id=sealed.id)

    client.post("/settings/consents/record/verify")

    page = client.get("/settings/consents/record").text
    assert "was altered after it was sealed." in page


def test_a_long_record_is_verified_in_the_background(
    client: Client, alice: Person, sealed: Contact, monkeypatch: pytest.MonkeyPatch
) -> None:
    from app.contacts import jobs

    monkeypatch.setattr(verifying, "AT_ONCE", 5)
    client.sign_in(alice)

    client.post("/settings/consents/record/verify")
    waiting = client.get("/settings/consents/record/state").text
    jobs.keep_ledger()
    db.session.expire_all()

    assert "hx-trigger" in waiting
    assert "hx-trigger" not in client.get("/settings/consents/record/state").text
    assert db.session.get_one(ConsentCheck, alice.account.id).entries == 9


def test_who_only_looks_sees_the_record_and_cannot_start_anything(
    client: Client, vera: Person, sealed: Contact
) -> None:
    client.sign_in(vera)

    assert "Verify now" not in client.get("/settings/consents/record").text
    assert client.post("/settings/consents/record/verify").status_code == 403
