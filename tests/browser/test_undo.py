"""An import is watched to its end; the wrong file is undone: first in numbers, then for real."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from playwright.sync_api import Route

from app.contacts import importing, jobs, writing
from app.contacts.models import Contact, Import
from app.core.db import db, transaction
from tests.browser.looking import Onlooker
from tests.conftest import Person

pytestmark = pytest.mark.browser


def bring(alice: Person, content: str) -> Import:
    import_ = importing.stage(
        alice.account, io.BytesIO(content.encode()), "wrong file.csv", basis="At the counter"
    )
    jobs.run_import(import_.id)
    return import_


def test_a_page_that_waits_goes_on_when_the_server_is_back(
    onlooker: Onlooker, sign_in: Callable[[Person], None], alice: Person
) -> None:
    import_ = importing.stage(
        alice.account, io.BytesIO(b"email\nvera@example.com\n"), "people.csv", basis="Counter"
    )
    sign_in(alice)
    page, answers = onlooker.page, ["no answer", "a proxy's page", "too busy"]
    page.clock.install()

    def answer(route: Route) -> None:
        match answers.pop(0) if answers else "":
            case "no answer":
                route.abort()
            case "a proxy's page":
                route.fulfill(status=502, body="<h1>Bad Gateway</h1>", content_type="text/html")
            case "too busy":
                route.fulfill(status=503, headers={"HX-Reswap": "none"}, body="")
            case _:
                route.continue_()

    page.route("**/progress", answer)
    page.goto(f"/imports/{import_.id}")
    while answers:
        with page.expect_event("requestfinished" if len(answers) < 3 else "requestfailed"):
            page.clock.run_for(5_000)
        page.get_by_text("The server does not answer right now").wait_for()
        assert page.get_by_text("Bad Gateway").count() == 0
    jobs.run_import(import_.id)
    page.clock.run_for(5_000)
    page.get_by_text("See the people").wait_for()
    assert page.get_by_text("The server does not answer right now").count() == 0


def test_an_import_is_undone_by_clicking(
    onlooker: Onlooker, sign_in: Callable[[Person], None], alice: Person
) -> None:
    bring(alice, "email,first name\nvera@example.com,Vera\n")
    people = "".join(f"p{n}@example.com,P{n}\n" for n in range(12))
    import_ = bring(alice, f"email,first name\nvera@example.com,Wrong\n{people}")
    with transaction():
        changed = sa.select(Contact).where(Contact.address == "p3@example.com")
        writing.update(db.session.scalars(changed).one(), first_name="By hand")
    sign_in(alice)
    page, here = onlooker.page, f"/imports/{import_.id}"

    faults = onlooker.look_at(here, "import-undo-offer")
    page.get_by_role("button", name="Undo this import").click()
    page.get_by_text("Looking at each person").wait_for()
    faults += onlooker.check("counting")
    jobs.run_undo(import_.id)
    page.get_by_text("What would change").wait_for()
    faults += onlooker.look_at(f"{here}/undo", "import-undo-counted")
    text = page.locator("main").inner_text()
    assert "11 people whom this import brought" in text
    assert "1 person was changed by you since" in text

    page.get_by_role("button", name="Undo: remove 11, put back 1").click()
    page.get_by_text("Being undone").wait_for()
    jobs.run_undo(import_.id)
    page.get_by_text("This import was undone").wait_for()
    faults += onlooker.look_at(f"{here}/undo", "import-undone")
    faults += onlooker.look_at("/imports", "imports-undone")
    assert page.locator("main").get_by_text("Undone", exact=True).count() == 1

    db.session.rollback()
    left = db.session.execute(sa.select(Contact.address, Contact.first_name)).all()
    assert sorted(tuple(row) for row in left) == [
        ("p3@example.com", "By hand"), ("vera@example.com", "Vera"),
    ]  # fmt: skip
    assert faults == []
