"""Letters to the operator: conversations, and what hostile mails cannot do."""

from __future__ import annotations

import re
import time
from datetime import timedelta
from email.message import EmailMessage

import pytest
import sqlalchemy as sa

from app.accounts import mailboxes
from app.accounts.models import Mailbox
from app.core import keeping
from app.core.clock import now
from app.core.db import WRITE, db, transaction
from app.desk import arriving, files, queries, reading
from app.desk import tickets as verbs
from app.desk.models import Ticket, TicketFile, TicketMessage
from app.extensions import limiter
from app.tracking import inbound
from app.tracking import mailboxes as reader
from app.trust import forgetting
from tests.conftest import Client, Person
from tests.desk.conftest import Post, mails, messages, tickets
from tests.mailboxserver import MailboxServer


def ask(client: Client, person: Person | None = None, **given: str) -> Ticket:
    if person:
        client.sign_in(person)
    asked = {"name": "Vera", "email": "vera@shop.example", "text": "How do I begin?", **given}
    assert client.post("/contact", data=asked).status_code == 303
    return tickets()[-1]


def test_a_letter_becomes_a_ticket_and_is_confirmed(post: Post) -> None:
    assert post.letter("How do I begin?", Message_ID="<1@shop.example>") == 1

    (ticket,) = tickets()
    assert (ticket.email, ticket.name, ticket.subject) == (
        "vera@shop.example", "Vera", "A question",
    )  # fmt: skip
    assert (ticket.state, ticket.origin, ticket.purpose) == ("open", "mail", "support")
    (word,) = mails("ticket_received")
    assert f"[#{ticket.reference}]" in word.subject
    assert word.headers["In-Reply-To"] == "<1@shop.example>"
    assert len(mails("ticket_new")) == 1


def test_the_same_mail_by_two_ways_is_one_letter(post: Post) -> None:
    for _ in range(2):
        post.letter("How do I begin?", Message_ID="<1@shop.example>")

    assert len(tickets()) == 1
    assert not list(post.folder.glob("*.eml*"))


def test_a_reply_to_an_answer_comes_back_into_the_ticket(
    post: Post, staff: Client, charlie: Person
) -> None:
    ticket = ask(staff)
    url = f"/staff/desk/{ticket.id}"
    assert staff.post(f"{url}/answer", data={"text": "Upload a file."}).status_code == 303
    (answer,) = mails("ticket_answer")
    assert answer.headers["Auto-Submitted"] == "no"
    assert "Upload a file." in answer.text
    assert tickets()[0].state == "waiting"

    # The subject may be anything: our Message-ID is signed.
    post.letter("Which?", subject="Aw: so", In_Reply_To=answer.headers["Message-ID"])
    # And where a program keeps no references, the one in the subject will do.
    post.letter("And how?", subject=f"Re: so [#{ticket.reference.lower()}]")

    (found,) = tickets()
    assert (found.state, found.assigned_to_id) == ("open", charlie.member.id)
    assert [m.text for m in messages(found, "heard")] == ["How do I begin?", "Which?", "And how?"]
    page = staff.get(url).text
    assert page.index("Upload a file.") < page.index("Which?") < page.index("And how?")


def test_nobody_gets_into_a_ticket_by_guessing(post: Post, client: Client) -> None:
    ticket = ask(client)

    post.letter("Let me in", subject=f"[#{ticket.reference}]", sender="mallory@bad.example")
    forged = f"<t{ticket.id}.1.{'0' * 34}@mail.test>"
    post.letter("Me too", sender="mallory@bad.example", In_Reply_To=forged)

    assert [one.messages for one in tickets()] == [1, 1, 1]


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto_Submitted": "auto-replied"},
        {"X_Autoreply": "yes"},
        {"subject": "Out of office: A question"},
        {"envelope": ""},
        {"sender": "info@mail.test"},
        {"Message_ID": "<notice-7.abc@mail.test>"},
    ],
)
def test_machines_get_no_answer_and_make_no_ticket(post: Post, headers: dict[str, str]) -> None:
    assert post.letter("I am away", **headers) == 1

    assert tickets() == []
    assert mails() == []


def test_who_writes_through_a_list_gets_no_automatic_word(post: Post) -> None:
    post.letter("Hello", List_Id="<talk.shop.example>")

    assert len(tickets()) == 1
    assert mails("ticket_received") == []


def test_a_storm_from_one_address_ends_in_one_ticket(post: Post) -> None:
    for n in range(30):
        post.letter(f"Again {n}", subject=f"Again {n}", Message_ID=f"<{n}@shop.example>")

    found = tickets()
    assert len(found) == verbs.MOST_A_DAY
    assert found[-1].messages == 11
    assert len(mails("ticket_received")) == verbs.CONFIRMED_A_DAY


def test_an_answer_that_comes_back_is_noted(post: Post, staff: Client) -> None:
    ticket = ask(staff)
    staff.post(f"/staff/desk/{ticket.id}/answer", data={"text": "Yes."})
    own = mails("ticket_answer")[0].headers["Message-ID"]
    bounce = (
        "From: MAILER-DAEMON@mx.example\r\nSubject: Undelivered\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="x"\r\n\r\n'
        "--x\r\nContent-Type: text/plain\r\n\r\nIt did not work.\r\n"
        "--x\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example\r\n\r\n"
        "Final-Recipient: rfc822; vera@shop.example\r\nAction: failed\r\nStatus: 5.1.1\r\n"
        "Diagnostic-Code: smtp; 550 5.1.1 no such person\r\n\r\n"
        f"--x\r\nContent-Type: message/rfc822\r\n\r\nMessage-ID: {own}\r\n\r\nYes.\r\n--x--\r\n"
    )
    post.bring(bounce.encode(), sender="")

    (found,) = tickets()
    assert found.state == "open"
    assert "no such person" in messages(found, "event")[-1].text


def test_files_are_kept_as_downloads_and_named_as_what_they_are(post: Post, staff: Client) -> None:
    message = EmailMessage()
    message["From"], message["Subject"] = "vera@shop.example", "Files"
    message.set_content("See here")
    message.add_attachment(b"\x89PNG\r\n\x1a\n" + b"0" * 50, maintype="image", subtype="png",
                           filename="../../cake.png")  # fmt: skip
    message.add_attachment(b"MZ\x90\0program", maintype="image", subtype="png",
                           filename="invoice\u202egnp.exe")  # fmt: skip
    message.add_attachment(b"<script>alert(1)</script>", maintype="text", subtype="html",
                           filename="page.html")  # fmt: skip
    message.add_attachment(b"0" * (files.LARGEST_BYTES + 1), maintype="application",
                           subtype="octet-stream", filename="huge.bin")  # fmt: skip
    post.bring(bytes(message))

    (ticket,) = tickets()
    kept = list(db.session.scalars(sa.select(TicketFile).order_by(TicketFile.id)))
    assert [(one.name, one.kind, one.is_risky) for one in kept] == [
        ("cake.png", "PNG picture", False),
        ("invoicegnp.exe", "program", True),
        ("page.html", "file that may run programs", True),
    ]
    assert messages(ticket)[0].left_out == "1 file was too large or too many."
    answer = staff.get(f"/staff/desk/{ticket.id}/files/{kept[2].id}")
    assert answer.mimetype == "application/octet-stream"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    page = staff.get(f"/staff/desk/{ticket.id}").text
    assert page.count("open it only if you know what it is") == 2


def _many_parts(n: int) -> bytes:
    part = b"--x\r\nContent-Type: text/plain\r\nContent-Disposition: attachment\r\n\r\nhi\r\n"
    head = b'From: a@b.example\r\nSubject: Parts\r\nContent-Type: multipart/mixed; boundary="x"\r\n'
    return head + b"\r\n" + part * n + b"--x--\r\n"


def _nested(depth: int) -> bytes:
    mail = b"From: a@b.example\r\nSubject: In\r\n\r\nThe innermost\r\n"
    for _ in range(depth):
        head = b"From: a@b.example\r\nSubject: Out\r\nContent-Type: message/rfc822\r\n\r\n"
        mail = head + mail
    return mail


HOSTILE = {
    "50 MB": b"From: a@b.example\r\nSubject: Large\r\n\r\n" + b"x" * 998 * 50_000,
    "10,000 parts": _many_parts(10_000),
    "a million parts without a header": b"From: a@b.example\r\nSubject: Parts\r\n"
    b'Content-Type: multipart/mixed; boundary="x"\r\n\r\n' + b"--x\r\rx\r" * 1_000_000,
    "many million empty lines": b"From: a@b.example\r\nSubject: Nothing\r\n\r\nhi"
    + b"\n" * 15_000_000,
    "a wish without an end": b"From: a@b.example\r\nSubject: Hello\r\n\r\n"
    b"stop from " + b"." * 49_000 + b"\r\n\r\nx y z w\r\n",
    "messages in messages": _nested(100),
    "messages in messages, very many": _nested(5_000),
    "a code page that nobody knows": b"From: a@b.example\r\nSubject: =?klingon?b?AAAA?=\r\n"
    b"Content-Type: text/plain; charset=klingon\r\n\r\nhi \xff\xfe\0 there\r\n",
    "no header at all": b"\0\xff" * 5000,
    "nothing": b"",
    "a header of 2 MB": b"From: a@b.example\r\nSubject: " + b"y" * 2_000_000 + b"\r\n\r\nhi",
    "HTML without an end": b"From: a@b.example\r\nContent-Type: text/html\r\n\r\n"
    + b"<div>" * 90_000,
    "many addresses": b"From: " + b"a@b.example, " * 50_000 + b"\r\n\r\nhi",
}


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_mails_are_read_in_bounded_time(post: Post, what: str) -> None:
    start = time.process_time()
    assert post.bring(HOSTILE[what], sender="a@b.example") == 1

    assert time.process_time() - start < 6
    assert not list(post.folder.glob("*.eml*"))
    for ticket in tickets():
        (first,) = messages(ticket)
        assert len(first.text) <= reading.LONGEST_TEXT
        assert len(first.files) <= files.MOST
        if what.startswith(("50 MB", "10,000 parts", "a million", "many million")):
            assert "beginning was kept" in first.left_out


def test_reading_a_letter_locks_nobody_out(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    inside = []
    read = reading.read

    def watch(sender: str, data: bytes) -> reading.Post:
        inside.append(bool(db.session().info.get(WRITE)))
        return read(sender, data)

    monkeypatch.setattr(reading, "read", watch)
    post.letter("How do I begin?")

    assert inside == [False]
    assert len(tickets()) == 1


def test_a_reply_to_a_conversation_that_is_too_long_begins_a_new_one(post: Post) -> None:
    post.letter("How do I begin?")
    (ticket,) = tickets()
    with transaction():
        ticket.messages = verbs.MOST_MESSAGES

    post.letter("And then?", subject=f"Re: [#{ticket.reference}] A question")

    assert [messages(one)[-1].text.strip() for one in tickets()] == ["How do I begin?", "And then?"]
    assert not list((post.folder / "odd").glob("*"))


def test_html_alone_is_read_as_text(post: Post) -> None:
    post.bring(
        b"From: vera@shop.example\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
        b"<p>Hello</p><script>alert(1)</script><p>How do I <b>begin</b>?</p>"
    )

    text = messages(tickets()[0])[0].text
    assert "How do I begin?" in text
    assert "alert" not in text


def test_people_who_write_to_abuse_are_read_by_people(home: object, post: Post) -> None:
    folder = post.folder.parent / "inbound"
    folder.mkdir(exist_ok=True)
    from app.core import spool

    spool.write(folder, "vera@shop.example", ["abuse@mail.test"],
                b"From: vera@shop.example\r\nSubject: Spam\r\n\r\nYour customer mails me.\r\n",
                durable=False)  # fmt: skip
    inbound.take_mail()
    arriving.take_letters()

    assert [(one.purpose, one.subject) for one in tickets()] == [("abuse", "Spam")]


def test_the_operators_mailbox_is_read_into_the_desk(post: Post, charlie: Person) -> None:
    large = b"From: vera@shop.example\r\nSubject: Large\r\n\r\n" + (b"y" * 70 + b"\r\n") * 40_000
    letter = b"From: vera@shop.example\r\nSubject: By IMAP\r\n\r\nHello\r\n"
    with MailboxServer("imap", [letter, large]) as server:
        with transaction():
            box = mailboxes.add(None, charlie.member, kind="imap", host="127.0.0.1", tls="none",
                                port=server.port, username="info", password="right")  # fmt: skip
        assert reader.read_due() == 2
        assert server.mails == {}
    assert arriving.take_letters() == 2
    assert sorted(one.subject for one in tickets()) == ["By IMAP", "Large"]
    assert db.session.get(Mailbox, box.id, populate_existing=True).taken == 2
    assert mailboxes.of_account(charlie.account) == []


def test_members_see_their_own_and_owners_all_of_the_account(
    client: Client, post: Post, alice: Person, bob: Person, charlie: Person
) -> None:
    of_bob, of_alice = ask(client, bob), ask(client, alice)
    post.letter("Between us", sender="bob@bakery.example")
    by_mail = tickets()[-1]
    for person, code in ((bob, 200), (alice, 404)):
        client.sign_in(person)
        assert client.get(f"/questions/{by_mail.id}").status_code == code

    client.sign_in(bob)
    assert client.get(f"/questions/{of_bob.id}").status_code == 200
    assert client.get(f"/questions/{of_alice.id}").status_code == 404
    client.sign_in(alice)
    assert client.get(f"/questions/{of_bob.id}").status_code == 200
    client.sign_in(charlie)
    assert client.get(f"/questions/{of_alice.id}").status_code == 404
    assert client.post(f"/questions/{of_alice.id}", data={"text": "x"}).status_code == 404


def test_a_customer_answers_on_the_page_and_sees_no_notes(
    client: Client, alice: Person, charlie: Person
) -> None:
    ticket = ask(client, alice, subject="My list")
    with transaction():
        charlie.member.staff_roles = ["support"]
    client.sign_in(charlie)
    url = f"/staff/desk/{ticket.id}"
    client.post(f"{url}/note", data={"note": "A good customer"})
    client.post(f"{url}/answer", data={"text": "It is there.", "closes": "y"})
    assert tickets()[0].state == "closed"

    client.sign_in(alice)
    page = client.get(f"/questions/{ticket.id}").text
    assert "It is there." in page
    assert "good customer" not in page
    assert client.post(f"/questions/{ticket.id}", data={"text": ""}).status_code == 422
    _too_many_lose_nothing(client, f"/questions/{ticket.id}")
    client.post(f"/questions/{ticket.id}", data={"text": "Where?"})
    assert tickets()[0].state == "open"
    client.post(f"/questions/{ticket.id}/close")
    assert tickets()[0].state == "closed"
    assert client.post(f"/questions/{ticket.id}/close").status_code == 409


def _too_many_lose_nothing(client: Client, url: str) -> None:
    """Ten letters a minute; the next one stays in the form."""
    limiter.enabled = True
    limiter.reset()
    try:
        answers = [client.post(url, data={"text": f"And no. {n}?"}) for n in range(11)]
    finally:
        limiter.reset()
        limiter.enabled = False
    assert [answer.status_code for answer in answers] == [303] * 10 + [429]
    assert "And no. 10?" in answers[-1].text
    assert "Wait a minute" in answers[-1].text


def test_staff_see_the_tickets_of_their_purposes(
    client: Client, alice: Person, charlie: Person
) -> None:
    client.sign_in(alice)
    money, other = ask(client, about="billing"), ask(client, about="service", subject="My disk")
    for roles, sees in (
        (["marketing"], set()),
        (["billing"], {money.id}),
        (["service"], {other.id}),
        (["support"], {money.id, other.id}),
    ):
        with transaction():
            charlie.member.staff_roles = roles
        client.sign_in(charlie)
        for one in (money, other):
            code = 200 if one.id in sees else 404
            page = client.get(f"/staff/desk/{one.id}")
            assert page.status_code == code
            # Beside one letter of an account, no other is named that is not theirs to see.
            assert ("My disk" in page.text) == (other.id in sees and code == 200)
    assert client.get("/staff/desk?purpose=billing").text.count("How do I begin?") == 1


def test_the_list_is_searched_sorted_and_paged(staff: Client, charlie: Person) -> None:
    for n in range(55):
        with transaction():
            verbs.open_(email=f"v{n}@shop.example", text=f"Ümlaut {n} cake")
    first = queries.page(queries.seen_by(["support"]), state="open")
    second = queries.page(queries.seen_by(["support"]), state="open", cursor=first.older)
    assert (len(first.items), len(second.items)) == (50, 5)
    assert first.items[0].email == "v54@shop.example"

    reference = first.items[7].reference
    assert staff.get(f"/staff/desk?q=%5B%23{reference}%5D").text.count(reference) >= 1
    assert "v3@shop.example" in staff.htmx("GET", "/staff/desk?q=ümlaut 3 CAKE").text
    assert "No such conversation" in staff.get("/staff/desk?q=pie").text
    assert "No such conversation" in staff.get("/staff/desk?assignee=me").text


def test_state_purpose_and_assignee_are_changed_and_noted(
    staff: Client, alice: Person, charlie: Person
) -> None:
    ticket = ask(staff)
    url = f"/staff/desk/{ticket.id}/change"

    staff.post(url, data={"state": "waiting", "purpose": "billing", "assignee": charlie.member.id})
    assert staff.post(url, data={"assignee": alice.member.id}).status_code == 422
    assert staff.post(url, data={"state": "gone"}).status_code == 422

    (found,) = tickets()
    assert (found.state, found.purpose, found.assigned_to_id) == (
        "waiting", "billing", charlie.member.id,
    )  # fmt: skip
    assert [m.text for m in messages(found, "event")] == [
        "Now waiting.", "Sorted under billing.", "Given to Charlie Stranger.",
    ]  # fmt: skip


def test_closed_tickets_are_removed_after_their_time(client: Client) -> None:
    old, young, still_open = (ask(client, subject=name) for name in ("Old", "Young", "Open"))
    days = keeping.days("enquiries")
    with transaction():
        for one, ago in ((old, days + 1), (young, days - 1)):
            row = db.session.get_one(Ticket, one.id)
            row.state, row.closed_at = "closed", now() - timedelta(days=ago)

    assert forgetting.keep("enquiries") == 1

    assert {one.id for one in tickets()} == {young.id, still_open.id}
    assert db.session.scalar(sa.select(sa.func.count()).select_from(TicketMessage)) == 2


def test_what_is_quoted_is_folded_and_an_answer_below_is_not() -> None:
    assert reading.unquoted("Yes.\n\nOn Monday Vera wrote:\n> Do you?") == (
        "Yes.", "On Monday Vera wrote:\n> Do you?",
    )  # fmt: skip
    below = "On Monday Vera wrote:\n> Do you?\n\nYes."
    assert reading.unquoted(below) == (below, "")


def test_the_desk_leads_to_the_account_with_the_reference_as_the_reason(
    staff: Client, client: Client, alice: Person, charlie: Person
) -> None:
    ticket = ask(client, alice, subject="My list")
    client.sign_in(charlie)

    page = client.get(f"/staff/desk/{ticket.id}").text
    assert f"/staff/accounts/{alice.account.id}?reference=letter" in page
    form = client.get(f"/staff/accounts/{alice.account.id}?reference=letter+%23{ticket.reference}")
    assert f"letter #{ticket.reference}" in form.text
    navigation = re.findall(r'href="(/staff/[a-z]+)" aria-current', page)
    assert set(navigation) == {"/staff/desk"}
