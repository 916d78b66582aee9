"""Whether an event is Stripe's: https://docs.stripe.com/webhooks#verify-manually

`Stripe-Signature: t=1700000000,v1=HEX,v1=HEX`, each an HMAC-SHA256 over "t.body".
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime

from app.core.errors import DomainError

#: How old an event may be, and how far its clock may be ahead.
TOLERANCE_S = 300
#: While secrets are changed, two signatures stand there; nobody needs hundreds tried.
AT_MOST = 10


class NotProven(DomainError):
    """The event is not the provider's, or not a fresh one."""

    status = 400


def check(body: bytes, header: str, secrets: Sequence[str], *, at: datetime) -> None:
    """Any of the secrets may have signed it, so that one can replace the other.

    Raises NotProven.
    """
    stamp, signatures = _parts(header)
    if abs(at.timestamp() - stamp) > TOLERANCE_S:
        raise NotProven("This event is too old, or a clock is wrong.")
    signed = f"{stamp}.".encode() + body
    for secret in secrets:
        wanted = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest().encode()
        if any(hmac.compare_digest(wanted, one) for one in signatures):
            return
    raise NotProven("The signature is not of any secret that is set here.")


def _parts(header: str) -> tuple[int, list[bytes]]:
    pairs = [part.strip().partition("=") for part in header.split(",")]
    stamps = [value for name, _, value in pairs if name == "t"]
    signatures = [
        value.encode("ascii", "replace") for name, _, value in pairs if name == "v1" and value
    ]
    is_stamp = len(stamps) == 1 and stamps[0].isascii() and stamps[0].isdigit()
    if not is_stamp or len(stamps[0]) > 12 or not signatures:
        raise NotProven("There is no Stripe-Signature that can be read.")
    return int(stamps[0]), signatures[:AT_MOST]
