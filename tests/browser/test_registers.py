"""A court asks for data: one enters it, another approves it, the customer hears of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from app.core.db import db
from app.privacy import disclosing, jobs
from tests.browser.looking import Onlooker
from tests.conftest import Person
from tests.privacy.conftest import staff_member

pytestmark = pytest.mark.browser
ORDER = {"name": "order.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7 order"}


def test_a_disclosure_takes_two_people_and_the_customer_sees_it(
    onlooker: Onlooker, sign_in: Callable[[Person], None], alice: Person
) -> None:
    page, looks = onlooker.page, onlooker
    sam = staff_member(alice, "sam@operator.example", "Sam Service", "service")
    sue = staff_member(alice, "sue@operator.example", "Sue Service", "service")
    sign_in(sam)
    page.goto(f"{looks.base_url}/staff/disclosures")
    page.locator("main").get_by_role("link", name="Enter one").first.click()
    page.get_by_label("Account", exact=True).fill("Bakery")
    page.get_by_label("Who gets the data").fill("District court of Town")
    page.get_by_label("Which data").fill("Names and addresses of the people who sign in.")
    page.get_by_label("What for").fill("A case about rent.")
    page.get_by_label("Order of a court").check()
    page.get_by_label("The consent or the order").set_input_files(ORDER)  # type: ignore[arg-type]
    assert looks.check("new disclosure") == []
    looks.take_picture("disclosure new", "desk", "light")
    page.get_by_role("button", name="Enter it for approval").click()
    page.get_by_text("You entered this, so somebody else decides.").wait_for()
    assert page.get_by_role("button", name="Approve").count() == 0

    sign_in(sue)
    (row,) = disclosing.latest()
    assert looks.look_at(f"/staff/disclosures/{row.id}", "disclosure to decide") == []
    with page.expect_download() as given:
        page.get_by_role("button", name="Download the document").click()
    assert given.value.path().read_bytes() == ORDER["buffer"]
    page.get_by_role("button", name="Approve").click()
    page.get_by_text("is told within seconds").wait_for()
    db.session.rollback()
    assert jobs.tell() == 1

    sign_in(alice)
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(f"{looks.base_url}/settings/data#disclosures")
    page.get_by_text("District court of Town").wait_for()
    looks.take_picture("disclosure customer", "phone", "light")
    page.get_by_role("link", name="Register of disclosures").click()
    page.get_by_text("No. 1: District court of Town").wait_for()
    assert looks.look_at("/privacy/registers", "registers") == []
