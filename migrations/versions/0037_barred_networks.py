"""barred networks"""

import sqlalchemy as sa
from alembic import op

import app.core.db

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = app.core.db.UtcDateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "barred_network",
        sa.Column("id", ID, nullable=False),
        sa.Column("network", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("by_id", ID, nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("until", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_barred_network")),
        sa.UniqueConstraint("network", name=op.f("uq_barred_network_network")),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    op.drop_table("barred_network")
