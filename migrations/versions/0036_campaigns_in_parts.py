"""campaigns in parts"""

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    # Not in a batch: on SQLite that would copy the table and forget its trigger.
    op.add_column("campaign", sa.Column("at_most", ID, nullable=True))
    op.add_column("campaign", sa.Column("follows_id", ID, nullable=True))
    op.create_index("ix_campaign_follows", "campaign", ["follows_id"], unique=True)


def downgrade() -> None:
    op.drop_index("ix_campaign_follows", "campaign")
    op.drop_column("campaign", "follows_id")
    op.drop_column("campaign", "at_most")
