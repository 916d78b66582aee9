"""taking out and in"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Text
from sqlalchemy.dialects import postgresql

import app.core.db

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "suppression_key",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("name", sa.String(length=16), nullable=False),
        sa.Column("sealed_key", sa.Text(), nullable=False),
        sa.Column("created_at", app.core.db.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["account.id"],
            name=op.f("fk_suppression_key_account_id_account"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suppression_key")),
        sa.UniqueConstraint("account_id", "name", name=op.f("uq_suppression_key_account_id_name")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "takein",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("member_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("filename", sa.String(length=255), nullable=False),
        sa.Column("stored_as", sa.String(length=64), nullable=False),
        sa.Column(
            "size_bytes", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column(
            "about",
            sa.JSON(none_as_null=True).with_variant(
                postgresql.JSONB(none_as_null=True, astext_type=Text()), "postgresql"
            ),
            nullable=False,
        ),
        sa.Column(
            "forecast",
            sa.JSON(none_as_null=True).with_variant(
                postgresql.JSONB(none_as_null=True, astext_type=Text()), "postgresql"
            ),
            nullable=False,
        ),
        sa.Column(
            "counts",
            sa.JSON(none_as_null=True).with_variant(
                postgresql.JSONB(none_as_null=True, astext_type=Text()), "postgresql"
            ),
            nullable=False,
        ),
        sa.Column(
            "problems",
            sa.JSON(none_as_null=True).with_variant(
                postgresql.JSONB(none_as_null=True, astext_type=Text()), "postgresql"
            ),
            nullable=False,
        ),
        sa.Column(
            "cursor",
            sa.JSON(none_as_null=True).with_variant(
                postgresql.JSONB(none_as_null=True, astext_type=Text()), "postgresql"
            ),
            nullable=False,
        ),
        sa.Column("rows", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("expected", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("lease", sa.String(length=32), nullable=True),
        sa.Column("lease_until", app.core.db.UtcDateTime(timezone=True), nullable=True),
        sa.Column("runs", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created_at", app.core.db.UtcDateTime(timezone=True), nullable=False),
        sa.Column("finished_at", app.core.db.UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["account.id"],
            name=op.f("fk_takein_account_id_account"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_takein")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("takein", schema=None) as batch_op:
        batch_op.create_index("ix_takein_account", ["account_id", "id"], unique=False)
        batch_op.create_index(
            "ix_takein_open",
            ["account_id"],
            unique=True,
            sqlite_where=sa.text("state IN ('looking', 'ready', 'queued', 'running')"),
            postgresql_where=sa.text("state IN ('looking', 'ready', 'queued', 'running')"),
        )
        batch_op.create_index("ix_takein_state", ["state"], unique=False)

    op.create_table(
        "takeout",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("member_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("stored_as", sa.String(length=64), nullable=False),
        sa.Column(
            "size_bytes", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("rows", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("expected", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("lease", sa.String(length=32), nullable=True),
        sa.Column("lease_until", app.core.db.UtcDateTime(timezone=True), nullable=True),
        sa.Column("runs", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created_at", app.core.db.UtcDateTime(timezone=True), nullable=False),
        sa.Column("finished_at", app.core.db.UtcDateTime(timezone=True), nullable=True),
        sa.Column("remove_at", app.core.db.UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["account.id"],
            name=op.f("fk_takeout_account_id_account"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_takeout")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("takeout", schema=None) as batch_op:
        batch_op.create_index("ix_takeout_account", ["account_id", "id"], unique=False)
        batch_op.create_index(
            "ix_takeout_open",
            ["account_id"],
            unique=True,
            sqlite_where=sa.text("state IN ('queued', 'running')"),
            postgresql_where=sa.text("state IN ('queued', 'running')"),
        )
        batch_op.create_index("ix_takeout_state", ["state"], unique=False)

    op.create_table(
        "moved",
        sa.Column(
            "takein_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("old_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("new_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.ForeignKeyConstraint(
            ["takein_id"], ["takein.id"], name=op.f("fk_moved_takein_id_takein"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("takein_id", "kind", "old_id", name=op.f("pk_moved")),
    )
    # Not in batches, which copy the table on SQLite, and a copy has no triggers.
    op.add_column(
        "campaign", sa.Column("is_archive", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.add_column("suppression", sa.Column("travel_hash", sa.String(length=64), nullable=True))
    op.add_column("suppression", sa.Column("travel_key", sa.String(length=16), nullable=True))


def downgrade() -> None:
    # Without a copy of the table, which would lose its triggers.
    op.execute("ALTER TABLE suppression DROP COLUMN travel_key")
    op.execute("ALTER TABLE suppression DROP COLUMN travel_hash")
    op.execute("ALTER TABLE campaign DROP COLUMN is_archive")

    op.drop_table("moved")
    with op.batch_alter_table("takeout", schema=None) as batch_op:
        batch_op.drop_index("ix_takeout_state")
        batch_op.drop_index(
            "ix_takeout_open",
            sqlite_where=sa.text("state IN ('queued', 'running')"),
            postgresql_where=sa.text("state IN ('queued', 'running')"),
        )
        batch_op.drop_index("ix_takeout_account")

    op.drop_table("takeout")
    with op.batch_alter_table("takein", schema=None) as batch_op:
        batch_op.drop_index("ix_takein_state")
        batch_op.drop_index(
            "ix_takein_open",
            sqlite_where=sa.text("state IN ('looking', 'ready', 'queued', 'running')"),
            postgresql_where=sa.text("state IN ('looking', 'ready', 'queued', 'running')"),
        )
        batch_op.drop_index("ix_takein_account")

    op.drop_table("takein")
    op.drop_table("suppression_key")
