"""The list of accounts for staff."""

from __future__ import annotations

import pytest

from app.accounts.models import Account
from app.core.db import db, transaction
from app.staff import accounts
from tests.conftest import Client, Person


def test_it_is_there_for_staff_alone(client: Client, alice: Person, sam: Person) -> None:
    client.sign_in(alice)
    assert client.get("/staff/accounts").status_code == 404

    client.sign_in(sam)
    assert "Bakery" in client.get("/staff/accounts").text


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("bak", ["Bakery"]), ("BAKERY", ["Bakery"]), ("alice@bakery.example", ["Bakery"]),
        ("Alice@Bakery.example", ["Bakery"]), ("alice@", []), ("akery", []), ("#1", ["Bakery"]),
        ("älbäck", ["Älbäcks Café"]), ("9999999999999999999999", []),
    ],
)  # fmt: skip
def test_accounts_are_found(alice: Person, charlie: Person, text: str, found: list[str]) -> None:
    with transaction():
        db.session.add(Account(name="Älbäcks Café", state="active"))
    text = text.replace("#1", f"#{alice.account.id}")

    assert [one.name for one in accounts.search(text).items] == found


def test_every_account_is_on_one_page(alice: Person) -> None:
    with transaction():
        db.session.add_all(
            Account(name=f"Shop {n % 7}", state="active", barred=barred)
            for n, barred in enumerate(("", "sending", "access", "closing") * 30)
        )

    for text, state, expected in (
        ("", "", 121), ("shop", "", 120), ("", "suspended", 60), ("shop", "closing", 30),
        ("", "active", 31), ("", "pending", 0),
    ):  # fmt: skip
        seen, cursor = [], None
        while True:
            page = accounts.search(text, state=state, cursor=cursor)
            seen += [one.id for one in page.items]
            assert not state or {one.standing for one in page.items} <= {state}
            cursor = page.older
            if cursor is None:
                break
        assert len(seen) == len(set(seen)) == expected
