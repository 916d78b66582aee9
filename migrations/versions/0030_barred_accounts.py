"""an index of accounts that are suspended or being closed"""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

BARRED = sa.text("barred <> ''")


def upgrade() -> None:
    op.create_index(
        "ix_account_barred", "account", ["barred", "id"], sqlite_where=BARRED,
        postgresql_where=BARRED,
    )  # fmt: skip


def downgrade() -> None:
    op.drop_index("ix_account_barred", table_name="account")
