"""rights and approval"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Text
from sqlalchemy.dialects import postgresql

import app.core.db

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = app.core.db.UtcDateTime(timezone=True)
JSON = sa.JSON(none_as_null=True).with_variant(
    postgresql.JSONB(none_as_null=True, astext_type=Text()), "postgresql"
)


def upgrade() -> None:
    op.add_column(
        "account",
        sa.Column("needs_approval", sa.Boolean(), server_default=sa.false(), nullable=False),
    )
    op.add_column("membership", sa.Column("rights", JSON, nullable=True))
    op.add_column("campaign", sa.Column("written_by_id", BIG, nullable=True))
    op.execute("UPDATE campaign SET written_by_id = created_by_id WHERE state = 'draft'")
    op.create_table(
        "campaign_approval",
        sa.Column("campaign_id", BIG, nullable=False),
        sa.Column("account_id", BIG, nullable=False),
        sa.Column("asked_version", BIG, nullable=True),
        sa.Column("asked_by_id", BIG, nullable=True),
        sa.Column("asked_at", MOMENT, nullable=True),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("said", sa.String(length=8), nullable=False),
        sa.Column("said_version", BIG, nullable=True),
        sa.Column("said_by_id", BIG, nullable=True),
        sa.Column("said_at", MOMENT, nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["account.id"],
            name=op.f("fk_campaign_approval_account_id_account"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["campaign_id"],
            ["campaign.id"],
            name=op.f("fk_campaign_approval_campaign_id_campaign"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("campaign_id", name=op.f("pk_campaign_approval")),
    )
    op.create_index("ix_campaign_approval_account_id", "campaign_approval", ["account_id"])


def downgrade() -> None:
    op.drop_table("campaign_approval")
    op.drop_column("campaign", "written_by_id")
    op.drop_column("membership", "rights")
    op.drop_column("account", "needs_approval")
