from __future__ import annotations

import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask

from app.accounts import api_tokens, people
from app.accounts.models import Account, ApiToken, AuditEntry, Invitation, Member, Membership
from app.accounts.rights import ALL as ALL_RIGHTS
from app.auth import passwords
from app.core import tokens
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import Forbidden
from app.privacy.models import Acceptance
from app.trust import own_data
from tests.api.conftest import Program
from tests.auth.helpers import PASSWORD, kinds, link
from tests.conftest import Client, Person, at_once

ALL = tuple(api_tokens.SCOPES)


def place(person: Person) -> Membership:
    return db.session.scalar(
        sa.select(Membership).where(
            Membership.member_id == person.member.id, Membership.account_id == person.account.id
        )
    )


def invite(client: Client, email: str = "dora@bakery.example", role: str = "editor") -> str:
    answer = client.post("/settings/people/invite", data={"email": email, "role": role})
    assert answer.status_code == 303
    return link("invitation")


def test_somebody_new_joins_by_link_and_chooses_a_password(client: Client, alice: Person):
    client.sign_in(alice)
    path = invite(client)
    client.post("/sign-out")

    assert b"dora@bakery.example" in client.get(path).data
    joined = client.post(path, data={"name": "Dora", "accepts_policy": "y"})
    assert joined.location.startswith("/password/")
    client.post(joined.location, data={"password": PASSWORD})

    assert b"Bakery" in client.get("/settings/people").data
    dora = db.session.scalar(sa.select(Member).where(Member.email == "dora@bakery.example"))
    role = db.session.scalar(sa.select(Membership.role).where(Membership.member_id == dora.id))
    assert (dora.name, role) == ("Dora", "editor")
    assert db.session.scalar(sa.select(Acceptance.member_id)) == dora.id


def test_an_invitation_works_once_and_expires(client: Client, alice: Person, charlie: Person):
    client.sign_in(alice)
    path = invite(client)
    with time_machine.travel(now() + timedelta(days=8)):
        assert client.get(path).status_code == 410

    client.sign_in(charlie)
    assert client.post(path).status_code == 303
    assert client.post(path).status_code == 410
    assert client.get(path).status_code == 410


def test_somebody_with_an_account_signs_in_first(client: Client, alice: Person, charlie: Person):
    with transaction():
        charlie.member.password_hash = passwords.hashed(PASSWORD)
    client.sign_in(alice)
    path = invite(client, charlie.member.email, "viewer")
    client.post("/sign-out")

    answer = client.post(path, data={"name": "x", "accepts_policy": "y"})

    assert answer.location == f"/sign-in?next={path}"
    assert place(Person(charlie.member, alice.account)) is None


def test_who_joins_another_account_can_change_between_them(
    client: Client, alice: Person, charlie: Person
):
    client.sign_in(alice)
    path = invite(client)
    client.sign_in(charlie)
    client.post(path)
    assert b'value="Bakery"' in client.get("/settings/business").data

    client.post(f"/accounts/{charlie.account.id}/look")

    assert b'value="Garage"' in client.get("/settings/business").data


def test_nobody_looks_at_an_account_of_others(client: Client, alice: Person, charlie: Person):
    client.sign_in(charlie)

    assert client.post(f"/accounts/{alice.account.id}/look").status_code == 404


def test_an_invitation_is_stored_as_a_hash_and_replaced_by_the_next(client: Client, alice: Person):
    client.sign_in(alice)
    first = invite(client)
    second = invite(client)

    row = db.session.scalars(sa.select(Invitation)).one()
    assert row.token_hash == tokens.hashed(second.removeprefix("/join/"))
    assert client.get(first).status_code == 410


def test_an_invitation_can_be_taken_back(client: Client, alice: Person):
    client.sign_in(alice)
    path = invite(client)
    row = db.session.scalars(sa.select(Invitation)).one()

    client.post(f"/settings/invitations/{row.id}/take-back")

    assert client.get(path).status_code == 410


def test_people_who_are_here_are_not_invited(client: Client, alice: Person, bob: Person):
    client.sign_in(alice)

    answer = client.post(
        "/settings/people/invite", data={"email": bob.member.email, "role": "viewer"}
    )

    assert answer.status_code == 422
    assert b"They are here already" in answer.data
    assert kinds() == []


def test_an_owner_changes_roles_and_removes_people(client: Client, alice: Person, bob: Person):
    client.sign_in(alice)
    client.post(f"/settings/people/{place(bob).id}/role", data={"role": "viewer"})
    db.session.expire_all()
    assert place(bob).role == "viewer"

    client.post(f"/settings/people/{place(bob).id}/remove")

    assert place(bob) is None
    verbs = db.session.scalars(sa.select(AuditEntry.verb).order_by(AuditEntry.id)).all()
    assert verbs == ["person.role", "person.remove"]


def test_somebody_who_was_removed_has_no_access_at_once(client: Client, alice: Person, bob: Person):
    client.sign_in(bob)
    assert client.get("/settings/people").status_code == 200
    with transaction():
        people.remove(alice.account, alice.member, place(bob).id)

    assert client.get("/settings/people").status_code == 404
    assert client.get("/settings/profile").status_code == 200


def test_the_last_owner_stays(client: Client, alice: Person, bob: Person):
    client.sign_in(alice)

    removed = client.post(f"/settings/people/{place(alice).id}/remove")
    demoted = client.post(f"/settings/people/{place(alice).id}/role", data={"role": "editor"})

    assert (removed.status_code, demoted.status_code) == (409, 409)
    assert b"needs an owner" in removed.data
    assert place(alice).role == "owner"


@pytest.mark.parametrize("round_", range(3))
def test_two_owners_cannot_demote_each_other_at_once(
    whole_app: Flask, app, alice: Person, bob: Person, round_: int
):
    with transaction():
        place(bob).role = "owner"
    account_id, alice_id, ids = alice.account.id, alice.member.id, [place(alice).id, place(bob).id]
    db.session.rollback()
    begin = threading.Barrier(2)
    refused: list[people.LastOwner] = []

    def demote(membership_id: int) -> None:
        with whole_app.app_context():
            begin.wait()
            try:
                with transaction():
                    account = db.session.get(Account, account_id)
                    member = db.session.get(Member, alice_id)
                    people.change_role(account, member, membership_id, role="editor")
            except people.LastOwner as error:
                refused.append(error)
            db.session.remove()

    threads = [threading.Thread(target=demote, args=(id_,)) for id_ in ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    roles = db.session.scalars(sa.select(Membership.role).where(Membership.id.in_(ids))).all()
    assert sorted(roles) == ["editor", "owner"]
    assert len(refused) == 1


OWNERS_ONLY = (
    "/settings/business", "/settings/people/invite", "/settings/people/1/role",
    "/settings/people/1/remove", "/settings/mail-server", "/settings/mail-server/1",
    "/settings/mail-server/1/test", "/settings/mail-server/1/remove", "/settings/api-tokens",
    "/settings/api-tokens/1/revoke",
)  # fmt: skip


@pytest.mark.parametrize("path", OWNERS_ONLY)
def test_only_owners_change_the_account(client: Client, bob: Person, vera: Person, path: str):
    for person in (bob, vera):
        client.sign_in(person)
        assert client.post(path).status_code == 403


@pytest.mark.parametrize(
    "path", ["/settings/mail-server", "/settings/api-tokens", "/settings/audit"]
)
def test_only_owners_see_servers_tokens_and_the_audit(
    client: Client, alice: Person, bob: Person, path: str
):
    client.sign_in(bob)
    assert client.get(path).status_code == 403

    client.sign_in(alice)
    assert client.get(path).status_code == 200


def test_a_viewer_adds_no_sender(client: Client, vera: Person):
    client.sign_in(vera)

    assert client.get("/settings/senders").status_code == 200
    assert client.post("/settings/senders", data={"email": "x@x.example"}).status_code == 403


def test_another_accounts_people_are_not_found(client: Client, alice: Person, charlie: Person):
    client.sign_in(charlie)

    for verb in ("role", "remove"):
        path = f"/settings/people/{place(alice).id}/{verb}"
        assert client.post(path, data={"role": "viewer"}).status_code == 404
    assert place(alice).role == "owner"


def test_fifty_at_once_cannot_remove_the_last_owner(whole_app: Flask, alice: Person, bob: Person):
    with transaction():
        place(bob).role = "owner"
    ids, member_id = [place(alice).id, place(bob).id], alice.member.id
    account_id, turns = alice.account.id, iter(range(50))

    def remove() -> None:
        account, by = db.session.get(Account, account_id), db.session.get(Member, member_id)
        people.remove(account, by, ids[next(turns) % 2])

    refused = at_once(whole_app, 50, remove)

    left = db.session.scalars(
        sa.select(Membership.role).where(Membership.account_id == account_id)
    ).all()
    assert (left, len(refused)) == (["owner"], 49)


def test_an_invitation_that_is_accepted_often_at_once_makes_one_member(
    whole_app: Flask, client: Client, alice: Person, charlie: Person
):
    client.sign_in(alice)
    secret = invite(client).removeprefix("/join/")
    member_id = charlie.member.id

    def accept() -> None:
        people.accept(secret, db.session.get(Member, member_id))

    refused = at_once(whole_app, 20, accept)

    places = sa.select(sa.func.count()).where(
        Membership.member_id == member_id, Membership.account_id == alice.account.id
    )
    assert (db.session.scalar(places), len(refused)) == (1, 19)


@pytest.mark.parametrize("how", ["removed", "demoted", "gone"])
def test_who_leaves_comes_back_by_nothing_that_they_made(
    client: Client, alice: Person, bob: Person, how: str
) -> None:
    with transaction():
        place(bob).role = "owner"
    client.sign_in(bob)
    as_owner = invite(client, "second@bob.example", "owner")
    as_viewer = invite(client, "vera@bakery.example", "viewer")
    with transaction():
        mine, secret = api_tokens.make(bob.account, bob.member, name="Till", scopes=ALL)
        kept, _ = api_tokens.make(alice.account, alice.member, name="Shop", scopes=ALL)
    assert Program(client, secret)("GET", "/lists").status_code == 200
    ids = {"mine": mine.id, "kept": kept.id, "place": place(bob).id}

    client.sign_in(alice)
    if how == "removed":
        assert "made 1 API token<" in client.get("/settings/people").text
        client.post(f"/settings/people/{ids['place']}/remove")
        told = client.get("/settings/people").text
        assert "With it ended 1 API token and 2 open invitations that they had made." in told
    elif how == "demoted":
        role = {"role": "writer", "custom": "y", "rights": ["people", "contacts.read",
                                                            "reports.read"]}  # fmt: skip
        client.post(f"/settings/people/{ids['place']}/role", data=role)
    else:
        with transaction():
            own_data.delete_login(db.session.merge(bob.member), typed=bob.member.email)

    assert Program(client, secret)("GET", "/lists").status_code == 401
    assert db.session.get_one(ApiToken, ids["kept"], populate_existing=True).revoked_at is None
    assert client.get(as_owner).status_code == 410
    # Who may still invite viewers has done so rightly.
    assert client.get(as_viewer).status_code == (200 if how == "demoted" else 410)
    client.post("/sign-out")
    assert client.post(as_owner, data={"name": "B", "accepts_policy": "y"}).status_code == 410


def test_a_token_in_use_is_shown_however_many_were_made_since(
    client: Client, alice: Person
) -> None:
    with transaction():
        api_tokens.make(alice.account, alice.member, name="The old till", scopes=ALL)
        dead = {"account_id": alice.account.id, "scopes": list(ALL), "revoked_at": now()}
        db.session.add_all(ApiToken(token_hash=f"{n}", name="dead", **dead) for n in range(100))

    client.sign_in(alice)

    assert "The old till" in client.get("/settings/api-tokens").text


def test_nobody_makes_a_token_who_is_no_owner_any_more(alice: Person, bob: Person) -> None:
    with pytest.raises(Forbidden), transaction():
        api_tokens.make(bob.account, bob.member, name="Till", scopes=ALL)


def test_somebody_is_invited_with_rights_of_their_own(client: Client, alice: Person) -> None:
    client.sign_in(alice)
    form = {"email": "dora@bakery.example", "role": "viewer", "custom": "y", "rights": "billing"}
    client.post("/settings/people/invite", data=form)
    path = link("invitation")
    assert "with own rights" in client.get("/settings/people").text
    client.post("/sign-out")

    assert "See and change the plan and invoices" in client.get(path).text
    joined = client.post(path, data={"name": "Dora", "accepts_policy": "y"})
    client.post(joined.location, data={"password": PASSWORD})

    row = db.session.scalars(sa.select(Membership).order_by(Membership.id.desc())).first()
    assert (row.role, row.rights) == ("viewer", ["billing"])
    assert client.get("/campaigns").status_code == 403


def test_nobody_offers_or_takes_back_more_than_they_have(
    client: Client, alice: Person, bob: Person
) -> None:
    client.sign_in(alice)
    path = invite(client, role="owner")
    row = db.session.scalars(sa.select(Invitation)).one()
    with transaction():
        place(bob).role, place(bob).rights = "viewer", ["people", "reports.read"]
    client.sign_in(bob)
    everything = {
        "email": "eve@bob.example",
        "role": "viewer",
        "custom": "y",
        "rights": [*ALL_RIGHTS],
    }

    assert client.post("/settings/people/invite", data=everything).status_code == 403
    lesser = {"email": "dora@bakery.example", "role": "viewer", "custom": "y", "rights": "people"}
    assert client.post("/settings/people/invite", data=lesser).status_code == 403
    assert client.post(f"/settings/invitations/{row.id}/take-back").status_code == 403
    assert client.post(f"/settings/invitations/{row.id}/again").status_code == 403
    assert client.get(path).status_code == 200


def test_an_invitation_is_sent_again_with_a_new_link(client: Client, alice: Person):
    client.sign_in(alice)
    first = invite(client, role="writer")
    row = db.session.scalars(sa.select(Invitation)).one()
    with time_machine.travel(now() + timedelta(days=8)):
        client.sign_in(alice)
        assert b"expired" in client.get("/settings/people").data
        assert client.post(f"/settings/invitations/{row.id}/again").status_code == 303
        second = link("invitation")
        assert second != first
        assert client.get(second).status_code == 200
        assert client.get(first).status_code == 410
    again = db.session.scalars(sa.select(Invitation)).one()
    assert (again.role, again.email) == ("writer", row.email)
