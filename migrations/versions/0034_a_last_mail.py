"""a last mail to whoever has left"""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "preference_centre", sa.Column("goodbye", sa.Text(), server_default="", nullable=False)
    )


def downgrade() -> None:
    op.drop_column("preference_centre", "goodbye")
