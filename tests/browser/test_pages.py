"""Every page fits every screen, keeps to our own host, and axe has nothing to say."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from app.campaigns.models import Campaign
from app.core.db import db, transaction
from app.site import sampling
from tests.browser import pages
from tests.browser.looking import Onlooker
from tests.conftest import Person

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("path", pages.PUBLIC)
def test_the_public_site_is_in_order(onlooker: Onlooker, path: str) -> None:
    assert onlooker.look_at(path) == []


def test_what_is_not_there_says_so(onlooker: Onlooker) -> None:
    assert onlooker.look_at("/nothing-of-that-name", "error-404", status=404) == []


@pytest.mark.parametrize("path", pages.EMPTY_ACCOUNT)
def test_an_empty_account_is_in_order(
    onlooker: Onlooker, sign_in: Callable[[Person], None], alice: Person, path: str
) -> None:
    sign_in(alice)

    assert onlooker.look_at(path) == []


@pytest.mark.parametrize("path", pages.FULL_ACCOUNT)
def test_a_used_account_is_in_order(
    onlooker: Onlooker, sign_in: Callable[[Person], None], alice: Person, path: str
) -> None:
    with transaction():
        sampling.add(alice.account)
    newest = db.session.scalar(sa.select(sa.func.max(Campaign.id)))
    sign_in(alice)

    assert onlooker.look_at(path.format(campaign=newest), f"full {path}") == []
