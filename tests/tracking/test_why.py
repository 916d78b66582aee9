"""Why a mail came, answered from the record of consents, and the way to be erased."""

from __future__ import annotations

import re

import pytest
import sqlalchemy as sa

from app.contacts import consent, suppressions
from app.contacts.models import Consent, Contact, Erasure, Subscription, Suppression
from app.core.db import db, transaction
from app.core.tokens import Purpose, sign
from app.delivery import receipts
from app.delivery.models import Delivery
from app.tracking import intake
from app.tracking.texts import LANGUAGES
from tests.tracking.mails import READER
from tests.tracking.test_doors import database_away
from tests.tracking.test_leaving import texts_of


def why(sent, person=0):
    return f"{sent.preferences(person)}/why"


def erase(sent, person=0):
    return f"{sent.preferences(person)}/erase"


@pytest.fixture
def agreed(sent):
    """The first reader, with a history."""
    person, list_ = sent.contacts[0], sent.list
    with transaction():
        person = db.session.get_one(Contact, person.id)
        consent._note(
            person, "stated", source="import", list_=list_, wording="Asked at our counter <b>"
        )
        consent._note(person, "asked", source="hand", list_=list_)
        consent._note(
            person, "confirmed", source="link", list_=list_, evidence={"network": "192.0.2.0/24"}
        )
    return person


def test_it_says_who_writes_when_and_how_they_agreed(client, sent, agreed):
    page = client.get(why(sent), headers=READER)

    text = texts_of(page)
    assert page.status_code == 200
    assert "Bakery, 1 High Street" in text
    assert sent.list.name in text
    assert "Asked at our counter &lt;b&gt;" in page.text
    assert "You confirmed it with the link of a mail." in text
    today = agreed.created_at
    assert f"{today.day} {today:%B} {today.year}" in text
    assert "192.0.2" not in text
    assert f"{sent.contacts[0].email[0]}…@" in text
    assert sent.contacts[0].email not in page.text


def test_the_ways_out_stand_on_the_page_and_work(client, sent, agreed):
    page = client.get(why(sent), headers=READER)

    links = re.findall(r'<a href="([^"]+)"', page.text)
    assert [client.get(link, headers=READER).status_code for link in links] == [200] * 5
    assert [link.split("/")[1] for link in links] == [
        "u",
        "p",
        "p",
        f"abuse?mail={why(sent).split('/')[2]}",
        "privacy",
    ]


def test_it_speaks_the_readers_language(client, sent, agreed):
    page = client.get(why(sent), headers={**READER, "Accept-Language": "de"})

    assert 'lang="de"' in page.text
    assert "Sie haben mit dem Link einer Mail bestätigt." in texts_of(page)


def test_every_entry_of_the_record_has_words_in_every_language(client, sent):
    from app.tracking.why import _text

    kinds = ("stated", "asked", "confirmed", "withdrawn", "restored")
    sources = ("form", "api", "hand", "import", "link", "one_click", "mail", "provider", "undo")
    keys = {
        _text(Consent(kind=kind, source=source, wording=wording))
        for kind in kinds
        for source in sources
        for wording in ("", "Yes")
    }

    for language in LANGUAGES.values():
        assert keys <= language.keys()


def test_who_left_reads_so(client, sent, agreed):
    client.post(sent.leave())

    text = texts_of(client.get(why(sent), headers=READER))

    assert "You left Bakery, so nothing is sent to you." in text
    assert "You left." in text


def test_where_nothing_is_recorded_it_says_so(client, sent):
    with transaction() as session:
        session.execute(
            sa.update(Consent)
            .where(Consent.contact_id == sent.contacts[1].id)
            .values(contact_id=sent.contacts[2].id)
        )

    assert "Nothing is recorded here" in texts_of(client.get(why(sent, 1), headers=READER))


def test_a_test_mail_explains_what_readers_will_see(client, sent):
    token = sign(Purpose.PREFERENCES, 0, sent.campaign.id)

    page = client.get(f"/p/{token}/why", headers=READER)
    erased = client.post(f"/p/{token}/erase", headers=READER)

    assert "Your readers see here" in texts_of(page)
    assert "This was a test mail" in texts_of(erased)
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Contact)) == 3


def test_a_token_of_another_purpose_opens_nothing(client, sent):
    token = sent.leave().rpartition("/")[2]

    for page in ("why", "erase"):
        assert client.get(f"/p/{token}/{page}", headers=READER).status_code == 404
    assert client.post(f"/p/{token}/erase", headers=READER).status_code == 404


def test_without_a_database_it_says_so(client, sent, monkeypatch):
    with database_away(monkeypatch):
        answer = client.get(why(sent), headers=READER)

    assert answer.status_code == 503


def test_looking_at_the_erasing_page_erases_nobody(client, sent):
    for method in ("GET", "HEAD"):
        client.open(erase(sent), method=method, headers=READER)
    intake.take_hits()

    assert db.session.get(Contact, sent.contacts[0].id)


def test_the_button_erases_and_keeps_out(client, sent, agreed):
    address = agreed.address
    before = receipts.receipt(sent.campaign.id)

    page = client.post(erase(sent), headers=READER)
    again = client.post(erase(sent), headers=READER)

    db.session.expire_all()
    assert "Your data is erased" in texts_of(page)
    assert again.status_code == 200
    assert db.session.get(Contact, agreed.id) is None
    assert not db.session.scalars(
        sa.select(Subscription).where(Subscription.contact_id == agreed.id)
    ).all()
    row = db.session.scalars(sa.select(Suppression)).one()
    assert (row.reason, row.address) == ("erased", None)
    assert suppressions.find(sent.account.id, address)
    assert receipts.receipt(sent.campaign.id) == before
    assert db.session.scalars(sa.select(Erasure.by)).all() == ["person"]
    assert (
        db.session.scalar(
            sa.select(sa.func.count()).where(Delivery.campaign_id == sent.campaign.id)
        )
        == 3
    )
    assert "erased" in texts_of(client.get(why(sent), headers=READER)).lower()
