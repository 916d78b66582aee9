"""Where a take-in may have written an address down, for when its person is erased.

The files themselves are the owner's own copy; they are removed after a week.
"""

from __future__ import annotations

from app.contacts.erasing import ACCOUNT, Place
from app.moving.models import Takein

PLACES = (
    Place(Takein, ("problems",), Takein.account_id == ACCOUNT, instead={"problems": []}),
)  # fmt: skip
