"""Signing in by a provider that speaks OpenID Connect: the protocol, without what it means here.

Authorization code flow (OpenID Connect Core 1.0, 3.1) with PKCE (RFC 7636), state and nonce; where
the provider's addresses are is read from its own document (Discovery 1.0). Tokens are verified by
joserfc. No function here writes, for it waits for another server.
"""

from __future__ import annotations

import base64
import hashlib
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from app.core import settings, tokens
from app.core.clock import now
from app.core.errors import DomainError

if TYPE_CHECKING:
    from joserfc.jwk import KeySet

SCOPE = "openid email profile"
#: Signatures by a key pair only: neither `none` nor a secret that both sides know.
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]
TIMEOUT_S = 5.0
LARGEST = 500_000
CACHED_S = 3600
CLOCKS_DIFFER_S = 60


class Unusable(DomainError):
    """The provider does not answer, or not as it should."""

    status = 502

    def __init__(self, why: str) -> None:
        name = settings.get().OIDC_NAME
        super().__init__(f"Signing in with {name} does not work now: {why} Try another way.")


@dataclass(frozen=True)
class Endpoints:
    """Where the provider takes what."""

    authorization: str
    token: str
    keys: str
    userinfo: str
    by_form: bool
    """Whether it wants our secret in the form instead of the header."""
    fetched_at: float


@dataclass(frozen=True)
class Said:
    """What the provider says about somebody, verified."""

    issuer: str
    subject: str
    email: str
    is_verified: bool
    """Whether the address is theirs, by the provider's word."""
    is_strong: bool
    """Whether they showed a second factor there (amr, RFC 8176)."""
    signed_in_at: float
    """When they did so, as a timestamp; 0 where it does not say."""


_known: dict[str, Endpoints] = {}
_keys: dict[str, tuple[float, KeySet]] = {}


def is_on() -> bool:
    """Whether people may sign in that way."""
    return bool(settings.get().OIDC_ISSUER)


def new_secrets() -> dict[str, str]:
    """State, nonce and PKCE verifier of one visit."""
    return {name: tokens.secret() for name in ("state", "nonce", "verifier")}


def address(secrets: dict[str, Any], *, anew: bool = False) -> str:
    """Where to send the browser; `anew`: whoever is signed in there shows it once more."""
    asked = {
        "response_type": "code",
        "client_id": settings.get().OIDC_CLIENT_ID,
        "redirect_uri": _way_back(),
        "scope": SCOPE,
        "state": secrets["state"],
        "nonce": secrets["nonce"],
        "code_challenge": _challenge(secrets["verifier"]),
        "code_challenge_method": "S256",
    }
    if anew:
        asked |= {"prompt": "login", "max_age": "0"}
    target = _endpoints().authorization
    return f"{target}{'&' if '?' in target else '?'}{urlencode(asked)}"


def claims_for(code: str, secrets: dict[str, Any]) -> Said:
    """Exchange the code and verify what comes for it. Raises Unusable."""
    config, there = settings.get(), _endpoints()
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": _way_back(),
        "code_verifier": secrets["verifier"],
    }
    headers = {}
    if there.by_form:
        form |= {"client_id": config.OIDC_CLIENT_ID, "client_secret": config.OIDC_CLIENT_SECRET}
    else:
        headers["Authorization"] = _basic(config.OIDC_CLIENT_ID, config.OIDC_CLIENT_SECRET)
    answer = _ask("POST", there.token, form=form, headers=headers)
    claims = _verified(str(answer.get("id_token", "")), str(secrets["nonce"]))
    if "email" not in claims and there.userinfo and (access := answer.get("access_token")):
        more = _ask("GET", there.userinfo, headers={"Authorization": f"Bearer {access}"})
        if more.get("sub") == claims["sub"]:
            claims = {**more, **claims}
    return _said(claims)


def reach() -> str:
    """Ask the provider who it is and for its keys; returns where it lets people in.

    Raises Unusable.
    """
    _known.pop(settings.get().OIDC_ISSUER, None)
    _key_set(anew=True)
    return _endpoints().authorization


def _said(claims: dict[str, Any]) -> Said:
    amr = claims.get("amr") or []
    email = str(claims.get("email") or "").strip().lower()
    return Said(
        issuer=str(claims["iss"]),
        subject=str(claims["sub"])[:255],
        email=email[:320],
        is_verified=bool(email) and claims.get("email_verified") in (True, "true"),
        is_strong=isinstance(amr, list) and "mfa" in amr,
        signed_in_at=float(claims.get("auth_time") or 0),
    )


def _verified(id_token: str, nonce: str) -> dict[str, Any]:
    from joserfc import jwt
    from joserfc.errors import JoseError

    config = settings.get()
    asked = jwt.JWTClaimsRegistry(
        now=lambda: int(now().timestamp()),
        leeway=CLOCKS_DIFFER_S,
        iss={"essential": True, "value": config.OIDC_ISSUER},
        aud={"essential": True, "value": config.OIDC_CLIENT_ID},
        sub={"essential": True},
        exp={"essential": True},
        iat={"essential": True},
        nonce={"essential": True, "value": nonce},
    )
    try:
        claims = dict(_decoded(id_token).claims)
        asked.validate(claims)
    except (JoseError, ValueError) as error:
        raise Unusable(f"its token is not right ({type(error).__name__}).") from None
    if claims.get("azp", config.OIDC_CLIENT_ID) != config.OIDC_CLIENT_ID:
        raise Unusable("its token is meant for somebody else.")
    return claims


def _decoded(id_token: str) -> Any:
    """Verified with the provider's keys; fetched anew once, for keys are changed now and then."""
    from joserfc import jwt
    from joserfc.errors import JoseError

    try:
        return jwt.decode(id_token, _key_set(), algorithms=ALGORITHMS)
    except (JoseError, ValueError):
        return jwt.decode(id_token, _key_set(anew=True), algorithms=ALGORITHMS)


def _key_set(*, anew: bool = False) -> KeySet:
    from joserfc.jwk import KeySet

    where = _endpoints().keys
    at, found = _keys.get(where, (0.0, None))
    if anew or found is None or time.monotonic() - at > CACHED_S:
        found = KeySet.import_key_set(_ask("GET", where))  # type: ignore[arg-type]
        _keys[where] = (time.monotonic(), found)
    return found


def _endpoints() -> Endpoints:
    issuer = settings.get().OIDC_ISSUER
    known = _known.get(issuer)
    if known and time.monotonic() - known.fetched_at < CACHED_S:
        return known
    found = _ask("GET", f"{issuer.rstrip('/')}/.well-known/openid-configuration")
    if found.get("issuer") != issuer:
        raise Unusable("it calls itself by another name than OIDC_ISSUER.")
    methods = found.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
    try:
        known = Endpoints(
            authorization=_safe(found["authorization_endpoint"]),
            token=_safe(found["token_endpoint"]),
            keys=_safe(found["jwks_uri"]),
            userinfo=_safe(found["userinfo_endpoint"]) if "userinfo_endpoint" in found else "",
            by_form="client_secret_basic" not in methods,
            fetched_at=time.monotonic(),
        )
    except KeyError as error:
        raise Unusable(f"it does not say its {error.args[0]}.") from None
    _known[issuer] = known
    return known


def _safe(url: str) -> str:
    """https, unless the provider itself is on this machine."""
    if not url.startswith("https://") and settings.get().OIDC_ISSUER.startswith("https://"):
        raise Unusable("it names an address without https.")
    return url


def _ask(
    method: str,
    url: str,
    *,
    form: dict[str, str] | None = None,
    headers: dict[str, str] | None = None,
) -> dict[str, Any]:
    """An answer in JSON. No redirect is followed."""
    import urllib3

    given = {"Accept": "application/json", **(headers or {})}
    if form:
        given["Content-Type"] = "application/x-www-form-urlencoded"
    try:
        answer = urllib3.request(
            method,
            url,
            body=urlencode(form) if form else None,
            headers=given,
            timeout=TIMEOUT_S,
            retries=False,
            redirect=False,
            preload_content=False,
        )
        body = answer.read(LARGEST + 1, decode_content=True)
        answer.release_conn()
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise Unusable(f"{urlsplit(url).hostname} does not answer.") from error
    if answer.status != 200 or len(body) > LARGEST:
        raise Unusable(f"{urlsplit(url).hostname} answered {answer.status}.")
    try:
        found = json.loads(body)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Unusable(f"{urlsplit(url).hostname} answered what is no JSON.")
    return found


def _way_back() -> str:
    return f"{settings.get().BASE_URL}/sign-in/provider/back"


def _challenge(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _basic(name: str, secret: str) -> str:
    """RFC 6749, 2.3.1: both parts are written as in a form before they are joined."""
    pair = urlencode({name: secret}).replace("=", ":", 1)
    return f"Basic {base64.b64encode(pair.encode()).decode()}"
