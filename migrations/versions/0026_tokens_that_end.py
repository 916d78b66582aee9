"""tokens that end"""

import sqlalchemy as sa
from alembic import op

import app.core.db

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

MOMENT = app.core.db.UtcDateTime(timezone=True)


def upgrade() -> None:
    for name, kind in (("used_from", sa.String(length=64)), ("networks", sa.Text())):
        op.add_column("api_token", sa.Column(name, kind, server_default="", nullable=False))
    op.add_column("api_token", sa.Column("expires_at", MOMENT, nullable=True))
    op.add_column("api_token", sa.Column("warned_at", MOMENT, nullable=True))
    op.create_index("ix_api_token_expires_at", "api_token", ["expires_at"])


def downgrade() -> None:
    op.drop_index("ix_api_token_expires_at", "api_token")
    for name in ("warned_at", "expires_at", "networks", "used_from"):
        op.drop_column("api_token", name)
