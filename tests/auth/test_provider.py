from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest
import sqlalchemy as sa
import urllib3
from joserfc import jwt
from joserfc.jwk import ECKey

from app.accounts.models import Notice
from app.auth import provider as protocol
from app.auth.models import ProviderLogin, SignedIn
from app.config import BadSetting, Config, load
from app.core import settings as process_settings
from app.core.clock import now
from app.core.db import db
from app.ops import doctor
from tests.auth.helpers import kinds, link, set_up_app, time_passes
from tests.conftest import SECRET as KEY
from tests.conftest import Client, Person
from tests.providerserver import CLIENT, SECRET, Provider

BACK = "/sign-in/provider/back"


@pytest.fixture
def there(app, settings: Config) -> Iterator[Provider]:
    """A provider, and LeaderSend set up for it."""
    with Provider() as server:
        server.redirect_uri = f"{settings.BASE_URL}{BACK}"
        process_settings.configure(
            replace(
                settings, OIDC_ISSUER=server.issuer, OIDC_CLIENT_ID=CLIENT,
                OIDC_CLIENT_SECRET=SECRET, OIDC_NAME="Bakery ID",
            )
        )  # fmt: skip
        yield server
        process_settings.configure(settings)


def leave(client: Client, path: str = "/sign-in/provider", **form: str) -> str:
    """Press the button; returns the address that the browser goes to."""
    page = client.post(path, data=form)
    assert page.status_code == 200, page.location
    found = re.search(r'http-equiv="refresh" content="0; url=([^"]+)"', page.text)
    assert found
    return unescape(found[1])


def visit(address: str) -> str:
    """Sign in there; returns the path that the browser comes back by."""
    answer = urllib3.request("GET", address, redirect=False, retries=False)
    assert answer.status == 302
    back = urlsplit(answer.headers["Location"])
    return f"{back.path}?{back.query}"


def come(client: Client, path: str = "/sign-in/provider", **form: str):
    """There and back."""
    return client.get(visit(leave(client, path, **form)))


def is_in(client: Client) -> bool:
    return client.get("/settings/business").status_code == 200


def linked(client: Client) -> None:
    """Alice has linked her login by mail."""
    come(client)
    client.post(link("provider_link"))


def test_a_login_is_linked_by_mail_and_lets_in_from_then_on(
    client: Client, there: Provider, alice: Person
):
    assert "Sign in with Bakery ID" in client.get("/sign-in").text

    assert come(client, next="/campaigns").location == "/sent"
    assert not is_in(client)
    path = link("provider_link")
    assert client.get(path).status_code == 200
    assert not db.session.scalars(sa.select(ProviderLogin)).all(), "looking links nothing"
    assert client.post(path).location == "/sign-in"
    assert client.post(path).status_code == 410

    assert come(client, next="/campaigns").location == "/campaigns"
    assert is_in(client)
    row = db.session.scalar(sa.select(SignedIn))
    assert (row.way, row.is_strong) == ("provider", False)
    assert there.problems == []


def test_the_provider_alone_does_not_pass_by_the_second_factor(
    client: Client, there: Provider, alice: Person
):
    linked(client)
    set_up_app(alice.member)
    assert come(client).location == "/sign-in/second"
    assert not is_in(client)

    there.lies = {"amr": ["pwd", "mfa"]}

    assert come(client).location == "/home"
    assert is_in(client)


@pytest.mark.parametrize(
    "claims",
    [{"email_verified": False}, {"email_verified": None}, {"email": "nobody@x.example"}],
)
def test_only_a_verified_address_of_somebody_here_is_asked(
    client: Client, there: Provider, alice: Person, claims: dict[str, object]
):
    there.lies = claims

    assert come(client).status_code == 403
    assert kinds() == []


@pytest.mark.parametrize(
    "lies",
    [{"nonce": "another"}, {"iss": "https://evil.example"}, {"aud": "another"}, {"exp": 1},
     {"azp": "another"}, {"sub": None}],
)  # fmt: skip
def test_tokens_that_are_not_right_are_refused(
    client: Client, there: Provider, alice: Person, lies: dict[str, object]
):
    linked(client)
    there.lies = lies

    assert come(client).location == "/sign-in"
    assert not is_in(client)


def test_tokens_of_others_are_refused(
    client: Client, there: Provider, alice: Person, monkeypatch: pytest.MonkeyPatch
):
    linked(client)
    claims = {
        "iss": there.issuer, "aud": CLIENT, "sub": "7-alice", "iat": int(time.time()),
        "exp": int(time.time()) + 300,
    }  # fmt: skip
    own = ECKey.generate_key("P-256", {"kid": "first"})
    public = there.key.as_pem(private=False)

    real = there.token

    def forged(kind: str, nonce: str) -> str:
        full = {**claims, "nonce": nonce}
        if kind == "own key":
            return jwt.encode({"alg": "ES256", "kid": "first"}, full, own)
        if kind == "public key as secret":
            signed = f"{_text({'alg': 'HS256', 'kid': 'first'})}.{_text(full)}"
            mac = hmac.new(public, signed.encode(), hashlib.sha256).digest()
            return f"{signed}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"
        return real(nonce).rsplit(".", 1)[0] + "."

    for kind in ("own key", "public key as secret", "no signature"):
        monkeypatch.setattr(there, "token", partial(forged, kind))

        assert come(client).location == "/sign-in", kind
        assert not is_in(client)


def _text(part: dict[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


def test_keys_that_change_are_fetched_anew(client: Client, there: Provider, alice: Person):
    linked(client)

    there.key = ECKey.generate_key("P-256", {"kid": "second", "use": "sig"})

    assert come(client).location == "/home"


def test_an_answer_counts_once_and_only_where_it_was_asked_for(
    client: Client, there: Provider, alice: Person
):
    linked(client)
    victim = client.application.test_client()
    back = visit(leave(client))

    assert victim.get(back).location == "/sign-in", "signed in as somebody else by their link"
    wrong = back.replace("state=", "state=x")
    assert client.get(wrong).location == "/sign-in"
    back = visit(leave(client))
    assert client.get(back).location == "/home"
    client.post("/sign-out")
    assert client.get(back).location == "/sign-in"
    other = visit(leave(client)).replace("iss=http", "iss=https")
    assert client.get(other).location == "/sign-in"


def test_the_address_is_asked_for_where_the_token_has_none(
    client: Client, there: Provider, alice: Person
):
    there.by_userinfo = True

    assert come(client).location == "/sent"
    assert kinds() == ["provider_link"]


def test_only_people_of_its_domains_come_in(
    client: Client, there: Provider, alice: Person, settings: Config
):
    linked(client)
    bound = replace(process_settings.get(), OIDC_DOMAINS=("garage.example",))
    process_settings.configure(bound)

    assert come(client).location == "/sign-in"
    assert not is_in(client)


def test_somebody_who_is_signed_in_links_and_removes_a_login(
    client: Client, there: Provider, alice: Person
):
    there.person = {"sub": "9", "email": "alice@private.example", "email_verified": True}
    client.sign_in(alice)
    assert come(client, "/settings/sign-in/provider").location == "/settings/sign-in"
    page = client.get("/settings/sign-in").text
    assert "alice@private.example" in page
    fresh = client.application.test_client()
    assert come(fresh).location == "/home"

    path = re.search(r"/settings/sign-in/provider/\d+/remove", page)
    client.post(path[0])

    assert come(client.application.test_client()).status_code == 403
    assert kinds().count("security_changed") == 2


def test_a_login_of_somebody_else_is_not_taken_over(
    client: Client, there: Provider, alice: Person, charlie: Person
):
    linked(client)
    thief = client.application.test_client()
    thief.sign_in(charlie)

    come(thief, "/settings/sign-in/provider")

    assert db.session.scalar(sa.select(ProviderLogin.member_id)) == alice.member.id


def test_confirming_by_the_provider_needs_a_fresh_sign_in_there(
    client: Client, there: Provider, alice: Person
):
    linked(client)
    come(client)
    time_passes(alice.member)
    there.lies = {"auth_time": int(now().timestamp()) - 7200}
    assert come(client, "/confirm/provider", next="/settings/sign-in").location == PAGE
    assert client.post("/settings/sign-in/app/begin").location.startswith("/confirm")

    there.lies = {}
    assert come(client, "/confirm/provider", next="/settings/sign-in").location == PAGE
    assert there.asked["prompt"] == "login"

    assert client.post("/settings/sign-in/app/begin").location == "/settings/sign-in/app"


PAGE = "/settings/sign-in"


def test_a_provider_that_is_away_says_so(client: Client, there: Provider, alice: Person):
    protocol._known.clear()
    there.__exit__()

    answer = client.post("/sign-in/provider")

    assert answer.status_code == 502
    assert "does not answer" in answer.text


def test_the_verifier_and_our_secret_are_not_shown_to_the_browser(
    client: Client, there: Provider, alice: Person
):
    address = leave(client)

    asked = parse_qs(urlsplit(address).query)
    assert set(asked) == {
        "tenant", "response_type", "client_id", "redirect_uri", "scope", "state", "nonce",
        "code_challenge", "code_challenge_method",
    }  # fmt: skip
    assert len({*asked["state"], *asked["nonce"], *asked["code_challenge"]}) == 3


def test_without_a_provider_there_is_nothing(client: Client, alice: Person):
    assert "Sign in with" not in client.get("/sign-in").text.replace("Sign in with a passkey", "")
    assert client.post("/sign-in/provider").status_code == 404
    assert client.get(BACK).status_code == 404


@pytest.mark.parametrize(
    "wrong", [{"OIDC_ISSUER": "http://id.example"}, {"OIDC_ISSUER": "https://id.example"}]
)
def test_settings_that_cannot_work_are_refused(tmp_path, wrong: dict[str, str]):
    with pytest.raises(BadSetting, match="OIDC_ISSUER"):
        load({"LEADERSEND_HOME": str(tmp_path), "SECRET_KEY": KEY, **wrong})


def test_nothing_is_mailed_twice_to_who_has_no_link(client: Client, there: Provider, alice: Person):
    linked(client)

    come(client)

    assert [row.kind for row in db.session.scalars(sa.select(Notice))] == ["provider_link"]


def test_the_doctor_asks_the_provider(there: Provider):
    config = process_settings.get()

    assert doctor.check_provider(config) == (
        f"Bakery ID lets people in at {there.issuer}/authorize?tenant=1"
    )
    with pytest.raises(doctor.Sick, match="does not answer"):
        doctor.check_provider(replace(config, OIDC_ISSUER="http://127.0.0.1:9"))
