"""Triggers that keep published versions as they are, on both databases.

Whoever owns the database can drop a trigger; nobody changes a version by mistake.
"""

from __future__ import annotations

TABLE = "policy_version"
NAMES = ("policy_version_is_not_changed", "policy_version_is_not_removed")
WORDS = "A published version of the privacy policy is never changed."


def statements(dialect: str) -> list[str]:
    """What creates the triggers; `dialect` is sqlite or postgresql."""
    moves = zip(NAMES, ("UPDATE", "DELETE"), strict=True)
    if dialect == "postgresql":
        function = (
            "CREATE FUNCTION policy_version_guard() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{WORDS}'; END $$"
        )
        each = "FOR EACH ROW EXECUTE FUNCTION policy_version_guard()"
        return [
            function,
            *(f"CREATE TRIGGER {name} BEFORE {move} ON {TABLE} {each}" for name, move in moves),
        ]
    refuse = f"BEGIN SELECT RAISE(ABORT, '{WORDS}'); END"
    return [f"CREATE TRIGGER {name} BEFORE {move} ON {TABLE} {refuse}" for name, move in moves]


def dropping(dialect: str) -> list[str]:
    """What removes them."""
    if dialect == "postgresql":
        return ["DROP FUNCTION policy_version_guard() CASCADE"]
    return [f"DROP TRIGGER {name}" for name in NAMES]
