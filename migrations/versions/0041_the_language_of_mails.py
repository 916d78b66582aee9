"""the language of mails

In which what we write at the end of an account's mails is.
"""

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Not in a batch, which copies the table on SQLite and forgets what hangs on it.
    op.add_column(
        "account", sa.Column("mail_language", sa.String(8), nullable=False, server_default="en")
    )


def downgrade() -> None:
    op.drop_column("account", "mail_language")
