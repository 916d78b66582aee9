"""domains whose people stay out, or are the only ones to come in"""

import sqlalchemy as sa
from alembic import op

import app.core.db

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = app.core.db.UtcDateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "domain_rule",
        sa.Column("account_id", ID, nullable=False),
        sa.Column(
            "domain",
            sa.String(length=255).with_variant(sa.String(length=255, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("lets_in", sa.Boolean(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["account.id"],
            name=op.f("fk_domain_rule_account_id_account"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("account_id", "domain", name=op.f("pk_domain_rule")),
    )


def downgrade() -> None:
    op.drop_table("domain_rule")
