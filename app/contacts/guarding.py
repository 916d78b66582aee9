"""What makes the record of consents append-only.

Refused is every change but three: pointing an entry to another contact (or to none), emptying an
entry of an erased person while leaving its digest, and removing everything with the account. An
account that is being erased loses its entries in slices; that mark is set on a closed account
only, and an account that has it is never opened again.
"""

from __future__ import annotations

from app.contacts.models import Consent
from app.core.guarding import UNTIL_ERASED, Guard, alike, equal

#: What an entry may lose when its person is erased, with what is left in its place.
EMPTIED = {"address": "NULL", "wording": "''", "evidence": "'{}'"}
MOVABLE = ("contact_id",)
WORDS = "The record of consents is only added to."


def kept() -> list[str]:
    """Columns that never change."""
    others = {*EMPTIED, *MOVABLE, "proof"}
    return [column.name for column in Consent.__table__.columns if column.name not in others]


def statements(dialect: str) -> list[str]:
    """What creates the triggers; `dialect` is sqlite or postgresql."""
    return [words for guard in GUARDS for words in guard.statements(dialect)]


def dropping(dialect: str) -> list[str]:
    """What removes them."""
    return [words for guard in GUARDS for words in guard.dropping(dialect)]


def _allowed(dialect: str) -> str:
    """The condition on OLD and NEW under which an entry may be changed."""
    same = equal(dialect)
    left = dict(EMPTIED)
    if dialect == "postgresql":
        left["evidence"] += "::jsonb"
    emptied = " AND ".join(f"NEW.{name} {same} {value}" for name, value in left.items())
    return (
        f"{alike(kept(), dialect)} AND (({alike((*EMPTIED, 'proof'), dialect)})"
        f" OR (OLD.proof IS NULL AND length(NEW.proof) = 64 AND {emptied}))"
    )


def _stays_erased(dialect: str) -> str:
    """The condition on OLD and NEW under which an account may be changed."""
    kept = f"OLD.erased_since IS NULL OR {alike(('id', 'erased_since'), dialect)}"
    unmarked = "NEW.erased_since IS NULL AND OLD.erased_since IS NULL"
    return f"{unmarked} OR NEW.barred = 'closing' AND ({kept})"


#: Keeps the mark by which the others let go.
ERASING = Guard(
    "account",
    "That an account is being erased is never changed.",
    function="account_guard",
    stands="1 = 0",
    changes=_stays_erased,
)
GUARDS = (
    Guard("consent", WORDS, function="consent_guard", stands=UNTIL_ERASED, changes=_allowed),
    Guard("consent_seal", WORDS, function="seal_guard", stands=UNTIL_ERASED),
    ERASING,
)
