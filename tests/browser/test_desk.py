"""A question on its way: asked by form, answered at the desk, gone on by mail; and visits."""

from __future__ import annotations

from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path

import pytest
import sqlalchemy as sa
from playwright.sync_api import Browser, expect

from app.accounts.models import Notice
from app.analytics import queries, salting, taking, visits
from app.contacts import writing
from app.core import spool
from app.core.clock import now
from app.core.db import db, transaction
from app.desk import arriving
from app.desk import tickets as verbs
from app.desk.models import Ticket
from tests.browser.conftest import WebServer
from tests.browser.looking import Onlooker
from tests.conftest import Person

pytestmark = pytest.mark.browser
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture
def charlie(charlie: Person) -> Person:
    """Answers for the operator."""
    with transaction():
        charlie.member.staff_roles = ["support", "marketing", "service"]
    return charlie


def bring(home: Path, mail: EmailMessage) -> None:
    spool.write(home / "desk", str(mail["From"]), ["info@mail.test"], bytes(mail), durable=False)
    arriving.take_letters()
    db.session.rollback()


def test_from_the_form_to_the_thread(
    onlooker: Onlooker,
    sign_in: Callable[[Person], None],
    alice: Person,
    charlie: Person,
    home: Path,
) -> None:
    page = onlooker.page
    sign_in(alice)
    page.goto("/contact")
    page.get_by_label("Subject").fill("Where is my list?")
    page.get_by_label("Your question").fill("I uploaded it, and now I cannot see it.")
    page.get_by_role("button", name="Send").click()
    page.get_by_text("Your question is with").wait_for()
    reference = db.session.scalar(sa.select(Ticket.reference))
    assert page.get_by_text(f"#{reference}").is_visible()
    db.session.rollback()

    with transaction():
        for n, state in enumerate(("open", "waiting", "closed")):
            other = verbs.open_(
                email=f"somebody.with.a.very.long.name.{n}@a-very-long-domain-name.example",
                name="Somebody with a very long name indeed " * 3,
                text="word " * 60,
                purpose="billing",
            )
            verbs.change_state(other, state)
    sign_in(charlie)
    page.goto("/staff/desk")
    # The list is exchanged as one types; a click on what is about to go leads nowhere.
    with page.expect_response("**/staff/desk?*uploaded*"):
        page.get_by_label("with the words").fill("uploaded")
    expect(page.locator(".htmx-request, .htmx-swapping, .htmx-settling")).to_have_count(0)
    page.get_by_role("link", name="Where is my list?").click()
    page.get_by_label("Answer to alice@bakery.example").fill("Under Contacts, Lists.")
    page.get_by_role("button", name="Send the answer").click()
    page.get_by_text("The answer is on its way.").wait_for()

    answer = db.session.scalar(sa.select(Notice).where(Notice.kind == "ticket_answer"))
    assert answer is not None
    reply = EmailMessage()
    reply["From"], reply["Subject"] = "alice@bakery.example", f"Re: {answer.subject}"
    reply["In-Reply-To"] = answer.headers["Message-ID"]
    reply.set_content("Found it, thank you.\n\nOn Monday you wrote:\n> Under Contacts, Lists.\n")
    reply.add_attachment(b"\x89PNG\r\n\x1a\n0", maintype="image", subtype="png", filename="it.png")
    bring(home, reply)

    page.reload()
    texts = page.locator(".letter > .letter__text").all_inner_texts()
    assert [text.splitlines()[0] for text in texts] == [
        "I uploaded it, and now I cannot see it.", "Under Contacts, Lists.", "Found it, thank you.",
    ]  # fmt: skip
    with page.expect_download() as download:
        page.get_by_role("link", name="it.png").click()
    assert download.value.suggested_filename == "it.png"
    ticket = db.session.scalar(sa.select(Ticket.id).where(Ticket.reference == reference))
    assert onlooker.look_at(f"/staff/desk/{ticket}", "ticket") == []
    assert onlooker.look_at("/staff/desk?state=all", "desk") == []
    sign_in(alice)
    assert onlooker.look_at(f"/questions/{ticket}", "question") == []


def test_a_wish_to_leave_takes_one_press(
    onlooker: Onlooker,
    sign_in: Callable[[Person], None],
    alice: Person,
    charlie: Person,
    home: Path,
) -> None:
    for person in (alice, charlie):
        with transaction():
            writing.create(person.account, "may@example.com")
    wish = EmailMessage()
    wish["From"], wish["Subject"] = "May <may@example.com>", "unsubscribe"
    wish.set_content("I have had enough of cakes.")
    bring(home, wish)
    sign_in(charlie)

    assert onlooker.look_at("/staff/desk/wishes", "wishes") == []
    page = onlooker.page
    page.get_by_label("Bakery").check()
    page.get_by_role("button", name="End their mail and tell them").click()
    page.get_by_text("No more mail from: Bakery.").wait_for()
    assert page.get_by_text("Nobody waits").is_visible()


def test_visits_are_counted_by_the_dot_and_shown_to_marketing(
    browser: Browser,
    web: WebServer,
    onlooker: Onlooker,
    sign_in: Callable[[Person], None],
    charlie: Person,
) -> None:
    salting._salts.clear()
    visitor = browser.new_context(base_url=web.url, user_agent=FIREFOX, locale="en-GB")
    page = visitor.new_page()
    for path in ("/", "/help", "/register"):
        with page.expect_response(lambda answer: "/dot/" in answer.url) as got:
            page.goto(path)
        assert len(got.value.body()) == 43
        assert page.locator("img[data-dot]").get_attribute("alt") == ""
        page.wait_for_timeout(600)
    visitor.close()
    taking.take_views()
    found = queries.total("site", 7)
    assert (found.views, found.visits, found.bounces, found.clicks) == (3, 1, 0, 1)
    assert found.timed >= 2
    today = int(now().timestamp()) // visits.DAY_S
    sums = visits.Sums()
    for ago in range(1, 30):
        sums.add(
            visits.Page("site", "site.landing", today - ago),
            views=40 + ago * 3 % 17, visits=20 + ago % 9, bounces=9, fresh=15, seconds=900,
            timed=30,
        )  # fmt: skip
        sums.sources[visits.Page("site", "site.landing", today - ago), "blog.example"] = 5
    with transaction():
        taking._write(sums)
    sign_in(charlie)

    assert onlooker.look_at("/staff/visits", "visits") == []
