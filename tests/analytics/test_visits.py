"""Counting of public pages: what is counted, what never is, and that nobody is in the sums."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask

from app.analytics import marks, models, noting, queries, salting, taking, trackers, visits
from app.analytics.models import PageDay, PageLink, PageSource, PublicPage
from app.analytics.queries import Figures
from app.config import BadSetting, Config, load
from app.contacts.models import SignUpForm
from app.core import queue_server
from app.core.clock import now
from app.core.db import Base, db, transaction
from app.tracking.express import PIXEL
from tests.conftest import SECRET, Client, Person
from tests.servers import QueueServer, wait_until

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
SAFARI = "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) AppleWebKit/605.1 Version/17.5 Safari/605.1"


@pytest.fixture(autouse=True)
def fresh(app: Flask) -> None:
    salting._salts.clear()
    queue_server.ask_again()


def look(client: Client, path: str, *, agent: str = FIREFOX, **headers: str) -> str:
    """Open a page and load its dot, as a browser does; returns the dot's address without .gif."""
    given = {"User-Agent": agent, **headers}
    page = client.get(path, headers=given).text
    found = re.search(r'<img class="dot" src="(/dot/[^"]+)\.gif" alt="" width="1" height="1"', page)
    if not found:
        return ""
    client.get(f"{found[1]}.gif", headers={"User-Agent": agent})
    return found[1]


def site(days: int = 30) -> Figures:
    taking.take_views()
    return queries.total("site", days)


def test_the_dot_is_43_bytes_that_nobody_keeps(client: Client) -> None:
    address = look(client, "/")
    other = look(client, "/")

    answer = client.get(f"{address}.gif")
    assert answer.data == PIXEL
    assert len(answer.data) == 43
    assert answer.mimetype == "image/gif"
    assert "no-store" in answer.headers["Cache-Control"]
    assert "Set-Cookie" not in answer.headers
    assert address != other


def test_a_visit_is_views_with_no_long_pause_between(client: Client) -> None:
    look(client, "/")
    look(client, "/help")
    look(client, "/contact", agent=SAFARI)

    found = site()
    assert (found.views, found.visits, found.bounces, found.fresh) == (3, 2, 1, 2)
    popular = {line.key: line.figures.views for line in queries.pages("site", 30)}
    assert popular == {"site.landing": 1, "site.help_page": 1, "site.contact": 1}


def test_one_dot_counts_once(client: Client) -> None:
    address = look(client, "/")
    client.get(f"{address}.gif", headers={"User-Agent": FIREFOX})
    assert site().views == 1
    client.get(f"{address}.gif", headers={"User-Agent": FIREFOX})
    assert site().views == 1


@pytest.mark.parametrize("wish", [{"DNT": "1"}, {"Sec-GPC": "1"}, {"Sec-Purpose": "prefetch"}])
def test_who_asks_not_to_be_counted_gets_no_dot(client: Client, wish: dict[str, str]) -> None:
    assert look(client, "/", **wish) == ""


def test_programs_are_not_counted(client: Client) -> None:
    for agent in ("Googlebot/2.1 (+http://www.google.com/bot.html)", "curl/8.5", ""):
        look(client, "/", agent=agent)
    assert site().views == 0


def test_who_is_signed_in_is_no_visitor(client: Client, alice: Person) -> None:
    client.sign_in(alice)
    assert look(client, "/help") == ""


def test_time_is_told_by_the_page_or_by_the_next_one(client: Client) -> None:
    browser = {"User-Agent": FIREFOX}
    address = look(client, "/")
    assert client.post(f"{address}?t=40&n=0", headers=browser).status_code == 204
    client.post(f"{address}?t=40&n=0", headers=browser)  # the same once more
    client.post(f"{address}?t=20&n=1", headers=browser)  # in sight again
    assert (site().seconds, site().timed) == (60, 1)


def test_without_a_script_the_next_page_tells_the_time() -> None:
    known: dict[str, visits.Visit] = {}
    sums = visits.Sums()

    def view(key: str, at: int) -> None:
        visits.count(visits.View("view", "site", key, at, "v", at, 0, 0, ""), known, sums)

    view("a", 1000)
    view("b", 1030)
    # What the page itself tells a moment later is known already.
    visits.count(visits.View("time", "site", "a", 1000, "v", 1031, 30, 0, ""), known, sums)
    view("c", 1030 + visits.PAUSE_S + 1)

    counted = {page.key: dict(numbers) for page, numbers in sums.pages.items()}
    assert (counted["a"]["seconds"], counted["a"]["timed"]) == (30, 1)
    assert "seconds" not in counted["b"]
    # After a pause it is another visit, of somebody who was here today already.
    assert (counted["c"]["visits"], counted["c"]["fresh"]) == (1, 0)
    assert counted["a"]["bounces"] == 0


def test_what_a_page_leads_to(client: Client) -> None:
    browser = {"User-Agent": FIREFOX}
    look(client, "/", Referer="https://www.blog.example/a-post?secret=1")
    address = look(client, "/help")
    client.post(f"{address}?p=3", headers=browser)
    look(client, "/register")
    look(client, "/sent")
    taking.take_views()

    lines = {line.key: line.figures for line in queries.pages("site", 30)}
    assert lines["site.help_page"].clicks == 2  # a marked link, and on to the registration
    assert lines["site.landing"].signups == 1
    assert queries.places("site", ["site.help_page"], 30) == {"site.help_page": {3: 1}}
    assert queries.sources("site", 30) == [("blog.example", 1)]


def test_hosts_are_named_only_so_often(client: Client) -> None:
    with transaction():
        taking._write(_sums_with_hosts(80))
    assert db.session.scalar(sa.select(sa.func.count()).select_from(PageSource)) == 51
    assert db.session.scalar(sa.select(PageSource.visits).where(PageSource.host == "*")) == 30


def _sums_with_hosts(n: int) -> visits.Sums:
    sums = visits.Sums()
    page = visits.Page("site", "site.landing", int(time.time()) // visits.DAY_S)
    sums.add(page, views=n)
    for number in range(n):
        sums.sources[page, f"h{number}.example"] = 1
    return sums


def test_a_form_counts_its_views_and_who_sent_it_in(
    client: Client, alice: Person, charlie: Person
) -> None:
    with transaction():
        form = SignUpForm(account_id=alice.account.id, name="Cake news", slug="cakes", is_open=True)
        db.session.add(form)
        db.session.flush()
    address = marks.make("form", str(form.id), of=alice.account.id)
    done = marks.make("form", str(form.id), of=alice.account.id, is_sign_up=True)
    for mark in (address, done):
        client.get(f"/dot/{mark}.gif", headers={"User-Agent": FIREFOX})
    taking.take_views()

    client.sign_in(alice)
    page = client.get("/reports/pages").text
    assert "Cake news" in page
    assert "100.0 %" in page
    client.sign_in(charlie)
    assert "Cake news" not in client.get("/reports/pages").text


def test_counting_twice_counts_once(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    look(client, "/")
    monkeypatch.setattr(taking, "_remember", lambda *_: None)  # the taker dies after its commit
    taking.take_views()
    monkeypatch.undo()
    taking.take_views()

    assert queries.total("site", 30).views == 1
    assert queue_server.client().xlen(noting.STREAM) == 0


def test_while_the_queue_is_away_pages_answer(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_server, "_urls", ["redis://127.0.0.1:9"])
    monkeypatch.setattr(queue_server, "_clients", {})
    address = look(client, "/")
    assert client.get(f"{address}.gif").data == PIXEL
    assert taking.take_views() == 0


def test_no_row_can_be_joined_to_anybody() -> None:
    """S28: by the schema itself, not by what the code does today."""
    tables = [one.__table__ for one in (PublicPage, PageDay, PageSource, PageLink)]
    assert {one.__tablename__ for one in vars(models).values() if _is_table(one)} == {
        table.name for table in tables
    }
    columns = {f"{table.name}.{column.name}" for table in tables for column in table.columns}
    assert columns == {
        "public_page.id", "public_page.kind", "public_page.key",
        *(f"page_day.{name}" for name in ("page_id", "day", *visits.COUNTERS)),
        "page_source.page_id", "page_source.day", "page_source.host", "page_source.visits",
        "page_link.page_id", "page_link.day", "page_link.place", "page_link.clicks",
    }  # fmt: skip
    leads_to = {key.column.table.name for table in tables for key in table.foreign_keys}
    assert leads_to == {"public_page"}
    others = [table for table in Base.metadata.sorted_tables if table not in tables]
    assert not any(key.column.table in tables for table in others for key in table.foreign_keys)
    # Sums alone: a row is found by page and day (and host or place), never by a moment.
    for table in tables[1:]:
        assert not any(isinstance(column.type, sa.DateTime) for column in table.columns)


def _is_table(one: object) -> bool:
    return isinstance(one, type) and issubclass(one, Base) and hasattr(one, "__table__")


def test_nothing_of_the_visitor_gets_into_the_database(client: Client) -> None:
    look(client, "/", Referer="https://blog.example/who?me=vera@shop.example")
    visitor = salting.visitor("127.0.0.1", FIREFOX, scope="site 0")
    taking.take_views()

    db.session.rollback()
    rows = [
        tuple(row)
        for table in Base.metadata.sorted_tables
        for row in db.session.execute(sa.select(table))
    ]
    text = repr(rows)
    assert "blog.example" in text
    for secret in ("127.0.0.1", "Firefox", "vera@", "who?me", visitor):
        assert secret not in text


def test_the_salt_is_of_one_day_and_in_memory_alone(
    client: Client, settings: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    today = salting.visitor("192.0.2.7", FIREFOX, scope="site 0")
    salting._salts.clear()  # another process
    assert salting.visitor("192.0.2.7", FIREFOX, scope="site 0") == today
    name = f"{salting.KEY}{int(time.time()) // salting.DAY_S}"
    assert 0 < queue_server.client().ttl(name) <= salting.DAY_S
    secret = queue_server.client().get(name)
    assert isinstance(secret, bytes)
    for path in settings.LEADERSEND_HOME.rglob("*"):
        if path.is_file():
            assert secret not in path.read_bytes()

    tomorrow = time.time() + salting.DAY_S
    monkeypatch.setattr(salting.time, "time", lambda: tomorrow)
    assert salting.visitor("192.0.2.7", FIREFOX, scope="site 0") != today
    assert len(salting._salts) == 1
    assert salting.forget() is True
    assert salting.forget() is False  # once a day


def test_yesterdays_salt_is_not_on_the_disk_of_the_queue_server_either(
    client: Client, queue: QueueServer
) -> None:
    def lies_there(secret: bytes) -> bool:
        files = [path for path in queue.folder.rglob("*.aof") if path.is_file()]
        return any(secret in path.read_bytes() for path in files)

    secret = secrets.token_hex(32).encode()
    queue_server.client().set(f"{salting.KEY}1", secret, px=300)
    wait_until(lambda: lies_there(secret), what="the file of the queue server")
    time.sleep(0.4)  # midnight

    assert salting.forget() is True

    wait_until(lambda: not lies_there(secret), what="the file is written anew")


def test_made_up_marks_count_nothing(client: Client) -> None:
    assert client.get("/dot/abc.gif", headers={"User-Agent": FIREFOX}).data == PIXEL
    assert client.post("/dot/abc?t=3", headers={"User-Agent": FIREFOX}).status_code == 404
    assert taking.take_views() == 0


def test_old_sums_are_forgotten(app: Flask) -> None:
    old = visits.Page("site", "site.landing", int(time.time()) // visits.DAY_S - 1200)
    sums = visits.Sums()
    sums.add(old, views=1)
    with transaction():
        taking._write(sums)
    with transaction():
        assert taking.forget_old(now() - timedelta(days=3 * 365)) == 1


def test_the_page_of_figures_is_for_marketing(client: Client, alice: Person) -> None:
    look(client, "/", Referer="https://blog.example/")
    look(client, "/help")
    taking.take_views()
    client.sign_in(alice)
    assert client.get("/staff/visits").status_code == 404
    with transaction():
        alice.member.staff_roles = ["marketing"]

    page = client.get("/staff/visits?days=7").text

    for word in ("Visits", "Page views", "Bounce rate", "Time on a page", "New visits"):
        assert word in page
    assert "blog.example" in page
    assert "Start page" in page


@pytest.fixture
def tracked(app: Flask, settings: Config) -> Iterator[Config]:
    config = replace(
        settings, TRACKER_SCRIPT="https://count.example/s.js", TRACKER_NAME="Count Ltd",
        TRACKER_HOST="https://in.count.example", TRACKER_POLICY="https://count.example/privacy",
        TRACKER_DATA="domain=news.example;x y=1",
    )  # fmt: skip
    app.config["SETTINGS"] = config
    yield config
    app.config["SETTINGS"] = settings


def test_a_third_party_is_let_in_where_the_operator_wants_it(
    client: Client, tracked: Config
) -> None:
    answer = client.get("/")
    policy = answer.headers["Content-Security-Policy"]

    assert '<script defer src="https://count.example/s.js" data-domain="news.example">' in (
        answer.text
    )
    assert "script-src 'self' https://count.example;" in policy
    assert "connect-src 'self' https://count.example https://in.count.example" in policy
    (one,) = trackers.third_party_trackers(tracked)
    assert (one.name, one.host, one.policy) == (
        "Count Ltd", "in.count.example", "https://count.example/privacy",
    )  # fmt: skip
    declined = client.get("/", headers={"Sec-GPC": "1"})
    assert "count.example" not in declined.text + declined.headers["Content-Security-Policy"]
    assert "count.example" not in client.get("/sent").text


def test_without_one_nothing_of_the_kind_is_there(client: Client, settings: Config) -> None:
    assert trackers.third_party_trackers(settings) == []
    assert "script-src" not in client.get("/").headers["Content-Security-Policy"]


@pytest.mark.parametrize("bad", ["http://count.example/s.js", "https://a.example/x; img-src *"])
def test_a_script_that_cannot_stand_in_the_policy_is_refused(bad: str, settings: Config) -> None:
    given = {"LEADERSEND_HOME": str(settings.LEADERSEND_HOME), "SECRET_KEY": SECRET}
    with pytest.raises(BadSetting, match="TRACKER_"):
        load({**given, "TRACKER_SCRIPT": bad, "TRACKER_POLICY": "https://a.example/p"})
    with pytest.raises(BadSetting, match="TRACKER_POLICY"):
        load({**given, "TRACKER_SCRIPT": "https://a.example/s.js"})
