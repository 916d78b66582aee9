"""what contacts are called in other systems"""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "contact",
        sa.Column(
            "external_id",
            sa.String(length=200).with_variant(sa.String(length=200, collation="C"), "postgresql"),
            server_default="",
            nullable=False,
        ),
    )
    has_one = sa.text("external_id != ''")
    op.create_index(
        "ix_contact_external",
        "contact",
        ["account_id", "external_id", "id"],
        sqlite_where=has_one,
        postgresql_where=has_one,
    )


def downgrade() -> None:
    op.drop_index("ix_contact_external", table_name="contact")
    op.drop_column("contact", "external_id")
