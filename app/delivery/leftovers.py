"""Where delivery may have copied somebody's address down: in what mail servers answered."""

from __future__ import annotations

import sqlalchemy as sa

from app.campaigns.models import Campaign, CampaignApproval
from app.contacts.erasing import ACCOUNT, Place
from app.delivery.models import Alarm, DiaryEntry, Outage, ProviderPace

_CAMPAIGNS = sa.select(Campaign.id).where(Campaign.account_id == ACCOUNT)
#: A server of the operator's has no account, and its words may be about anybody.
_ANYBODYS = ACCOUNT.is_not(None)
PLACES = (
    Place(DiaryEntry, ("text",), DiaryEntry.campaign_id.in_(_CAMPAIGNS)),
    Place(CampaignApproval, ("request", "reason"), CampaignApproval.account_id == ACCOUNT),
    Place(Alarm, ("words",), Alarm.campaign_id.in_(_CAMPAIGNS)),
    Place(Outage, ("reason",), _ANYBODYS),
    Place(ProviderPace, ("why",), _ANYBODYS),
)
