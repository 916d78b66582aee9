"""what two contacts were before they became one"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

import app.core.db

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = app.core.db.UtcDateTime(timezone=True)
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    op.create_table(
        "contact_merge",
        sa.Column("id", ID, nullable=False),
        sa.Column("account_id", ID, nullable=False),
        sa.Column("kept_id", ID, nullable=False),
        sa.Column("other_id", ID, nullable=False),
        sa.Column("member_id", ID, nullable=True),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("kept_until", MOMENT, nullable=False),
        sa.Column("was", JSON, nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["account.id"],
            name=op.f("fk_contact_merge_account_id_account"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["kept_id"],
            ["contact.id"],
            name=op.f("fk_contact_merge_kept_id_contact"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact_merge")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_contact_merge_kept", "contact_merge", ["kept_id"])
    op.create_index("ix_contact_merge_account", "contact_merge", ["account_id", "id"])
    op.create_index("ix_contact_merge_until", "contact_merge", ["kept_until"])


def downgrade() -> None:
    op.drop_table("contact_merge")
