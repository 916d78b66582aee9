"""Long names, large numbers, right-to-left text and large letters fit on every page."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from app.campaigns.models import Campaign
from app.contacts import fields, writing
from app.contacts.models import Contact, ContactList, Headcount
from app.core.db import db, transaction
from app.delivery.models import Tally
from tests.browser import pages
from tests.browser.looking import WIDER_THAN_SCREEN, Onlooker
from tests.browser.test_pages import used_account
from tests.conftest import Person

pytestmark = pytest.mark.browser
SignIn = Callable[[Person], None]

LONG = "Verschwiegenheitserklärungsformularnachfrage"
ARABIC = "شكرا لكم جزيلا على زيارتكم"


def test_every_page_fits_with_letters_of_twice_the_size(
    onlooker: Onlooker, sign_in: SignIn, alice: Person
) -> None:
    known = used_account(alice)
    sign_in(alice)
    onlooker.page.set_viewport_size({"width": 640, "height": 900})

    wide = {path: excess(onlooker, path.format(**known), "200%") for path in every_page()}

    assert {path: px for path, px in wide.items() if px > 0} == {}


def test_every_page_fits_the_phone_when_everything_is_long(
    onlooker: Onlooker, sign_in: SignIn, alice: Person
) -> None:
    known = used_account(alice)
    make_everything_long(alice)
    sign_in(alice)
    onlooker.page.set_viewport_size({"width": 360, "height": 740})

    wide = {path: excess(onlooker, path.format(**known)) for path in every_page()}

    assert {path: px for path, px in wide.items() if px > 0} == {}


def every_page() -> list[str]:
    return list(dict.fromkeys([*pages.EMPTY_ACCOUNT, *pages.FULL_ACCOUNT]))


def excess(onlooker: Onlooker, path: str, size: str = "100%") -> int:
    page = onlooker.page
    page.goto(onlooker.base_url + path)
    page.evaluate("size => { document.documentElement.style.fontSize = size }", size)
    onlooker.take_picture(f"fitting {size} {path}", "phone", "light")
    return int(page.evaluate(WIDER_THAN_SCREEN))


def make_everything_long(person: Person) -> None:
    """Long words, seven digits, and text that runs the other way."""
    account = person.account
    with transaction():
        account.name = f"{LONG} {ARABIC}"
        fields.create(account.id, LONG)
        longest = db.session.scalar(sa.select(sa.func.min(Contact.id)))
        contact = db.session.get_one(Contact, longest)
        writing.update(
            contact, email=f"{'x' * 60}@{'sub.' * 12}example.com", first_name=ARABIC,
            last_name=LONG, company=LONG, tags=[LONG, ARABIC], notes=f"{LONG * 3} {ARABIC}",
        )  # fmt: skip
        db.session.execute(
            sa.update(Campaign).values(name=f"{LONG} " * 3, subject=f"{ARABIC} {LONG}")
        )
        db.session.execute(sa.update(ContactList).values(name=LONG * 2, active=1_234_567))
        db.session.execute(sa.update(Headcount).values(people=1_234_567))
        db.session.execute(sa.update(Tally).values(n=Tally.n * 10_001))
