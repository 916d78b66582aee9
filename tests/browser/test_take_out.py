"""Out of one account and into another, in a browser."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from app.contacts.models import Contact
from app.core.db import db
from app.moving import taking_in, taking_out
from app.moving.models import Takein, Takeout
from tests.browser.looking import Onlooker
from tests.browser.test_pages import used_account
from tests.conftest import Person

pytestmark = pytest.mark.browser


def newest(model: type[Takein] | type[Takeout]) -> int:
    db.session.rollback()
    return db.session.execute(sa.select(sa.func.max(model.id))).scalar_one()


def people_of(person: Person) -> int:
    db.session.rollback()
    own = Contact.account_id == person.account.id
    return db.session.scalar(sa.select(sa.func.count()).where(own)) or 0


def test_moving_house(
    onlooker: Onlooker, sign_in: Callable[[Person], None], alice: Person, charlie: Person,
    tmp_path: Path,
) -> None:  # fmt: skip
    used_account(alice)
    before = people_of(charlie)
    sign_in(alice)
    page = onlooker.page
    page.goto(f"{onlooker.base_url}/settings/take-out")
    page.get_by_role("button", name="Make the file").click()
    page.get_by_text("written of about").wait_for()
    assert onlooker.look_at("/settings/take-out", "take-out busy") == []

    while taking_out.run(newest(Takeout)):
        pass
    page.get_by_role("link", name="Download the ZIP").wait_for()  # the page asked by itself
    assert onlooker.look_at("/settings/take-out", "take-out ready") == []
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Download the ZIP").click()
    file = tmp_path / "bakery.zip"
    waiting.value.save_as(file)

    sign_in(charlie)
    page.goto(f"{onlooker.base_url}/settings/take-out")
    page.get_by_role("link", name="Take in").click()
    page.get_by_label("The ZIP of a take-out").set_input_files(file)
    page.get_by_role("button", name="Upload and look").click()
    page.get_by_text("Nothing is changed yet").wait_for()
    url = page.url.removeprefix(onlooker.base_url)
    assert onlooker.look_at(url, "take-in looking") == []
    while taking_in.run(newest(Takein)):
        pass
    page.get_by_role("heading", name="What will happen").wait_for()
    assert onlooker.look_at(url, "take-in forecast") == []
    page.get_by_role("button", name="Take it in").click()
    page.get_by_text("It goes on when you close this page").wait_for()
    while taking_in.run(newest(Takein)):
        pass
    page.get_by_role("heading", name="What has happened").wait_for()
    assert onlooker.look_at(url, "take-in done") == []
    assert onlooker.look_at("/settings/take-in", "take-in list") == []
    assert people_of(charlie) == before + people_of(alice)
