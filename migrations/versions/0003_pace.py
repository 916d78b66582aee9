"""pace"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Text  # noqa: F401
from sqlalchemy.dialects import postgresql  # noqa: F401

import app.core.db

revision = "0003"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "mail_domain",
        sa.Column("domain", sa.String(length=255), nullable=False),
        sa.Column("provider", sa.String(length=255), nullable=False),
        sa.Column("due_at", app.core.db.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("domain", name=op.f("pk_mail_domain")),
    )
    with op.batch_alter_table("mail_domain", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_mail_domain_due_at"), ["due_at"], unique=False)

    op.create_table(
        "provider_pace",
        sa.Column("relay", sa.String(length=600), nullable=False),
        sa.Column("provider", sa.String(length=255), nullable=False),
        sa.Column("phase", sa.String(length=8), nullable=False),
        sa.Column("since", sa.Float(precision=53), nullable=False),
        sa.Column("per_minute", sa.Float(precision=53), nullable=False),
        sa.Column("goal", sa.Float(precision=53), nullable=False),
        sa.Column("changed_at", sa.Float(precision=53), nullable=False),
        sa.Column("refused_at", sa.Float(precision=53), nullable=False),
        sa.Column("until", sa.Float(precision=53), nullable=False),
        sa.Column("free_at", sa.Float(precision=53), nullable=False),
        sa.Column("line_until", sa.Float(precision=53), nullable=False),
        sa.Column("accepted", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("misses", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("pauses", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("waits", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("relay", "provider", name=op.f("pk_provider_pace")),
    )


def downgrade() -> None:
    op.drop_table("provider_pace")
    with op.batch_alter_table("mail_domain", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_mail_domain_due_at"))

    op.drop_table("mail_domain")
