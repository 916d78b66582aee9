"""accounts being erased

The mark of an account whose records go in slices, and what lets them go.
"""

import sqlalchemy as sa
from alembic import op

import app.core.db

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None

#: contacts.guarding as it was when this was written.
WORDS = "The record of consents is only added to."
MARK = "That an account is being erased is never changed."
LIVING = "EXISTS (SELECT 1 FROM account WHERE id = OLD.account_id AND erased_since IS NULL)"
BEFORE = "EXISTS (SELECT 1 FROM account WHERE id = OLD.account_id)"


def upgrade() -> None:
    # Not in a batch, which copies the table on SQLite and forgets what hangs on it.
    op.add_column(
        "account", sa.Column("erased_since", app.core.db.UtcDateTime(timezone=True), nullable=True)
    )
    _let_go(BEFORE, LIVING)
    _guard_the_mark()


def _let_go(old: str, new: str) -> None:
    if op.get_bind().dialect.name == "postgresql":
        for name in ("consent_guard", "seal_guard"):
            body = op.get_bind().scalar(
                sa.text("SELECT prosrc FROM pg_proc WHERE proname = :name"), {"name": name}
            )
            if old not in body:
                raise RuntimeError(f"{name} is not as it was made")
            op.execute(
                sa.text(
                    f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql "
                    f"AS $${body.replace(old, new)}$$".replace(":", "\\:")
                )
            )
        return
    for table in ("consent", "consent_seal"):
        op.execute(f"DROP TRIGGER {table}_is_not_removed")
        op.execute(
            f"CREATE TRIGGER {table}_is_not_removed BEFORE DELETE ON {table} WHEN {new} "
            f"BEGIN SELECT RAISE(ABORT, '{WORDS}'); END"
        )


def _guard_the_mark() -> None:
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    same = "IS NOT DISTINCT FROM" if on_postgresql else "IS"
    kept = " AND ".join(f"NEW.{name} {same} OLD.{name}" for name in ("id", "erased_since"))
    allowed = (
        "NEW.erased_since IS NULL AND OLD.erased_since IS NULL "
        f"OR NEW.barred = 'closing' AND (OLD.erased_since IS NULL OR {kept})"
    )
    if not on_postgresql:
        refuse = f"BEGIN SELECT RAISE(ABORT, '{MARK}'); END"
        op.execute(
            "CREATE TRIGGER account_is_not_changed BEFORE UPDATE ON account "
            f"WHEN NOT ({allowed}) {refuse}"
        )
        op.execute(
            f"CREATE TRIGGER account_is_not_removed BEFORE DELETE ON account WHEN 1 = 0 {refuse}"
        )
        return
    refuse = f"RAISE EXCEPTION '{MARK}';"
    _function(
        "account_guard",
        f"IF TG_OP = 'DELETE' THEN IF 1 = 0 THEN {refuse} END IF; RETURN OLD; END IF; "
        f"IF NOT ({allowed}) THEN {refuse} END IF; RETURN NEW;",
    )
    _function("account_is_not_emptied", refuse)
    for move, verb in (("changed", "UPDATE"), ("removed", "DELETE")):
        op.execute(
            f"CREATE TRIGGER account_is_not_{move} BEFORE {verb} ON account "
            "FOR EACH ROW EXECUTE FUNCTION account_guard()"
        )
    op.execute(
        "CREATE TRIGGER account_is_not_emptied BEFORE TRUNCATE ON account "
        "FOR EACH STATEMENT EXECUTE FUNCTION account_is_not_emptied()"
    )


def _function(name: str, body: str) -> None:
    op.execute(
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$"
    )


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for name in ("account_guard", "account_is_not_emptied"):
            op.execute(f"DROP FUNCTION {name}() CASCADE")
    else:
        for move in ("changed", "removed"):
            op.execute(f"DROP TRIGGER account_is_not_{move}")
    _let_go(LIVING, BEFORE)
    op.drop_column("account", "erased_since")
