"""audit chain"""

import sqlalchemy as sa
from alembic import op

import app.core.db

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
STANDS = "OLD.account_id IS NULL OR EXISTS (SELECT 1 FROM account WHERE id = OLD.account_id)"
NOBODYS = {
    "sqlite_where": sa.text("account_id IS NULL"),
    "postgresql_where": sa.text("account_id IS NULL"),
}
FREE = {"sqlite_where": sa.text("link IS NULL"), "postgresql_where": sa.text("link IS NULL")}


def upgrade() -> None:
    op.create_table(
        "chain_head",
        sa.Column("id", BIG, nullable=False),
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("account_id", BIG, nullable=True),
        sa.Column("links", BIG, nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("walked", BIG, nullable=False),
        sa.Column("walked_hash", sa.String(length=64), nullable=False),
        sa.Column("checked_at", app.core.db.UtcDateTime(timezone=True), nullable=True),
        sa.Column("checked_links", BIG, nullable=False),
        sa.Column("checked_hash", sa.String(length=64), nullable=False),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["account.id"],
            name=op.f("fk_chain_head_account_id_account"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chain_head")),
        sa.UniqueConstraint("name", "account_id", name=op.f("uq_chain_head_name_account_id")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_chain_head_of_nobody", "chain_head", ["name"], unique=True, **NOBODYS)
    # Rows that are there already are chained by the tick.
    op.add_column("audit_entry", sa.Column("link", BIG, nullable=True))
    op.add_column("audit_entry", sa.Column("hash", sa.String(length=64), nullable=True))
    op.create_index("ix_audit_entry_link", "audit_entry", ["account_id", "link"], unique=True)
    op.create_index(
        "ix_audit_entry_link_of_nobody", "audit_entry", ["link"], unique=True, **NOBODYS
    )
    op.create_index("ix_audit_entry_free", "audit_entry", ["account_id"], **FREE)
    _guard()


def _guard() -> None:
    """core.guarding as it was when this was written."""
    same = "IS NOT DISTINCT FROM" if op.get_bind().dialect.name == "postgresql" else "IS"

    def alike(*names: str) -> str:
        return " AND ".join(f"NEW.{name} {same} OLD.{name}" for name in names)

    linked = "OLD.hash IS NULL AND length(NEW.hash) = 64 AND NEW.link IS NOT NULL"
    kept = alike("id", "account_id", "member_id", "at", "verb", "about")
    _only_added("audit_entry", "The audit log is only added to.", f"{linked} AND {kept}")
    grows = f"NEW.links >= OLD.links AND {alike('id', 'name', 'account_id')}"
    _only_added("chain_head", "A chain is only added to.", grows)


def _only_added(table: str, words: str, allowed: str) -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            f"CREATE FUNCTION {table}_guard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"IF TG_OP = 'DELETE' THEN IF {STANDS} THEN RAISE EXCEPTION '{words}'; END IF; "
            f"RETURN OLD; END IF; "
            f"IF NOT ({allowed}) THEN RAISE EXCEPTION '{words}'; END IF; RETURN NEW; END $$"
        )
        then = {"UPDATE": f"FOR EACH ROW EXECUTE FUNCTION {table}_guard()"}
        then["DELETE"] = then["UPDATE"]
    else:
        refuse = f"BEGIN SELECT RAISE(ABORT, '{words}'); END"
        then = {"UPDATE": f"WHEN NOT ({allowed}) {refuse}", "DELETE": f"WHEN {STANDS} {refuse}"}
    for event, name in (("UPDATE", "changed"), ("DELETE", "removed")):
        op.execute(f"CREATE TRIGGER {table}_is_not_{name} BEFORE {event} ON {table} {then[event]}")


def downgrade() -> None:
    for table in ("chain_head", "audit_entry"):
        if op.get_bind().dialect.name == "postgresql":
            op.execute(f"DROP FUNCTION {table}_guard() CASCADE")
        else:
            op.execute(f"DROP TRIGGER {table}_is_not_changed")
            op.execute(f"DROP TRIGGER {table}_is_not_removed")
    for name in ("link", "link_of_nobody", "free"):
        op.drop_index(f"ix_audit_entry_{name}", "audit_entry")
    op.drop_column("audit_entry", "hash")
    op.drop_column("audit_entry", "link")
    op.drop_table("chain_head")
