"""What a mail looks like, byte for byte where it matters."""

import binascii
import email
import email.policy
import json
import re
import time
from dataclasses import replace

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from app.accounts import report_hooks
from app.campaigns import liquid
from app.contacts.models import Contact
from app.core import settings as app_settings
from app.core.db import db, transaction
from app.core.tokens import Purpose, read, read_from_address
from app.delivery import rendering, starting, testing
from app.delivery.models import Delivery, Link
from app.mailer import message

EVIL = (
    '"><b>bold</b>', "a\r\nBcc: evil@example.org", "=?utf-8?q?a=0D=0ABcc:_evil@example.org?=",
    "{{ contact.email }}", "x\u2028y\x0bz\x00", "\u202eevil", "J\u00f6rg \u65e5\u672c " * 30,
    "a" * 2000, ".", "..", "=", "=3D", " ", "a b ", "\n.\n", "\r.\r", "-- \n", "\U0001f600" * 90,
    "&amp;", "javascript:alert(1)", "%0d%0a", "--ls-boundary",
)  # fmt: skip


def rendered(campaign, *, tracked=True, **values):
    """The mail of the campaign's only recipient as bytes, and parsed."""
    starting.plan(campaign.id)
    db.session.expire_all()
    delivery = db.session.scalars(sa.select(Delivery)).one()
    person = db.session.get_one(Contact, delivery.contact_id)
    mold = rendering.compile_campaign(campaign)
    reader = rendering.reader_of(campaign.account, person, delivery_id=delivery.id)
    reader.tracked = tracked
    # Not by way of the database, which refuses some of these by itself.
    reader.values["contact"].update(values)
    raw = mold.render(reader)
    message.check(raw, rendering.HEADERS)
    return raw, email.message_from_bytes(raw, policy=email.policy.default), delivery


def texts(parsed):
    return {part.get_content_type(): part.get_content() for part in parsed.iter_parts()}


def test_a_mail_carries_what_it_must(campaign_to):
    campaign = campaign_to(["vera@example.com"], names=["Vera"])

    raw, parsed, delivery = rendered(campaign)

    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert parsed["To"] == "vera@example.com"
    assert parsed["From"] == "Alice's Bakery <alice@bakery.example>"
    assert parsed["Subject"] == "Rolls for Vera"
    assert parsed["Feedback-ID"].endswith(":campaign:leadersend")
    assert re.fullmatch(r"<l\d+\.a\d+\.mail\.test>", parsed["List-Id"])
    assert parsed["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    web, mail = re.findall(r"<([^>]+)>", parsed["List-Unsubscribe"])
    assert read(Purpose.UNSUBSCRIBE, web.rpartition("/")[2]) == (delivery.id,)
    token = mail.removeprefix("mailto:u+").partition("@")[0]
    assert read_from_address(Purpose.UNSUBSCRIBE, token) == (delivery.id,)
    assert parsed["Date"].datetime.tzinfo is not None
    assert parsed["Message-ID"].endswith("@mail.test>")
    assert [part.get_content_type() for part in parsed.iter_parts()] == ["text/plain", "text/html"]
    for text in texts(parsed).values():
        assert "Hello Vera" in text
        assert web in text
        assert "1 High Street" in text


def test_both_parts_say_where_to_ask_why_the_mail_came(campaign_to):
    campaign = campaign_to(["vera@example.com"])

    _, parsed, delivery = rendered(campaign)

    for text in texts(parsed).values():
        (token,) = re.findall(r"/p/([\w-]+)/why", text)
        # The page of choices has the same token, which is made once for both.
        assert f"/p/{token}" in text.replace(f"/p/{token}/why", "")
        assert read(Purpose.PREFERENCES, token) == (delivery.id,)


def test_links_are_counted_each_in_its_row(campaign_to):
    campaign = campaign_to(["vera@example.com"], names=["Vera"])

    _, parsed, delivery = rendered(campaign)

    links = {link.id: link for link in db.session.scalars(sa.select(Link))}
    assert [link.url for link in links.values()] == [
        "https://bakery.example/rolls?a=1&b=2",
        "https://bakery.example/for/{{ contact.first_name }}",
    ]
    assert [link.label for link in links.values()] == ["rolls", "for you"]
    for text in texts(parsed).values():
        found = [read(Purpose.CLICK, one) for one in re.findall(r"/c/([\w-]+)", text)]
        assert sorted(found) == [(delivery.id, one) for one in sorted(links)]
        assert "bakery.example/rolls" not in text
    beacon = re.findall(r"/o/([\w-]+)\.gif", texts(parsed)["text/html"])
    assert [read(Purpose.OPEN, one) for one in beacon] == [(delivery.id,)]


@pytest.mark.parametrize("quiet", ["none", "off"])
def test_who_is_not_counted_gets_plain_links(campaign_to, quiet):
    mode = {"tracking": "none"} if quiet == "none" else {}
    campaign = campaign_to(["vera@example.com"], names=["Vera & Co"], **mode)

    _, parsed, _ = rendered(campaign, tracked=bool(mode))

    html, text = texts(parsed)["text/html"], texts(parsed)["text/plain"]
    assert 'href="https://bakery.example/rolls?a=1&amp;b=2"' in html
    assert 'href="https://bakery.example/for/Vera%20%26%20Co"' in html
    assert "https://bakery.example/rolls?a=1&b=2" in text
    assert "/o/" not in html
    assert "/c/" not in html + text


def test_a_person_may_ask_not_to_be_counted(alice):
    quiet = Contact(email="vera@example.com", fields={}, tracking_off=True)

    assert not rendering.reader_of(alice.account, quiet).tracked
    assert rendering.reader_of(alice.account, None).tracked


def test_in_aggregate_mode_no_address_tells_people_apart(campaign_to):
    campaign = campaign_to(["vera@example.com"], names=["Vera"], tracking="aggregate")

    _, parsed, delivery = rendered(campaign)

    html = texts(parsed)["text/html"]
    link = db.session.scalars(sa.select(Link)).one()
    (click,) = re.findall(r"/c/([\w-]+)", html)
    (beacon,) = re.findall(r"/o/([\w-]+)\.gif", html)
    assert read(Purpose.CLICK, click) == (0, link.id)
    assert read(Purpose.OPEN, beacon) == (0, campaign.id)
    assert "https://bakery.example/for/Vera" in html
    assert delivery.id


@pytest.mark.parametrize("value", EVIL)
@pytest.mark.parametrize("logic", [False, True])
def test_no_value_leaves_its_place(campaign_to, value, logic):
    link = "<a href='https://e.example/{{ contact.first_name }}'>x</a>"
    body = f"<p>Hi {{{{ contact.first_name }}}}!</p>{link}"
    if logic:
        body += "{% if contact.first_name %}<p>{{ contact.first_name }}</p>{% endif %}"
    campaign = campaign_to(
        ["vera@example.com"], format="html", body=body, tracking="none",
        subject="For {{ contact.first_name }}",
    )  # fmt: skip

    raw, parsed, _ = rendered(campaign, first_name=value)

    assert raw.isascii()
    assert "Bcc" not in parsed
    assert sorted(parsed.keys()) == sorted(set(parsed.keys()))
    assert set(parsed.keys()) <= set(rendering.HEADERS)
    assert len(list(parsed.iter_parts())) == 2
    html = texts(parsed)["text/html"]
    assert "<b>bold" not in html
    if value.isascii() and value.isprintable():
        assert f"Hi {value}!" in texts(parsed)["text/plain"].replace("\n", " ") or " " in value


@pytest.mark.parametrize(
    "subject",
    ["Short", "A rather long subject that goes on and on " * 4, "Gr\u00fc\u00dfe " * 20, "x" * 1500,
     "\u65e5\u672c\u8a9e" * 40, "=?not an encoded word"],
)  # fmt: skip
def test_subjects_survive_encoding_and_folding(subject):
    raw = message.unstructured(subject, 9)

    assert raw.isascii()
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))
    parsed = email.message_from_bytes(b"Subject: " + raw + b"\r\n\r\n", policy=email.policy.default)
    assert parsed["Subject"].rstrip() == subject.rstrip()


def test_encoded_words_that_hide_a_line_break_are_refused(campaign_to):
    campaign = campaign_to(["vera@example.com"], from_name="=?utf-8?q?a=0D=0ABcc:_v@e.example?=")

    with pytest.raises(message.BadHeader, match="line break"):
        rendering.compile_campaign(campaign)


def test_text_far_from_ascii_goes_as_base64(campaign_to):
    campaign = campaign_to(["vera@example.com"], names=["Vera"], body="\u65e5\u672c\u8a9e " * 400)

    raw, parsed, _ = rendered(campaign)

    assert b"base64" in raw
    assert "\u65e5\u672c\u8a9e" in texts(parsed)["text/plain"]
    assert max(map(len, raw.split(b"\r\n"))) <= 80


def test_a_test_mail_has_ways_out_that_work_and_counts_nothing(campaign_to, to_server):
    campaign = campaign_to(["vera@example.com"], names=["Vera"], state="draft")
    to_server.faults.keep = True

    testing.send_test(campaign, ["vera@example.com", "bob@bakery.example"])

    assert to_server.recipients() == ["vera@example.com", "bob@bakery.example"]
    parsed = email.message_from_bytes(to_server.messages[0], policy=email.policy.default)
    assert parsed["Subject"] == "Rolls for Vera"
    html = texts(parsed)["text/html"]
    (token,) = set(re.findall(r"/u/([\w-]+)", html))
    assert read(Purpose.UNSUBSCRIBE, token) == (0, campaign.id)
    assert "https://bakery.example/rolls" in html
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Link)) == 0


def test_a_test_that_is_refused_says_why(campaign_to, to_server):
    campaign = campaign_to(["vera@example.com"], state="draft")

    with pytest.raises(testing.TestFailed, match="No such user"):
        testing.send_test(campaign, ["r5.x@example.com"])


def test_rendering_costs_little(campaign_to):
    campaign = campaign_to(["vera@example.com"], names=["Vera"])
    starting.plan(campaign.id)
    person = db.session.scalars(sa.select(Contact)).one()
    mold = rendering.compile_campaign(campaign)

    began = time.perf_counter()
    for number in range(2000):
        mold.render(rendering.reader_of(campaign.account, person, delivery_id=number))
    each = (time.perf_counter() - began) / 2000

    assert each < 0.001


@settings(max_examples=400, deadline=None)
@given(st.text("a .=\u00e9\n\r\tx.~\x00", max_size=200))
def test_quoted_printable_keeps_its_rules_and_every_character(text):
    for encode in (message.quoted_printable, message.value, message.fixed):
        encoded = encode(text)

        assert encoded.isascii()
        assert all(len(line) <= 76 for line in encoded.split(b"\r\n"))
        assert not encoded.startswith(b".")
        assert b"\n." not in encoded
        assert encoded.count(b"\n") == encoded.count(b"\r") == encoded.count(b"\r\n")
        wanted = text.replace("\r\n", "\n").replace("\r", "\n")
        assert binascii.a2b_qp(encoded.replace(b"\r\n", b"\n")).decode() == wanted


def test_providers_that_report_get_a_mark_of_their_own(campaign_to, alice, charlie):
    """In fields that they take out of the mail and hand back."""
    with transaction():
        report_hooks.make(alice.account, alice.member, provider="sendgrid")
        report_hooks.make(None, None, provider="postmark")

    _, parsed, delivery = rendered(campaign_to(["vera@example.com"]))

    mark = parsed["X-PM-Metadata-leadersend"]
    assert read_from_address(Purpose.MESSAGE, mark) == (delivery.id,)
    assert json.loads(parsed["X-SMTPAPI"]) == {"unique_args": {"leadersend": mark}}
    assert len(mark) <= 80, "Postmark takes no more"


def test_without_reports_no_mail_carries_such_marks(campaign_to, alice, charlie):
    with transaction():
        report_hooks.make(charlie.account, charlie.member, provider="postmark")
        report_hooks.make(alice.account, alice.member, provider="mailgun")
        report_hooks.make(alice.account, alice.member, provider="ses")

    _, parsed, _ = rendered(campaign_to(["vera@example.com"]))

    assert not [name for name in parsed if name.startswith("X-")]


def test_a_test_mail_carries_no_mark(campaign_to, alice):
    campaign = campaign_to(["vera@example.com"])
    with transaction():
        report_hooks.make(alice.account, alice.member, provider="postmark")
    mold = rendering.compile_test(campaign)

    raw = mold.render(rendering.reader_of(campaign.account, None, email="alice@bakery.example"))

    assert b"X-PM" not in raw


ORDINARY = """
Hi {{ contact.first_name | default: "you" | upcase }}, {{ account.name }}{{ contact.fields.City }}
[x](https://a.example/?n={{ contact.first_name }}&e={{ contact.email | url_encode }})
[y](https://a.example/) [y](https://a.example/) {{ contact.first_name }}{{ contact.first_name }}

{{ links.unsubscribe | truncate: 30 }} {{ links.unsubscribe }} [out]({{ links.unsubscribe }})
"""
LOGIC = """
{% if contact.first_name %}Dear {{ contact.first_name }}{% else %}Hello{% endif %}
[x](https://a.example/{{ contact.last_name }}) {{ links.browser }} {{ contact.first_name.size }}
"""
FAR = (
    "\u65e5\u672c\u8a9e " * 60
    + """
{{ contact.first_name }} [\u00fc](https://b\u00fccher.example/\u00fc?a=\u00fc)
{{ links.preferences }}
"""
)
SIGNS = ". {{ contact.first_name }}.\n\n{{ contact.first_name }}\n\n= {{ contact.company }} ="
PEOPLE = (
    {"first_name": "Vera", "last_name": "O'Neill & <Co>", "fields": {"city": "Bonn"}},
    {"first_name": "", "last_name": "", "fields": {}},
    {"first_name": "Vera", "last_name": "\u65e5\u672c", "fields": {"city": "K\u00f6ln"}},
    {"first_name": ".\n.", "last_name": "{{ links.unsubscribe }}", "fields": {"city": "="}},
    {"first_name": "a" * 300, "last_name": "%2F", "company": "x " * 80, "fields": {"city": None}},
)


@pytest.mark.parametrize("body", [ORDINARY, LOGIC, FAR, SIGNS])
@pytest.mark.parametrize("tracking", ["none", "aggregate", "individual"])
@pytest.mark.parametrize("path", ["", "/a-rather-long/path/that/needs/more/than/a/line" * 3])
def test_molds_make_what_running_the_whole_source_makes(
    campaign_to, body, tracking, path, monkeypatch
):
    base = replace(app_settings.get(), BASE_URL=f"https://mail.example{path}")
    monkeypatch.setattr(app_settings, "get", lambda: base)
    campaign = campaign_to(["vera@example.com"], body=body, tracking=tracking)
    starting.plan(campaign.id)
    db.session.expire_all()
    mold = rendering.compile_campaign(campaign)
    links = {link.url: link.id for link in db.session.scalars(sa.select(Link))}
    plain = rendering.compile_content(campaign)
    counted = rendering._tracked(plain, links, tracking) if tracking != "none" else plain

    for number, person in enumerate((*PEOPLE, *PEOPLE), 100):
        address = f"v{number}@example.com"
        values = {**mold.account_values, "contact": {"company": "", "email": address, **person}}
        for tracked, content in ((True, counted), (False, plain)):
            reader = rendering.Reader(number, address, values, tracked)
            made = email.message_from_bytes(mold.render(reader), policy=email.policy.default)
            whole = {**values, "links": {name: url(reader) for name, url in mold.urls.items()}}
            assert as_lines(texts(made)["text/html"]) == run(content.html, "html", whole)
            assert as_lines(texts(made)["text/plain"]) == run(content.text, "text", whole)
            assert f"<{whole['links']['unsubscribe']}>" in made["List-Unsubscribe"]


def run(source, place, values):
    """The slow and simple way."""
    return as_lines(liquid.parse(source, place).render(values))


def as_lines(text):
    return text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n").split("\n")
