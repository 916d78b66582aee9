"""Triggers that make the record of consents append-only, on both databases.

Refused is every change but three: pointing an entry to another contact (or to none), emptying an
entry of an erased person while leaving its digest, and removing everything with the account.
Whoever owns the database can drop a trigger; that is what seals are for.
"""

from __future__ import annotations

from app.contacts.models import Consent

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
    return _on_postgresql() if dialect == "postgresql" else _on_sqlite()


def dropping(dialect: str) -> list[str]:
    """What removes them."""
    if dialect == "postgresql":
        return [f"DROP FUNCTION {name}() CASCADE" for name in ("consent_guard", "seal_guard")]
    return [f"DROP TRIGGER {name}" for name in NAMES]


NAMES = (
    "consent_is_not_changed",
    "consent_is_not_removed",
    "consent_seal_is_not_changed",
    "consent_seal_is_not_removed",
)
_ACCOUNT_STANDS = "EXISTS (SELECT 1 FROM account WHERE id = OLD.account_id)"


def _allowed(same: str, empty_json: str) -> str:
    """The condition on OLD and NEW under which an entry may be changed."""
    alike = [f"NEW.{name} {same} OLD.{name}" for name in kept()]
    untouched = [f"NEW.{name} {same} OLD.{name}" for name in (*EMPTIED, "proof")]
    left = {**EMPTIED, "evidence": empty_json}
    emptied = [f"NEW.{name} {same} {value}" for name, value in left.items()]
    first_time = ["OLD.proof IS NULL", "length(NEW.proof) = 64"]
    return (
        f"{' AND '.join(alike)} AND (({' AND '.join(untouched)})"
        f" OR ({' AND '.join((*first_time, *emptied))}))"
    )


def _on_sqlite() -> list[str]:
    refuse = f"BEGIN SELECT RAISE(ABORT, '{WORDS}'); END"
    allowed = _allowed("IS", "'{}'")
    return [
        f"CREATE TRIGGER {NAMES[0]} BEFORE UPDATE ON consent WHEN NOT ({allowed}) {refuse}",
        f"CREATE TRIGGER {NAMES[1]} BEFORE DELETE ON consent WHEN {_ACCOUNT_STANDS} {refuse}",
        f"CREATE TRIGGER {NAMES[2]} BEFORE UPDATE ON consent_seal {refuse}",
        f"CREATE TRIGGER {NAMES[3]} BEFORE DELETE ON consent_seal WHEN {_ACCOUNT_STANDS} {refuse}",
    ]


def _on_postgresql() -> list[str]:
    allowed = _allowed("IS NOT DISTINCT FROM", "'{}'::jsonb")
    refuse = f"RAISE EXCEPTION '{WORDS}';"
    keep = f"IF {_ACCOUNT_STANDS} THEN {refuse} END IF; RETURN OLD;"

    def function(name: str, on_update: str) -> str:
        return (
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"IF TG_OP = 'DELETE' THEN {keep} END IF; {on_update} RETURN NEW; END $$"
        )

    def trigger(name: str, when: str, table: str, calls: str) -> str:
        each = f"FOR EACH ROW EXECUTE FUNCTION {calls}()"
        return f"CREATE TRIGGER {name} BEFORE {when} ON {table} {each}"

    return [
        function("consent_guard", f"IF NOT ({allowed}) THEN {refuse} END IF;"),
        function("seal_guard", refuse),
        trigger(NAMES[0], "UPDATE", "consent", "consent_guard"),
        trigger(NAMES[1], "DELETE", "consent", "consent_guard"),
        trigger(NAMES[2], "UPDATE", "consent_seal", "seal_guard"),
        trigger(NAMES[3], "DELETE", "consent_seal", "seal_guard"),
    ]
