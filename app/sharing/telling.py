"""Telling a friend: one mail, from us, with nothing in it that a visitor typed.

Of the friend's address only a keyed hash stays. One press under the mail and nobody can have that
person told of anything again, whichever business it is about. The visitor never learns what came
of it: not whether the address exists, is known here, or does not want mail.
"""

from __future__ import annotations

import hmac
from datetime import timedelta

import sqlalchemy as sa

from app.accounts import notices
from app.accounts.models import Account
from app.campaigns.archive import addresses, copying
from app.campaigns.archive.finding import Found
from app.campaigns.models import ArchivePage
from app.contacts import suppressions
from app.core import settings, tokens
from app.core.clock import now
from app.core.db import db, insert
from app.core.errors import Invalid
from app.core.tokens import BadToken, Purpose
from app.mailer import address
from app.sharing.models import NeverTell, ToldFriend

#: What a visitor may say, and nothing else.
SENTENCES = {
    "like": "I think you will like this.",
    "useful": "This might be useful to you.",
    "talked": "This is what we talked about.",
    "look": "Have a look at this.",
}
#: One mail to one address in that time, over all businesses.
EVERY = timedelta(days=1)
#: How many friends of readers of one business are written to in a day.
PER_ACCOUNT = 200
#: How long the hash stays that keeps the same mail from coming twice.
REMEMBERED = timedelta(days=365)
_HASH_BYTES = 16


def tell(found: Found, email: str, sentence: str) -> None:
    """Queue the mail, or do nothing where that is not wanted; the caller answers the same.

    Raises Invalid for what is no address or none of the sentences.
    """
    if sentence not in SENTENCES:
        raise Invalid("Choose one of the sentences.", {"sentence": ["Choose one of these."]})
    try:
        friend = address.normalise(email)
    except address.BadAddress as error:
        raise Invalid(str(error), {"email": [str(error)]}) from None
    if _is_unwanted(found, friend) or not _claim(found, friend):
        return
    db.session.execute(
        sa.update(ArchivePage)
        .where(ArchivePage.campaign_id == found.campaign.id)
        .values(told=ArchivePage.told + 1)
        .execution_options(synchronize_session=False)
    )
    _mail(found, friend, sentence)


def never(token: str) -> None:
    """Nobody tells this person of anything any more. Raises BadToken."""
    row = insert(NeverTell).values(address_hash=_hash_in(token), at=now())
    db.session.execute(row.on_conflict_do_nothing())


def is_never(token: str) -> bool:
    """Whether that was said already. Raises BadToken."""
    return db.session.get(NeverTell, _hash_in(token)) is not None


def address_hash(friend: str) -> str:
    """Keyed, the same for all accounts; hex of 128 bits, which a link can carry."""
    key = tokens.derive_key(settings.get().SECRET_KEY, "told friends")
    return hmac.digest(key, friend.encode(), "sha256")[:_HASH_BYTES].hex()


def never_link(friend: str) -> str:
    """Under the mail: it carries the hash, so that nothing needs to be kept for it."""
    token = tokens.sign(Purpose.FRIEND, int(address_hash(friend), 16))
    return f"{settings.get().BASE_URL}/never-tell/{token}"


def forget_old() -> int:
    """Hashes of who was told long ago; returns how many."""
    gone = db.session.execute(
        sa.delete(ToldFriend)
        .where(ToldFriend.told_at < now() - REMEMBERED)
        .returning(ToldFriend.campaign_id)
    )
    return len(gone.all())


def _hash_in(token: str) -> str:
    numbers = tokens.read(Purpose.FRIEND, token)
    if len(numbers) != 1:
        raise BadToken
    return f"{numbers[0]:0{2 * _HASH_BYTES}x}"


def _is_unwanted(found: Found, friend: str) -> bool:
    account = found.account
    if db.session.get(NeverTell, address_hash(friend)) is not None:
        return True
    if suppressions.find(account.id, friend) is not None:
        return True
    return not account.vouched and _told_today(account) >= PER_ACCOUNT


def _told_today(account: Account) -> int:
    told = sa.select(sa.func.count()).where(
        ToldFriend.account_id == account.id, ToldFriend.told_at > now() - EVERY
    )
    return db.session.scalar(told) or 0


def _claim(found: Found, friend: str) -> bool:
    """False where the person was told of this mail before, or of anything within the day."""
    hashed, moment = address_hash(friend), now()
    lately = sa.select(sa.literal(1)).where(
        ToldFriend.address_hash == hashed, ToldFriend.told_at > moment - EVERY
    )
    if db.session.scalar(lately.limit(1)):
        return False
    row = insert(ToldFriend).values(
        address_hash=hashed,
        campaign_id=found.campaign.id,
        account_id=found.account.id,
        told_at=moment,
    )
    claimed = row.on_conflict_do_nothing().returning(ToldFriend.campaign_id)
    return db.session.execute(claimed).first() is not None


def _mail(found: Found, friend: str, sentence: str) -> None:
    link = never_link(friend)
    notices.queue(
        "tell_a_friend",
        friend,
        account=found.account,
        headers={
            "List-Unsubscribe": f"<{link}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        },
        sentence=SENTENCES[sentence],
        title=copying.subject_of(found),
        link=addresses.of_page(found.archive, found.page),
        never=link,
    )
