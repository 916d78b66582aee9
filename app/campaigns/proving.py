"""What DNS says of a campaign's From domain, as a reason to think again or to stop."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from app.accounts import queries as accounts
from app.accounts.models import DomainCheck
from app.accounts.signing_keys import domain_of
from app.campaigns import audience
from app.campaigns.models import Campaign
from app.core.clock import now

#: Beyond so many recipients Gmail, Outlook and Yahoo demand the proofs of bulk mail.
BULK = 5_000
#: An older answer may be wrong by now, so it stops nobody.
FRESH = timedelta(days=1)
PROOFS = {"shared", "dkim", "spf", "envelope", "dmarc", "alignment"}


@dataclass(frozen=True)
class Doubt:
    """Why mail from the domain may not arrive."""

    domain: str
    certain: bool
    """Whether the large providers would surely refuse it."""
    words: str


def doubt(campaign: Campaign) -> Doubt | None:
    """None where DNS is right, unknown, or was never asked."""
    domain = domain_of(campaign.from_email)
    check = accounts.last_check(campaign.account_id, domain) if domain else None
    if check is None:
        return None
    bad = [one for one in check.findings if one["level"] == "bad" and one["code"] in PROOFS]
    if not bad:
        return None
    words = " ".join(f"{one['title']}: {one['words']}" for one in bad)
    return Doubt(domain, _is_certain(campaign, check, {one["code"] for one in bad}), words)


def _is_certain(campaign: Campaign, check: DomainCheck, bad: set[str]) -> bool:
    if campaign.account.vouched or check.checked_at < now() - FRESH:
        return False
    # Providers look for SPF at the bounce address, which is the domain itself where no other is.
    known = {one["code"] for one in check.findings}
    spf = "envelope" if "envelope" in known else "spf"
    refused = bad & {"shared", "dmarc"} or {"dkim", spf} <= bad
    return bool(refused) and audience.count_up_to(campaign, BULK + 1) > BULK
