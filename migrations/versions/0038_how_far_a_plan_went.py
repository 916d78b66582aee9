"""how far a plan went"""

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("batch", sa.Column("up_to", ID, nullable=False, server_default="0"))
    # Plans that are under way go on behind these.
    op.execute(
        "UPDATE batch SET up_to = COALESCE((SELECT max(delivery.contact_id) FROM delivery"
        " WHERE delivery.id BETWEEN batch.first_id AND batch.last_id"
        " AND delivery.batch_id = batch.id), 0)"
        " WHERE campaign_id IN (SELECT id FROM campaign WHERE planned_at IS NULL)"
    )


def downgrade() -> None:
    op.drop_column("batch", "up_to")
