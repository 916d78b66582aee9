"""A backup brought back: F38, nobody is mailed twice, and who left stays out."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from app.accounts import api_tokens, people
from app.accounts.models import Account, ApiToken, Member, Notice
from app.auth import links, passkeys, passwords, profiles, second_factors, sessions
from app.auth.models import (
    Authenticator,
    EmailChange,
    KnownBrowser,
    Passkey,
    ProviderLogin,
    RecoveryCode,
)
from app.campaigns import checks, restored, scheduling
from app.campaigns.archive import deciding as showing
from app.campaigns.models import Campaign, Restoration
from app.config import Config
from app.contacts import consent, erasing, pausing
from app.contacts.models import Contact, ContactList, Headcount, Pause, Suppression
from app.core import tokens
from app.core.clock import now
from app.core.db import db, transaction
from app.core.migrating import upgrade
from app.delivery import deciding, sweeping
from app.delivery.models import Delivery
from app.ops import backup
from app.ops.backup import archive, databases, numbers, sealing
from app.sharing import outsiders, telling
from app.tracking.models import StoppedLink
from app.trust import suspending
from app.trust.models import Suspension
from tests.conftest import Client, Person, add_member
from tests.delivery.conftest import check, states, work
from tests.faultserver import FaultServer
from tests.ops.backups.conftest import let_go

Make = Callable[..., Campaign]
PEOPLE = [f"{'grey.' if n > 3 else ''}reader{n:02}@bakery.example" for n in range(12)]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "backup.age"


@pytest.fixture
def half_sent(app: Flask, campaign_to: Make, to_server: FaultServer) -> int:
    """The id of a campaign of which four mails went; the mail server wants the others later."""
    campaign = campaign_to(PEOPLE)
    work(campaign)
    db.session.refresh(campaign)
    assert campaign.state == "sending"
    assert sorted(to_server.recipients()) == PEOPLE[:4]
    return campaign.id


def later(campaign_id: int, people: list[str]) -> None:
    """Time passes, and those are tried again."""
    with transaction():
        ids = sa.select(Contact.id).where(Contact.address.in_(people))
        db.session.execute(
            sa.update(Delivery)
            .where(Delivery.contact_id.in_(ids), Delivery.state == "deferred")
            .values(next_try_at=now() - timedelta(seconds=1))
            .execution_options(synchronize_session=False)
        )
    sweeping.sweep()
    work(db.session.get_one(Campaign, campaign_id))


def bring_back(config: Config, file: Path) -> backup.Restored:
    let_go()
    return backup.restore(config, file, overwrite=True)


def someone(n: int) -> Contact:
    return db.session.scalars(sa.select(Contact).where(Contact.address == PEOPLE[n])).one()


def show_and_share(campaign_id: int) -> str:
    """A public page, and a link for somebody outside."""
    campaign = db.session.get_one(Campaign, campaign_id)
    with transaction():
        showing.decide(campaign, "yes")
        member = db.session.scalars(sa.select(Member)).first()
        assert member is not None
        return outsiders.token(outsiders.make(campaign, member, outsiders.Wish("report", 7)))


def take_back(campaign_id: int, token: str) -> None:
    """And a stranger who wants to be told of nothing."""
    with transaction():
        showing.decide(db.session.get_one(Campaign, campaign_id), "no")
        outsiders.revoke(outsiders.find(token))
        telling.never(telling.never_link("friend@b.example").rpartition("/")[2])


def expect_taken_back(campaign_id: int, token: str) -> None:
    """Nothing of it came back to life."""
    page = showing.page_of(db.session.get_one(Campaign, campaign_id))
    assert page is not None
    assert not page.is_public
    with pytest.raises(outsiders.Over):
        outsiders.find(token)
    assert telling.is_never(telling.never_link("friend@b.example").rpartition("/")[2])


def test_f38_what_happened_since_is_carried_over(
    settings: Config, half_sent: int, to_server: FaultServer, file: Path
) -> None:
    token = show_and_share(half_sent)
    backup.write(settings, file, encrypt=True)
    later(half_sent, PEOPLE[4:8])
    with transaction():
        consent.withdraw(someone(8), source="link")
        consent.leave_list(someone(9), db.session.scalars(sa.select(ContactList)).one(),
                           source="preferences")  # fmt: skip
        erasing.erase(someone(10), by="person")
        pausing.pause(someone(7), 30)
        db.session.add(Contact(account_id=someone(11).account_id, email="new@b.example",
                               address="new@b.example"))  # fmt: skip
    last = db.session.scalar(sa.select(sa.func.max(Contact.id))) or 0
    take_back(half_sent, token)

    done = bring_back(settings, file)

    assert done.carried is not None
    assert (done.carried.left, done.carried.ended, done.carried.erased) == (2, 1, 1)
    assert (done.carried.mails, done.carried.paused) == (4, 1)
    assert db.session.scalars(sa.select(Pause.contact_id)).all() == [someone(7).id]
    assert (done.waiting, restored.unconfirmed()) == (1, None)
    expect_taken_back(half_sent, token)
    campaign = db.session.get_one(Campaign, half_sent)
    assert campaign.state == "paused"
    assert "Who got this mail since it was made is known" in campaign.pause_reason
    assert db.session.scalars(sa.select(Contact).where(Contact.address == PEOPLE[10])).all() == []
    people = db.session.scalar(sa.select(sa.func.count()).select_from(Contact))
    assert people == len(PEOPLE) - 1
    check(campaign)
    with transaction():
        scheduling.resume(campaign)

    later(half_sent, PEOPLE)

    assert sorted(to_server.recipients()) == sorted([*PEOPLE[:8], PEOPLE[11]])
    campaign = db.session.get_one(Campaign, half_sent)
    assert sorted(states(campaign).values()).count("sent") == 9
    with transaction():
        newest = Contact(account_id=campaign.account_id, email="v@b.example", address="v@b.example")
        db.session.add(newest)
    assert newest.id > last, "a link that was mailed would mean somebody else"


def test_nobody_comes_in_by_what_was_taken_from_them_since(
    settings: Config, alice: Person, bob: Person, file: Path
) -> None:
    carol = add_member(alice.account, "carol@bakery.example", "Carol", "editor")
    with transaction():
        alice.member.password_hash = passwords.hashed("what a thief has found out")
        token, _ = api_tokens.make(alice.account, alice.member, name="x", scopes=["contacts:read"])
        kept, _ = api_tokens.make(alice.account, alice.member, name="y", scopes=["contacts:read"])
        people.invite(alice.account, alice.member, email="eve@bakery.example", role="owner")
        db.session.add(Passkey(member_id=alice.member.id, name="Lost", credential_id="c",
                               public_key="p"))  # fmt: skip
        session, used = sessions.start(alice.member), passwords.issue(alice.member)
    backup.write(settings, file, encrypt=True)
    places = {row.member_id: row.id for row in people.members(alice.account)}
    kept_id = kept.id
    with transaction():
        people.remove(alice.account, alice.member, places[bob.member.id])
        people.change_role(alice.account, alice.member, places[carol.member.id], role="viewer")
        api_tokens.revoke(alice.account, alice.member, token.id)
        passkeys.remove(alice.member, db.session.scalar(sa.select(Passkey.id)) or 0)
        passwords.redeem(used, "words that nobody else knows")
        suspending.suspend(alice.account, alice.member, kind="sending", reason="Bought lists.")
        db.session.add(StoppedLink(key="host:evil.example", reason="It steals passwords."))

    assert bring_back(settings, file).carried is not None

    roles = {row.member.email: row.role for row in people.members(alice.account)}
    assert roles == {"alice@bakery.example": "owner", "carol@bakery.example": "viewer"}
    living = sa.select(ApiToken.id).where(ApiToken.revoked_at.is_(None))
    assert db.session.scalars(living).all() == [kept_id]
    assert db.session.scalar(sa.select(Passkey.id)) is None
    member = db.session.get_one(Member, alice.member.id)
    assert passwords.matches(member, "words that nobody else knows")
    assert not passwords.matches(member, "what a thief has found out")
    assert sessions.find(session) is None
    with pytest.raises(links.DeadLink):
        passwords.find(used)
    assert db.session.get_one(Account, alice.account.id).barred == "sending"
    assert db.session.scalars(sa.select(Suspension.reason)).all() == ["Bought lists."]
    assert db.session.scalars(sa.select(StoppedLink.key)).all() == ["host:evil.example"]
    assert all(one.expires_at <= now() for one in people.open_invitations(alice.account))


def add_ways(member: Member, name: str) -> None:
    """One of each, as somebody has them who comes in by them."""
    db.session.add_all(
        [
            Passkey(member_id=member.id, name=name, credential_id=name, public_key="p"),
            ProviderLogin(member_id=member.id, issuer="https://id.example", subject=name),
            KnownBrowser(member_id=member.id, token_hash=name),
        ]
    )
    db.session.flush()


def move_to(member: Member, email: str) -> str:
    """Their new address answers; returns the secret of the way back."""
    with transaction():
        profiles.ask_for_email(member, email)
        change = db.session.scalars(
            sa.select(EmailChange).where(EmailChange.email == email, EmailChange.used_at.is_(None))
        ).one()
        change.token_hash = tokens.hashed(email)
    with transaction():
        profiles.confirm_email(email)
    told = sa.select(Notice.text).where(Notice.kind == "email_changed").order_by(Notice.id.desc())
    return (db.session.scalar(told) or "").partition("/email/back/")[2].split()[0]


def names_of_ways() -> list[tuple[str, ...]]:
    return [
        tuple(db.session.scalars(sa.select(column).order_by(column)))
        for column in (Passkey.name, ProviderLogin.subject, KnownBrowser.token_hash)
    ]


def test_what_an_alarm_took_from_a_thief_stays_taken(
    settings: Config, alice: Person, bob: Person, file: Path
) -> None:
    with transaction():
        add_ways(alice.member, "alice")
        add_ways(bob.member, "bob")
    way_back = move_to(alice.member, "thief@evil.example")
    with transaction():
        add_ways(alice.member, "thief")
    theirs = move_to(alice.member, "thief2@evil.example")
    backup.write(settings, file, encrypt=True)
    with transaction():
        member_id = profiles.take_back(way_back).id

    assert bring_back(settings, file).carried is not None

    assert db.session.get_one(Member, member_id).email == "alice@bakery.example"
    assert names_of_ways() == [("alice", "bob")] * 3
    for secret in (way_back, theirs):
        with pytest.raises(links.DeadLink):
            profiles.find_way_back(secret)


def test_second_factors_that_somebody_gave_up_do_not_come_back(
    settings: Config, alice: Person, bob: Person, file: Path
) -> None:
    carol = add_member(alice.account, "carol@bakery.example", "Carol", "editor")
    with transaction():
        for person in (alice, bob, carol):
            db.session.add(Authenticator(member_id=person.member.id, sealed_secret="s",
                                         confirmed_at=now()))  # fmt: skip
            second_factors.make_recovery_codes(person.member)
    ids = {bob.member.id, carol.member.id}
    backup.write(settings, file, encrypt=True)
    with transaction():
        second_factors.remove(alice.member)
        second_factors.make_recovery_codes(bob.member)
        first = db.session.scalar(sa.select(sa.func.min(RecoveryCode.id)).where(
            RecoveryCode.member_id == carol.member.id))  # fmt: skip
        db.session.get_one(RecoveryCode, first).used_at = now()

    assert bring_back(settings, file).carried is not None

    apps = set(db.session.scalars(sa.select(Authenticator.member_id)))
    assert apps == ids
    codes = dict(
        db.session.execute(
            sa.select(RecoveryCode.member_id, sa.func.count()).group_by(RecoveryCode.member_id)
        ).all()
    )
    assert codes == {max(ids): second_factors.RECOVERY_CODES - 1}


def test_two_who_exchanged_their_addresses_keep_them_and_the_way_back(
    settings: Config, alice: Person, bob: Person, file: Path
) -> None:
    ids = [alice.member.id, bob.member.id]
    backup.write(settings, file, encrypt=True)
    move_to(alice.member, "alice@new.example")
    move_to(bob.member, "alice@bakery.example")
    way_back = move_to(alice.member, "bob@bakery.example")

    assert bring_back(settings, file).carried is not None

    emails = [db.session.get_one(Member, member_id).email for member_id in ids]
    assert emails == ["bob@bakery.example", "alice@bakery.example"]
    assert profiles.find_way_back(way_back).old_email == "alice@new.example"


def test_f38_on_an_empty_machine_nothing_is_sent_until_somebody_confirms(
    settings: Config, half_sent: int, to_server: FaultServer, file: Path, tmp_path: Path,
    empty_database: Callable[[str], str],
) -> None:  # fmt: skip
    backup.write(settings, file, encrypt=True)
    other = replace(
        settings, LEADERSEND_HOME=tmp_path / "other", DATABASE_URL=empty_database("other")
    )
    other.LEADERSEND_HOME.mkdir(exist_ok=True)
    key = settings.LEADERSEND_HOME / "backup_key"

    with pytest.raises(backup.Trouble, match="--key"):
        backup.restore(other, file, overwrite=False)
    done = backup.restore(other, file, overwrite=False, key=key)

    assert (done.waiting, done.carried) == (1, None)
    assert (other.LEADERSEND_HOME / "secret_key").read_text() == settings.SECRET_KEY
    # This application now looks at it as the other would.
    let_go()
    backup.write(other, file)
    _break_database(settings)
    assert bring_back(settings, file).carried is None
    campaign = db.session.get_one(Campaign, half_sent)
    with pytest.raises(restored.NotConfirmed, match="nothing is sent until"), transaction():
        scheduling.resume(campaign)
    with pytest.raises(restored.NotConfirmed), transaction():
        deciding.send_again(campaign)
    blocks = [found for found in checks.preflight(campaign) if found.code == "restored"]
    assert [found.level for found in blocks] == ["block"]
    assert backup.confirm(settings, "vera@example.com") == 2
    db.session.rollback()
    with transaction():
        scheduling.resume(campaign)
    later(half_sent, PEOPLE)
    assert sorted(to_server.recipients()) == sorted(PEOPLE)


def _break_database(config: Config) -> None:
    let_go()
    path = databases.sqlite_file(config)
    if path is not None:
        path.write_bytes(b"rubbish " * 4096)
        return
    with sa.create_engine(config.DATABASE_URL, poolclass=sa.NullPool).begin() as connection:
        connection.execute(sa.text("ALTER TABLE suppression RENAME TO lost"))


def test_a_campaign_that_was_begun_since_is_closed(
    settings: Config, app: Flask, campaign_to: Make, to_server: FaultServer, file: Path
) -> None:
    campaign = campaign_to(PEOPLE, state="draft", started_at=None)
    backup.write(settings, file)
    with transaction():
        campaign.state, campaign.started_at = "sending", now()
    campaign_id = campaign.id
    work(campaign)

    done = bring_back(settings, file)

    assert done.carried is not None
    assert done.carried.begun == 1
    again = db.session.get_one(Campaign, campaign_id)
    assert again.state == "cancelled"
    assert "nobody gets it twice" in again.pause_reason


def test_one_that_was_half_planned_is_closed(
    settings: Config, app: Flask, campaign_to: Make, to_server: FaultServer, file: Path
) -> None:
    campaign = campaign_to(PEOPLE)
    campaign_id = campaign.id
    backup.write(settings, file)
    work(campaign)

    bring_back(settings, file)

    assert db.session.get_one(Campaign, campaign_id).state == "cancelled"


def test_what_is_scheduled_is_a_draft_again_and_system_mail_stays(
    settings: Config, app: Flask, campaign_to: Make, file: Path
) -> None:
    campaign = campaign_to(PEOPLE, state="scheduled", due_at=now(), started_at=None)
    with transaction():
        db.session.add(
            Notice(
                kind="invitation",
                to_email="bob@bakery.example",
                subject="S",
                text="t",
                html="h",
                headers={},
                state="pending",
                due_at=now(),
            )
        )
    backup.write(settings, file)

    done = bring_back(settings, file)

    again = db.session.get_one(Campaign, campaign.id)
    assert (done.waiting, again.state, again.due_at, again.pause_reason) == (1, "draft", None, "")
    assert db.session.scalars(sa.select(Notice.state)).all() == ["uncertain"]


def test_the_counters_are_true_again(settings: Config, half_sent: int, file: Path) -> None:
    account_id = someone(11).account_id
    with transaction():
        db.session.add(Headcount(account_id=account_id, people=12))
    backup.write(settings, file)
    with transaction():
        consent.leave_list(someone(9), db.session.scalars(sa.select(ContactList)).one(),
                           source="preferences")  # fmt: skip
        erasing.erase(someone(10), by="person")

    bring_back(settings, file)

    chosen = db.session.scalars(sa.select(ContactList)).one()
    assert chosen.active == 10
    assert db.session.get_one(Headcount, account_id).people == 11


def test_a_stronger_word_wins_over_a_weaker(
    settings: Config, app: Flask, alice: Person, campaign_to: Make, file: Path
) -> None:
    from app.contacts import suppressions

    campaign_to(PEOPLE)
    account = alice.account.id
    with transaction():
        suppressions.add(account, PEOPLE[0], reason="account")
    backup.write(settings, file)
    with transaction():
        suppressions.add(account, PEOPLE[0], reason="unsubscribed")

    bring_back(settings, file)

    (kept,) = db.session.scalars(sa.select(Suppression)).all()
    assert kept.reason == "unsubscribed"


def test_another_installations_database_is_nothing_to_carry_over(
    settings: Config, app: Flask, alice: Person, file: Path
) -> None:
    (settings.LEADERSEND_HOME / "secret_key").write_text("another secret, long enough 0123456789")
    other = replace(settings, SECRET_KEY="another secret, long enough 0123456789")
    backup.write(other, file)

    assert bring_back(settings, file).carried is None


@pytest.mark.parametrize("harm", ["cut", "flipped", "wrong key"])
@pytest.mark.parametrize("encrypt", [True, False])
def test_a_damaged_one_changes_nothing(
    settings: Config, app: Flask, alice: Person, file: Path, tmp_path: Path,
    harm: str, encrypt: bool,
) -> None:  # fmt: skip
    if harm == "wrong key" and not encrypt:
        return
    backup.write(settings, file, encrypt=encrypt)
    whole = bytearray(file.read_bytes())
    if harm == "cut":
        del whole[-2000:]
    elif harm == "flipped":
        whole[len(whole) // 2] ^= 1
    file.write_bytes(whole)
    with transaction():
        db.session.execute(sa.update(Account).values(name="Later"))
    if harm == "wrong key":
        sealing.key_of(tmp_path)
        (settings.LEADERSEND_HOME / "backup_key").write_text((tmp_path / "backup_key").read_text())

    let_go()
    with pytest.raises(backup.Trouble):
        backup.restore(settings, file, overwrite=True)

    assert db.session.scalars(sa.select(Account.name)).all() == ["Later"]
    assert db.session.scalars(sa.select(Restoration)).all() == []
    assert list(settings.LEADERSEND_HOME.glob("backup-*")) == []


def test_data_is_overwritten_only_when_told_to(
    settings: Config, app: Flask, alice: Person, file: Path
) -> None:
    backup.write(settings, file)

    let_go()
    with pytest.raises(backup.Trouble, match="--replace"):
        backup.restore(settings, file, overwrite=False)


def test_one_of_the_version_before_is_brought_up(
    settings: Config, app: Flask, tmp_path: Path, file: Path,
    empty_database: Callable[[str], str],
) -> None:  # fmt: skip
    """Of format 1, and of the first schema."""
    old = replace(settings, DATABASE_URL=empty_database("old"))
    (tmp_path / "old").mkdir(exist_ok=True)
    upgrade(old.DATABASE_URL, "0003")
    databases.dump(old, tmp_path / "database")
    with tarfile.open(file, "w:gz") as made:
        about = {"format": 1, "made_at": (now() - timedelta(days=1)).isoformat(),
                 "database": databases.kind(settings)}  # fmt: skip
        entry = tarfile.TarInfo("about.json")
        content = json.dumps(about).encode()
        entry.size = len(content)
        made.addfile(entry, BytesIO(content))
        made.add(tmp_path / "database", "database")
        made.add(settings.LEADERSEND_HOME / "secret_key", "home/secret_key")

    done = bring_back(settings, file)

    assert done.carried is not None
    assert db.session.scalars(sa.select(Account)).all() == []


def test_files_come_back_and_a_fuller_journal_stays(
    settings: Config, app: Flask, file: Path
) -> None:
    home = settings.LEADERSEND_HOME
    for name in ("uploads", "journal"):
        (home / name).mkdir(exist_ok=True)
        (home / name / "one").write_text("then")
    backup.write(settings, file)
    for name in ("uploads", "journal"):
        (home / name / "one").write_text("now, and more of it")

    bring_back(settings, file)

    assert (home / "uploads" / "one").read_text() == "then"
    assert (home / "journal" / "one").read_text() == "now, and more of it"


def test_a_backup_in_the_data_folder_does_not_hold_itself(
    settings: Config, app: Flask, tmp_path: Path
) -> None:
    inside = replace(settings, BACKUP_TO=str(settings.LEADERSEND_HOME / "store"))
    (settings.LEADERSEND_HOME / "store").mkdir()
    (settings.LEADERSEND_HOME / "store" / "old").write_text("old")
    target = settings.LEADERSEND_HOME / "b.tar.gz"
    backup.write(inside, target)

    with tarfile.open(target) as made:
        names = made.getnames()
    assert not [name for name in names if "store" in name or "partial" in name]


def test_far_behind_is_far_enough(app: Flask, alice: Person) -> None:
    with transaction():
        connection = db.session.connection()
        before = numbers.last_ids(connection)["account"]
        numbers.go_behind(connection, None)
        assert numbers.last_ids(connection)["account"] == before + numbers.FAR
        numbers.go_behind(connection, {"account": 5})
        assert numbers.last_ids(connection)["account"] == before + numbers.FAR


def test_the_newer_format_is_refused(
    app: Flask, settings: Config, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "FORMAT", 3)
    backup.write(settings, file)

    let_go()
    with pytest.raises(backup.Trouble, match="newer version"):
        backup.restore(settings, file, overwrite=True)


def test_the_page_says_why_and_staff_confirm(
    app: Flask, client: Client, alice: Person, charlie: Person
) -> None:
    with transaction():
        alice.member.staff_roles = ["service"]
        charlie.member.staff_roles = ["billing"]
        db.session.add(Restoration(made_at=now()))
    client.sign_in(charlie)
    assert client.get("/staff/backups").status_code == 404
    assert client.post("/staff/backups/confirm").status_code == 404
    client.sign_in(alice)
    assert "Nothing is sent." in client.get("/staff/backups").text

    assert client.post("/staff/backups/confirm").status_code == 303

    db.session.rollback()
    (row,) = db.session.scalars(sa.select(Restoration)).all()
    assert row.confirmed_by == alice.member.email
    assert "Nothing is sent." not in client.get("/staff/backups").text
