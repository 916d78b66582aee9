"""An account's own privacy page says what the account really does, and is found where it should."""

from __future__ import annotations

import re

import html5lib
import pytest
import sqlalchemy as sa

from app.accounts.models import Notice, Relay, ReportHook, Sender
from app.campaigns.archive import deciding
from app.campaigns.models import Campaign
from app.config import CHECKOUT
from app.contacts import handles, lists
from app.contacts.models import ContactField, FormVersion, Import, OpenField, SignUpForm
from app.contacts.signup.design import Choice, Design, Question
from app.core import keeping
from app.core.clock import now
from app.core.db import db, transaction
from app.preferences import asking, privacy_page
from app.privacy import figures
from app.tracking.texts import LANGUAGES, Texts
from app.trust import forgetting
from tests.conftest import Client, Person
from tests.tracking.mails import Sent


def at(person: Person) -> str:
    return f"/privacy/of/{handles.handle(person.account)}"


def read(client: Client, person: Person) -> str:
    answer = client.get(at(person))
    assert answer.status_code == 200
    assert "Set-Cookie" not in answer.headers
    html5lib.HTMLParser(strict=True).parse(answer.text)
    assert "# " not in answer.text
    for anchor in ("who", "what", "from", "use", "links", "others", "keep", "rights"):
        assert f'<section id="{anchor}"' in answer.text
    return " ".join(answer.text.split())


def campaign(person: Person, tracking: str, **values: object) -> None:
    values = {"started_at": now(), "state": "sent", **values}
    with transaction():
        db.session.add(
            Campaign(
                account_id=person.account.id, name="May", subject="May", body="Hi",
                from_email="news@b.example", tracking=tracking, **values,
            )
        )  # fmt: skip


def test_a_fresh_account_has_a_page_that_promises_nothing_it_does_not_do(
    client: Client, alice: Person
):
    page = read(client, alice)

    assert "Privacy at Bakery" in page
    assert "1 High Street" in page
    assert "No mail has been sent yet" in page
    assert "fill in a form" not in page
    assert "From files" not in page
    assert "a mail server of LeaderSend itself" in page
    assert "Pages for everybody" not in page
    assert "last mail" not in page
    assert keeping.in_words(keeping.days("import_files")) in page


@pytest.mark.parametrize(
    ("modes", "there", "gone"),
    [
        (["none"], ["does not count who opens"], ["forgotten after", "leads on to the target"]),
        (["aggregate"], ["counts mails as a whole"], ["whether you opened", "forgotten after"]),
        (["individual"], ["whether you opened one", "forgotten after 3 years"], ["as a whole"]),
        (
            ["none", "aggregate", "individual"],
            ["whether you opened one", "counts other mails as a whole", "Some mails are not"],
            ["does not count who"],
        ),
    ],
)
def test_it_names_the_ways_of_counting_in_use(
    client: Client, alice: Person, charlie: Person, modes: list[str], there: list[str],
    gone: list[str],
):  # fmt: skip
    for mode in modes:
        campaign(alice, mode)
    campaign(charlie, "individual" if modes == ["none"] else "none")
    campaign(alice, "individual", started_at=None, state="draft")  # not in use yet
    campaign(alice, "individual", is_sample=True)

    page = read(client, alice)

    for words in there:
        assert words in page
    for words in gone:
        assert words not in page


def test_it_follows_the_settings(client: Client, alice: Person):
    account = alice.account.id
    campaign(alice, "none")
    with transaction():
        shown = db.session.scalars(sa.select(Campaign)).one()
        deciding.decide(shown, "yes")
        list_ = lists.create(alice.account, "News", opt_in="double")
        form = SignUpForm(account_id=account, name="Inside", slug="cake-news", is_open=True)
        field = ContactField(account_id=account, key="cake", label="Favourite cake")
        db.session.add_all([
            form, field, ContactField(account_id=account, key="secret", label="Pays late"),
            Relay(account_id=account, name="R", host="smtp.relay.example", port=587),
            ReportHook(account_id=account, provider="mailgun"),
            Sender(account_id=account, email="news@bakery.example", confirmed_at=now()),
            Import(account_id=account, filename="a.csv", stored_as="n.csv", state="finished"),
        ])  # fmt: skip
        db.session.flush()
        design = Design(
            title="Cake by mail", lists=(Choice(list_.id, "News"),),
            questions=(Question("first_name", "First name"),),
        )  # fmt: skip
        db.session.add_all([
            FormVersion(form_id=form.id, number=1, account_id=account, design=design.to_json()),
            OpenField(field_id=field.id, account_id=account),
        ])  # fmt: skip
        forgetting.choose(alice.member, "import_files", 7)

    page = read(client, alice)

    for words in ("“Cake by mail” asks for your address and First name.", "Favourite cake",
                  "1 other field of its own", "smtp.relay.example", "Mailgun", "From files",
                  "only after you have confirmed", "news (at) bakery.example",
                  "Uploaded files: 7 days.", "Pages for everybody, forms and mails to read again,",
                  "sums are kept 3 years."):  # fmt: skip
        assert words in page, words
    for words in ("Pays late", "Inside", "news@bakery.example"):
        assert words not in page
    with transaction():
        form.is_open = False
    assert "Cake by mail" not in read(client, alice)


def test_it_speaks_german_to_who_reads_german_and_says_the_same(client: Client, alice: Person):
    for mode in ("individual", "aggregate", "none"):
        campaign(alice, mode)
    with transaction():
        forgetting.choose(alice.member, "import_files", 7)
    client.sign_in(alice)
    client.post("/settings/preferences", data={"privacy_words": "We are small."})
    client.delete_cookie("leadersend")

    page = client.get(at(alice), headers={"Accept-Language": "de-AT,de;q=0.9,en;q=0.5"})

    assert "Accept-Language" in page.headers["Vary"]
    words = " ".join(page.text.split())
    for there in ('<html lang="de"', "Datenschutz bei Bakery", "Frist vergessen: 3 Jahre",
                  "zählt andere Mails nur im Ganzen", "Manche Mails werden gar nicht gezählt",
                  "Hochgeladene Dateien: 7 Tage.", "Mehr über Bakery",
                  "We are small."):  # fmt: skip
        assert there in words, there
    sizes = {
        language: {
            one["id"]: len(one["paragraphs"])
            for one in privacy_page.text(alice.account, Texts(language))
        }
        for language in LANGUAGES
    }
    assert all(found == sizes["en"] for found in sizes.values())


@pytest.mark.usefixtures("app")
@pytest.mark.parametrize("language", LANGUAGES)
def test_how_long_things_are_kept_is_said_in_every_language(language: str):
    asked = re.findall(
        r"lasts\.(\w+)", (CHECKOUT / "templates/preferences/_privacy.txt").read_text()
    )

    said = figures.kept_in(language)

    assert len(asked) > 8
    assert [key for key in asked if not said.get(key)] == []
    if language != "en":
        english = figures.kept_in("en")
        assert [key for key in asked if said[key] == english[key]] == []


def test_each_language_asks_for_the_same_facts():
    wanted = {
        name: set(re.findall(r"{%.*?%}|{{.*?}}", re.sub(r'"[^"]*"', "", source)))
        for name in privacy_page.TEMPLATES.values()
        for source in [(CHECKOUT / "templates" / name).read_text()]
    }

    assert wanted["preferences/_privacy.de.txt"] == wanted["preferences/_privacy.txt"]


def test_owners_add_who_answers_and_their_own_words(client: Client, alice: Person):
    client.sign_in(alice)
    assert at(alice) in client.get("/settings/preferences").text

    client.post(
        "/settings/preferences",
        data={"privacy_contact": "Olga\n5 Low Street", "privacy_words": "We are small.\n\n<b>Hi",
              "goodbye": "Farewell!"},
    )  # fmt: skip

    page = read(client, alice)
    assert "The first time one last mail confirms it" in page
    assert "Questions about privacy: Olga, 5 Low Street." in page
    assert "<p>We are small.</p>" in page
    assert "&lt;b&gt;Hi" in page


def test_nobody_finds_other_accounts_by_counting(client: Client, alice: Person):
    name, _, code = handles.handle(alice.account).rpartition("-")

    assert client.get(f"/privacy/of/{name}-{'a' * len(code)}").status_code == 404
    assert client.get("/privacy/of/bakery").status_code == 404


def test_everything_that_readers_see_leads_to_it(client: Client, alice: Person, sent: Sent):
    with transaction():
        list_ = lists.create(alice.account, "More")
        form = SignUpForm(account_id=alice.account.id, name="F", slug="cake-news", is_open=True)
        db.session.add(form)
        db.session.flush()
        design = Design(lists=(Choice(list_.id, "More"),)).to_json()
        db.session.add(
            FormVersion(form_id=form.id, number=1, account_id=alice.account.id, design=design)
        )
        asking.queue(sent.contacts[0], "de")
    link = db.session.scalar(sa.select(Notice.text).where(Notice.kind == "preferences_link"))
    assert f"Datenschutz bei Bakery: http://localhost{at(alice)}" in link

    token = link.partition("http://localhost/p/")[2].split()[0]
    for path in (
        f"/p/{token}",
        sent.leave(),
        f"{sent.preferences()}/why",
        "/f/cake-news",
        f"/choices/{handles.handle(alice.account)}",
    ):
        page = client.get(path).text
        assert at(alice) in page, path
        assert 'href="/privacy"' not in page, path
