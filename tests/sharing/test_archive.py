"""Mails that everybody may read: who decides, what stands in them, how they are found and kept."""

from __future__ import annotations

import json
import re
from xml.etree import ElementTree

import pytest
import sqlalchemy as sa
from flask import Flask

from app.analytics import dots, queries, taking
from app.campaigns import checks, scheduling
from app.campaigns.archive import deciding
from app.campaigns.archive.deciding import Wishes
from app.campaigns.models import Archive, ArchivePage, Campaign
from app.contacts.models import FormVersion, SignUpForm
from app.contacts.signup.design import Design
from app.core.db import db, transaction
from app.delivery import rendering
from app.delivery.models import Link
from app.tracking import stopping
from app.trust import closing, suspending
from tests.analytics.test_visits import SAFARI
from tests.campaigns.conftest import draft, newsletter
from tests.conftest import Client, Person, at_once
from tests.sharing.conftest import Send

__all__ = ["draft", "newsletter"]
ATOM = "{http://www.w3.org/2005/Atom}"
PAGE = "/archive/bakery/fresh-bread"


def wishes(**values: object) -> Wishes:
    usual: dict[str, object] = {
        "slug": "bakery", "by_default": False, "is_listed": True, "is_indexed": True,
        "can_tell": True,
    }  # fmt: skip
    return Wishes(**{**usual, **values})  # type: ignore[arg-type]


def choose(person: Person, **values: object) -> Archive:
    with transaction():
        return deciding.change(person.account, wishes(**values))


@pytest.mark.parametrize(
    ("markdown", "is_short"),
    [
        ("We open on Sunday.", True),
        ("Rye, wheat and spelt. " * 30, False),
        ("![](https://bakery.example/loaf.jpg)", False),
    ],
)
def test_a_short_mail_has_a_small_frame(
    client: Client, send: Send, markdown: str, is_short: bool
) -> None:
    send("Fresh bread", body=markdown)

    assert ("archive__frame--short" in client.get(PAGE).text) == is_short


def test_what_the_owner_shows_has_a_readable_address(client: Client, send: Send) -> None:
    send("Frisches Brot für {{ contact.first_name }}, Café!")

    page = client.get("/archive/bakery/frisches-brot-fur-cafe")

    assert page.status_code == 200
    assert "Bakery, 1 High Street" in page.text
    page_of = deciding.page_of(send("Bread for {{ contact.first_name | default: 'you' }}"))
    assert page_of is not None
    assert page_of.slug == "bread-for-you"


def test_nothing_is_shown_before_the_owner_says_so(client: Client, send: Send) -> None:
    send(choice="")

    assert client.get(PAGE).status_code == 404
    assert client.get("/archive/bakery").status_code == 404


def test_the_first_decision_counts_once_however_many_press(
    whole_app: Flask, app: Flask, alice: Person, send: Send
) -> None:
    campaign_id = send().id
    with transaction():
        db.session.execute(sa.delete(ArchivePage))
        db.session.execute(sa.delete(Archive))
    db.session.rollback()

    def press() -> None:
        deciding.decide(db.session.get_one(Campaign, campaign_id), "yes")

    assert not at_once(whole_app, 3, press)
    assert db.session.scalars(sa.select(ArchivePage.slug)).all() == ["fresh-bread"]


def test_taking_down_works_at_once_and_says_so(client: Client, alice: Person, send: Send) -> None:
    campaign = send()
    etag = client.get(PAGE).headers["ETag"]
    client.sign_in(alice)

    client.post(f"/campaigns/{campaign.id}/archive", data={"choice": "no"})

    gone = client.get(PAGE, headers={"If-None-Match": etag})
    assert gone.status_code == 410
    assert "does not show this mail any more" in gone.text
    assert client.get(f"{PAGE}/mail").status_code == 410
    assert "Fresh bread" not in client.get("/archive/bakery").text


@pytest.mark.parametrize("stopped", ["host:bakery.example", "account", "link"])
def test_a_stopped_link_is_no_way_round_the_warning(
    client: Client, alice: Person, send: Send, stopped: str
) -> None:
    campaign = send()
    with transaction():
        link = Link(campaign_id=campaign.id, position=1, url="https://bakery.example/bread")
        db.session.add(link)
        db.session.flush()
        keys = {"account": f"account:{alice.account.id}", "link": f"link:{link.id}"}
        stopping.stop(keys.get(stopped, stopped), reason="It asked for passwords.", by_id=None)

    for path in ("", "/mail", "/tell", "/share/x"):
        answer = client.get(PAGE + path)
        assert answer.status_code == 410
        assert "It asked for passwords." in answer.text
    assert "bakery.example/bread" not in client.get("/archive/bakery/feed.json").text


@pytest.mark.parametrize("how", ["sending", "access", "closed"])
def test_an_account_that_is_shut_shows_nothing_until_that_is_over(
    client: Client, alice: Person, olga: Person, send: Send, how: str
) -> None:
    campaign = send()
    choose(alice, slug="baker")
    paths = ("/archive/baker", "/archive/baker/fresh-bread", PAGE, "/archive/baker/feed.atom")
    with transaction():
        if how == "closed":
            closing.begin(alice.account, alice.member, name="Bakery")
        else:
            suspending.suspend(alice.account, olga.member, kind=how, reason="Complaints.")

    for path in paths:
        answer = client.get(path, follow_redirects=True)
        assert answer.status_code == 404
        assert "Complaints" not in answer.text
    if how == "sending":
        client.sign_in(alice)
        owners = client.get(f"/campaigns/{campaign.id}/share").text
        assert "Closed while your account is suspended" in owners
        assert "Everybody can read it" not in owners
        assert "nobody can read your archive" in client.get("/settings/archive").text
        client.delete_cookie("leadersend")
    with transaction():
        if how == "closed":
            closing.undo(alice.account, alice.member)
        else:
            suspending.lift(suspending.in_force(alice.account)[0], olga.member)
    for path in paths:
        assert client.get(path, follow_redirects=True).status_code == 200


def test_the_copy_is_neutral(client: Client, send: Send) -> None:
    send(text_body="Dear {{ contact.first_name | default: 'reader' }}, {{ links.preferences }}")

    page, mail = client.get(PAGE).text, client.get(f"{PAGE}/mail").text

    assert "Hello friend" in mail
    assert 'href="https://bakery.example/bread?for="' in mail
    assert "Dear reader" in page
    for counted in ("/o/", "/c/", "/u/", "/p/", "/v/", "You get this because"):
        assert counted not in mail
        assert counted not in page
    assert 'href="http://localhost/archive/bakery"' in mail  # in place of leaving
    assert "Get the next one by mail" in mail
    ways = re.findall(r'href="http://localhost(/archive/bakery/[^"]+)"', mail)
    assert ways == [f"{PAGE}#share", f"{PAGE}/tell"]
    assert [client.get(way).status_code for way in ways] == [200, 200]
    assert 'id="share"' in page


def test_leaving_becomes_signing_up_where_there_is_a_form(
    client: Client, alice: Person, send: Send
) -> None:
    send()
    with transaction():
        form = SignUpForm(account_id=alice.account.id, name="F", slug="f-1", is_open=True)
        db.session.add(form)
        db.session.flush()
        db.session.add(
            FormVersion(
                form_id=form.id, number=1, account_id=alice.account.id, design=Design().to_json()
            )
        )

    assert 'href="http://localhost/f/f-1"' in client.get(f"{PAGE}/mail").text
    assert "Get it by mail" in client.get(PAGE).text


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<base href='//evil'>",
        "<meta http-equiv=refresh content='0;//evil'>", "<svg onload=alert(1)>",
    ],
)  # fmt: skip
def test_what_a_person_wrote_runs_nowhere(client: Client, send: Send, hostile: str) -> None:
    send(f"Hi {hostile}", format="html", body=f"<p>Hi</p>{hostile}", preheader=hostile)

    page = client.get(client.get("/archive/bakery/latest").location)
    mail = client.get(f"{page.request.path}/mail")
    shelf = client.get("/archive/bakery")

    assert hostile not in page.text
    assert hostile not in shelf.text
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in page.text
    policy = mail.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox allow-popups allow-popups-to-escape-sandbox; ")
    assert "default-src 'none'" in policy
    assert mail.headers["X-Content-Type-Options"] == "nosniff"
    assert mail.text.index('<base target="_blank">') < mail.text.index("Hi")
    content = json.loads(client.get("/archive/bakery/feed.json").text)["items"][0]["content_html"]
    assert not re.search(r"<script|<[^>]*on(?:error|load)|<base|<meta|<svg", content)


def test_a_changed_address_leads_on(client: Client, alice: Person, send: Send) -> None:
    campaign = send()
    client.sign_in(alice)

    client.post(f"/campaigns/{campaign.id}/archive/address", data={"slug": "rolls"})
    choose(alice, slug="alices-bakery")

    moved = client.get("/archive/bakery/fresh-bread/mail")
    assert (moved.status_code, moved.location) == (301, "/archive/alices-bakery/fresh-bread/mail")
    assert client.get(moved.location).location == "/archive/alices-bakery/rolls/mail"
    assert client.get("/archive/alices-bakery/rolls").status_code == 200
    assert client.get("/archive/bakery?q=x").location == "/archive/alices-bakery?q=x"


def test_nobody_takes_over_an_address_that_somebody_had(
    client: Client, alice: Person, charlie: Person, send: Send
) -> None:
    send()
    choose(alice, slug="alices-bakery")
    client.sign_in(charlie)

    for taken in ("bakery", "alices-bakery", "Not Good", "latest"):
        form = {"slug": taken, "by_default": "no", "form_id": "0"}
        assert client.post("/settings/archive", data=form).status_code == 422

    choose(alice, slug="bakery")  # the one who had it may come back
    assert client.get("/archive/bakery").status_code == 200
    assert client.get("/archive/alices-bakery").location == "/archive/bakery"


def test_equal_subjects_get_addresses_of_their_own(send: Send) -> None:
    made = [deciding.page_of(send()) for _ in range(8)]

    slugs = [page.slug for page in made if page]
    assert slugs[:2] == ["fresh-bread", "fresh-bread-2"]
    assert len(set(slugs)) == 8


def test_the_list_is_paged_searched_and_ordered(client: Client, send: Send) -> None:
    for day in range(23):
        send(f"Letter {day}", days=day, name="x")
    send("Cake and more", days=40, preheader="With cream")

    first = client.get("/archive/bakery").text
    older = re.search(r'rel="next" href="([^"]+)"', first)
    assert older is not None
    second = client.get(older[1].replace("&amp;", "&")).text

    shown = re.findall(r"Letter \d+", first + second)
    assert shown == [f"Letter {day}" for day in range(23)]
    assert "Cake and more" in second
    found = client.get("/archive/bakery?q=cream").text
    assert "Cake and more" in found
    assert "Letter" not in found


def test_latest_leads_to_the_newest(client: Client, send: Send) -> None:
    send("Old", days=3)
    send("New")
    send("Newer, and for readers only", choice="no")

    answer = client.get("/archive/bakery/latest")

    assert (answer.status_code, answer.location) == (302, "http://localhost/archive/bakery/new")


def test_feeds_tell_the_same_and_keep_their_ids(client: Client, alice: Person, send: Send) -> None:
    campaign = send("Bread & <rolls>\x0b", days=1)
    for day in range(2, 13):
        send(f"Letter {day}", days=day)

    atom = client.get("/archive/bakery/feed.atom")
    feed = json.loads(client.get("/archive/bakery/feed.json").text)

    assert atom.content_type == "application/atom+xml; charset=utf-8"
    tree = ElementTree.fromstring(atom.data)  # noqa: S314  # ours
    entries = tree.findall(f"{ATOM}entry")
    assert entries[0].findtext(f"{ATOM}title") == "Bread & <rolls>"
    assert len(entries) == len(feed["items"]) == 10
    assert [one.findtext(f"{ATOM}id") for one in entries] == [one["id"] for one in feed["items"]]
    content = str(entries[0].findtext(f"{ATOM}content"))
    assert "Hello friend" in content
    # The entry has a title; the one of the page is no line of the mail.
    assert content.startswith("<")
    assert feed["version"] == "https://jsonfeed.org/version/1.1"
    rest = json.loads(client.get(feed["next_url"]).text)
    assert len(rest["items"]) == 2
    client.sign_in(alice)
    client.post(f"/campaigns/{campaign.id}/archive/address", data={"slug": "rolls"})
    again = json.loads(client.get("/archive/bakery/feed.json").text)["items"][0]
    assert again["id"] == feed["items"][0]["id"]
    assert again["url"].endswith("/archive/bakery/rolls")


@pytest.mark.parametrize(
    "path", ["", "/fresh-bread", "/fresh-bread/mail", "/fresh-bread/card.png", "/feed.atom"]
)
def test_pages_may_be_kept_and_are_asked_about(client: Client, send: Send, path: str) -> None:
    send()

    answer = client.get(f"/archive/bakery{path}")

    assert answer.status_code == 200
    assert answer.headers["Cache-Control"].startswith("public, ")
    assert "Set-Cookie" not in answer.headers
    assert "Cookie" not in answer.headers.get("Vary", "")
    again = client.get(f"/archive/bakery{path}", headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_each_look_has_a_dot_of_its_own_and_the_page_stays_the_same(
    client: Client, send: Send
) -> None:
    send()
    looks = [client.get(PAGE) for _ in range(2)]
    nobody = client.get(PAGE, headers={"Sec-GPC": "1"})

    dots = [re.findall(r'<img class="dot"[^>]*>', one.text) for one in looks]
    assert [len(found) for found in dots] == [1, 1]
    assert dots[0] != dots[1]
    assert 'alt=""' in dots[0][0]
    assert looks[0].headers["ETag"] == looks[1].headers["ETag"]
    assert 'class="dot"' not in nobody.text
    assert "<!-- dot -->" not in nobody.text + looks[0].text


def test_pages_are_the_same_whoever_looks(client: Client, alice: Person, send: Send) -> None:
    send()
    anybody = client.get(PAGE)
    client.sign_in(alice)
    client.set_cookie("theme", "dark")

    assert client.get(PAGE).headers["ETag"] == anybody.headers["ETag"]
    assert "Alice" not in client.get(PAGE).text


def test_a_card_and_its_words_are_there_for_networks(client: Client, send: Send) -> None:
    send()
    send("Without a picture", body="Only [words](https://x.example/a_(b)).", preheader="")

    with_picture, without = (
        client.get(PAGE).text,
        client.get("/archive/bakery/without-a-picture").text,
    )

    assert '<meta property="og:image" content="https://bakery.example/loaf.jpg">' in with_picture
    assert '<meta name="description" content="Warm since six">' in with_picture
    assert '<meta name="description" content="Only words.">' in without
    card = "http://localhost/archive/bakery/without-a-picture/card.png"
    assert f'<meta property="og:image" content="{card}">' in without
    answer = client.get(card)
    assert answer.mimetype == "image/png"
    assert answer.data[:8] == b"\x89PNG\r\n\x1a\n"
    assert int.from_bytes(answer.data[16:20]) == 1200


def test_the_senders_own_privacy_policy_stands_there_and_not_the_operators(
    client: Client, alice: Person, send: Send
) -> None:
    send()
    choose(alice, privacy_url="https://bakery.example/privacy")

    for path in ("/archive/bakery", PAGE, f"{PAGE}/tell"):
        page = client.get(path).text
        assert 'href="https://bakery.example/privacy"' in page
        assert 'href="/privacy"' not in page


def test_without_one_the_page_written_from_the_settings_stands_there(
    client: Client, send: Send
) -> None:
    send()

    link = re.search(r'href="[^"]*(/privacy/of/bakery-[^"]+)"', client.get(PAGE).text)

    assert link is not None
    assert "Bakery" in client.get(link[1]).text


def test_what_is_not_to_be_found_says_so_to_search_engines(
    client: Client, alice: Person, send: Send
) -> None:
    send()
    assert "X-Robots-Tag" not in client.get(PAGE).headers
    choose(alice, is_indexed=False, is_listed=False)

    hidden = client.get(PAGE)

    assert hidden.headers["X-Robots-Tag"] == "noindex"
    assert 'href="/archive/bakery"' not in hidden.text
    for path in ("", "/latest", "/feed.atom", "/feed.json"):
        assert client.get(f"/archive/bakery{path}").status_code == 404


def test_share_links_lead_past_the_notice_to_addresses_of_ours(client: Client, send: Send) -> None:
    send()
    page = client.get(PAGE).text

    for service in re.findall(rf"{PAGE}/share/(\w+)", page):
        notice = client.get(f"{PAGE}/share/{service}")
        assert "You are leaving for" in notice.text
        gone = client.post(f"{PAGE}/share/{service}").location
        assert gone.startswith("https://")
        assert "localhost%2Farchive%2Fbakery%2Ffresh-bread" in gone
    assert client.get(f"{PAGE}/share/google").status_code == 404
    assert "<script src=" not in page.replace('<script type="module" src="/static', "")


# In the mail, and before it goes out.


@pytest.mark.parametrize("by_default", [True, False])
def test_the_mail_carries_its_public_links_where_it_has_them(
    alice: Person, draft: Send, by_default: bool
) -> None:
    choose(alice, by_default=by_default)
    body = (
        "{% if links.archive %}See {{ links.archive }} or {{ links.friend }} "
        "or {{ links.share }} now.{% endif %} Bye."
    )
    campaign = draft(body=body)
    found = {one.code for one in checks.preflight(campaign)}

    with transaction():
        scheduling.schedule(campaign, hold_s=60)
    made = rendering.render_one(campaign, None)

    assert ("archive" in found) is not by_default
    assert ("See http://localhost/archive/bakery/fresh-bread or" in made.text) is by_default
    assert ("/archive/bakery/fresh-bread/tell" in made.html) is by_default
    assert ("/archive/bakery/fresh-bread#share now" in made.text) is by_default


def test_a_mail_is_shown_from_the_moment_it_leaves(
    client: Client, alice: Person, draft: Send
) -> None:
    choose(alice, by_default=True)
    campaign: Campaign = draft()
    with transaction():
        scheduling.schedule(campaign, hold_s=60)
    assert client.get(PAGE).status_code == 404

    with transaction():
        campaign.move("held", to="sending")

    assert client.get(PAGE).status_code == 200


def test_the_owners_word_about_one_mail_is_stronger(
    client: Client, alice: Person, draft: Send
) -> None:
    choose(alice, by_default=True)
    campaign = draft()
    client.sign_in(alice)

    client.post(f"/campaigns/{campaign.id}/archive", data={"choice": "no", "from": "send"})
    with transaction():
        scheduling.schedule(campaign)

    assert client.get(PAGE).status_code == 404


def test_viewers_look_and_decide_nothing(client: Client, vera: Person, send: Send) -> None:
    campaign = send()
    client.sign_in(vera)

    page = client.get(f"/campaigns/{campaign.id}/share")

    assert "Everybody can read it" in page.text
    assert "Take it down" not in page.text
    for path in ("archive", "archive/address", "share-links"):
        assert client.post(f"/campaigns/{campaign.id}/{path}", data={}).status_code == 403
    assert client.post("/settings/archive", data={"slug": "x"}).status_code == 403


def test_its_visits_and_clicks_are_counted_for_its_owner_alone(
    client: Client, alice: Person, charlie: Person, send: Send
) -> None:
    campaign = send()
    browser = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140"}
    page = client.get(PAGE, headers=browser).text
    dot = re.search(r'src="(/dot/[^"]+)\.gif"', page)
    assert dot
    assert 'id="share" aria-labelledby="share-title" data-place="2"' in page
    client.get(f"{dot[1]}.gif", headers=browser)
    client.post(f"{dot[1]}?p=2", headers=browser)
    shelf = client.get("/archive/bakery", headers={**browser, "Referer": "https://blog.example/"})
    on_the_list = re.search(r'src="(/dot/[^"]+)\.gif"', shelf.text)
    assert on_the_list
    client.get(f"{on_the_list[1]}.gif", headers={**browser, "User-Agent": SAFARI})
    taking.take_views()

    client.sign_in(alice)
    shown = " ".join(client.get("/reports/pages").text.split())
    for words in ("Archive pages", "Pass it on: 1", "The list of all mails", "blog.example",
                  "New visits"):  # fmt: skip
        assert words in shown
    keys = [str(campaign.id), dots.shelf_key(alice.account.id)]
    assert queries.of_pages("archive", keys, 30).visits == 2
    client.sign_in(charlie)
    strange = client.get("/reports/pages").text
    assert "Pass it on" not in strange
    assert "blog.example" not in strange
