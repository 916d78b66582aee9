"""Letters of people who are erased: a wish to leave that was fulfilled has no use any more.

Other letters are a conversation between that person and the operator; they are kept for the time
that is promised for them, whatever an account does with its contacts.
"""

from __future__ import annotations

import sqlalchemy as sa

from app.contacts.erasing import ACCOUNT, Place
from app.desk.models import Ticket

_FULFILLED = sa.and_(ACCOUNT.is_not(None), Ticket.leaving.in_(("done", "nothing")))
PLACES = (Place(Ticket, ("email",), _FULFILLED, removed=True),)
