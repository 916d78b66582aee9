"""privacy pages of accounts"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("privacy_contact", "privacy_words"):
        column = sa.Column(name, sa.Text(), nullable=False, server_default="")
        op.add_column("preference_centre", column)


def downgrade() -> None:
    for name in ("privacy_contact", "privacy_words"):
        op.drop_column("preference_centre", name)
