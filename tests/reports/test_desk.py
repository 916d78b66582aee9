"""The bounce desk: reasons, whose fault, repairs."""

from __future__ import annotations

from app.contacts import typos
from app.contacts.models import Contact
from app.core.db import db, transaction
from app.delivery import bounces
from app.delivery.models import Delivery
from app.reports import desk
from tests.mailer.test_dsn import report
from tests.tracking.mails import send


def came_back(alice):
    sent = send(alice.account, people=5)
    with transaction():
        bounces.take(sent.deliveries[0].id, report("5.1.1", "550 5.1.1 User unknown"))
        bounces.take(sent.deliveries[1].id, report("5.7.1", "550 5.7.1 spam content filter"))
        bounces.take(sent.deliveries[2].id, report("5.2.2", "552 5.2.2 Mailbox full"))
        refused = db.session.get(Delivery, sent.deliveries[3].id)
        refused.state, refused.reason, refused.answer = "failed", "mailbox", "5.1.1 No such user"
        sent.contacts[3].address = sent.contacts[3].email = "may3@gmial.com"
        db.session.merge(sent.contacts[3])
    return sent


def test_groups_tell_whose_fault_it_is(alice):
    sent = came_back(alice)

    found = {group.kind.name: group for group in desk.groups(sent.campaign)}

    assert {name: (group.at_once, group.later) for name, group in found.items()} == {
        "mailbox": (1, 1), "mailbox_full": (0, 1), "content": (0, 1),
    }  # fmt: skip
    assert [found[name].kind.whose for name in ("mailbox", "content")] == ["theirs", "ours"]


def test_a_mail_that_comes_back_twice_is_counted_once_by_its_last_word(alice):
    sent = send(alice.account, people=1)
    with transaction():
        bounces.take(sent.deliveries[0].id, report("4.2.2", "452 4.2.2 Mailbox full"))
        bounces.take(sent.deliveries[0].id, report("5.1.1", "550 5.1.1 User unknown"))

    assert [(group.kind.name, group.n) for group in desk.groups(sent.campaign)] == [("mailbox", 1)]
    assert len(desk.people(sent.campaign, "mailbox").items) == 1
    assert desk.people(sent.campaign, "mailbox_full").items == []


def test_mistyped_domains_get_a_proposal(alice):
    sent = came_back(alice)

    (row,) = desk.repairs(sent.campaign)

    assert (row.contact.email, row.meant) == ("may3@gmial.com", "may3@gmail.com")


def test_a_proposal_is_applied_with_one_button(client, alice, charlie):
    sent = came_back(alice)
    client.sign_in(alice)
    url = f"/campaigns/{sent.campaign.id}/bounces"
    mistyped = sent.contacts[3].id

    client.post(f"{url}/mend/{mistyped}")
    again = client.post(f"{url}/mend/{mistyped}", follow_redirects=True)
    client.sign_in(charlie)

    assert db.session.get(Contact, mistyped).address == "may3@gmail.com"
    assert desk.repairs(sent.campaign) == []
    assert "may3@gmail.com does not look mistyped" in again.get_data(as_text=True)
    assert client.post(f"{url}/mend/{mistyped}").status_code == 404
    assert client.post(f"{url}/mend").status_code == 404


def test_all_proposals_are_applied_but_those_that_cannot_be(client, alice):
    sent = came_back(alice)
    with transaction():
        sent.contacts[0].address = sent.contacts[0].email = "may3@gmail.con"
        db.session.merge(sent.contacts[0])
    client.sign_in(alice)

    page = client.post(f"/campaigns/{sent.campaign.id}/bounces/mend", follow_redirects=True)

    assert "1 address is mended. 1 stays as before" in page.get_data(as_text=True)
    assert len(desk.repairs(sent.campaign)) == 1


def test_the_page_leads_from_a_reason_to_people_and_to_mending(client, alice, vera):
    sent = came_back(alice)
    client.sign_in(alice)
    url = f"/campaigns/{sent.campaign.id}/bounces"

    page = client.get(url).get_data(as_text=True)
    people = client.get(f"{url}?reason=mailbox").get_data(as_text=True)

    assert "Their mailbox" in page
    assert "Our fault" in page
    assert "may3@gmail.com" in page
    assert f"/contacts/{sent.contacts[3].id}/edit" in page
    assert "may0@example.com" in people
    assert "may1@example.com" not in people
    assert client.get(f"{url}?reason=nonsense").status_code == 404
    client.sign_in(vera)
    assert "/edit" not in client.get(url).get_data(as_text=True)


def test_the_page_of_a_campaign_that_all_took_says_so(client, alice, charlie):
    sent = send(alice.account)
    client.sign_in(alice)

    assert "Nothing came back" in client.get(f"/campaigns/{sent.campaign.id}/bounces").text

    client.sign_in(charlie)
    assert client.get(f"/campaigns/{sent.campaign.id}/bounces").status_code == 404


def test_no_proposal_is_a_mistake_itself():
    assert not set(typos.MEANT) & set(typos.MEANT.values())
    assert typos.meant("a@gmail.com") == ""
    assert typos.meant("a.b@GMIAL.com") == "a.b@gmail.com"
