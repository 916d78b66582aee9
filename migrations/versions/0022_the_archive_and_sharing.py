"""the archive and sharing"""

import sqlalchemy as sa
from alembic import op

import app.core.db

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:

    op.create_table(
        "never_tell",
        sa.Column("address_hash", sa.String(length=64), nullable=False),
        sa.Column("at", app.core.db.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("address_hash", name=op.f("pk_never_tell")),
    )
    op.create_table(
        "archive",
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("slug", sa.String(length=80), nullable=False),
        sa.Column("by_default", sa.Boolean(), nullable=False),
        sa.Column("is_listed", sa.Boolean(), nullable=False),
        sa.Column("is_indexed", sa.Boolean(), nullable=False),
        sa.Column("can_tell", sa.Boolean(), nullable=False),
        sa.Column("intro", sa.Text(), nullable=False),
        sa.Column("privacy_url", sa.String(length=500), nullable=False),
        sa.Column("form_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("created_at", app.core.db.UtcDateTime(timezone=True), nullable=False),
        sa.Column("updated_at", app.core.db.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["account.id"],
            name=op.f("fk_archive_account_id_account"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["form_id"],
            ["signup_form.id"],
            name=op.f("fk_archive_form_id_signup_form"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_archive")),
        sa.UniqueConstraint("slug", name=op.f("uq_archive_slug")),
    )
    with op.batch_alter_table("archive", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_archive_form_id"), ["form_id"], unique=False)

    op.create_table(
        "archive_former_address",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "campaign_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("slug", sa.String(length=120), nullable=False),
        sa.Column("created_at", app.core.db.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["account.id"],
            name=op.f("fk_archive_former_address_account_id_account"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["campaign_id"],
            ["campaign.id"],
            name=op.f("fk_archive_former_address_campaign_id_campaign"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_archive_former_address")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("archive_former_address", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_archive_former_address_account_id"), ["account_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_archive_former_address_campaign_id"), ["campaign_id"], unique=False
        )
        batch_op.create_index(
            "ix_archive_former_address_slug", ["slug", "account_id"], unique=False
        )

    op.create_table(
        "archive_page",
        sa.Column(
            "campaign_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("slug", sa.String(length=120), nullable=True),
        sa.Column("choice", sa.String(length=8), nullable=False),
        sa.Column("is_public", sa.Boolean(), nullable=False),
        sa.Column("shown_at", app.core.db.UtcDateTime(timezone=True), nullable=False),
        sa.Column("told", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("updated_at", app.core.db.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["account.id"],
            name=op.f("fk_archive_page_account_id_account"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["campaign_id"],
            ["campaign.id"],
            name=op.f("fk_archive_page_campaign_id_campaign"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("campaign_id", name=op.f("pk_archive_page")),
        sa.UniqueConstraint("account_id", "slug", name=op.f("uq_archive_page_account_id_slug")),
    )
    with op.batch_alter_table("archive_page", schema=None) as batch_op:
        batch_op.create_index(
            "ix_archive_page_shown",
            ["account_id", "is_public", "shown_at", "campaign_id"],
            unique=False,
        )

    op.create_table(
        "share_link",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "campaign_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("label", sa.String(length=200), nullable=False),
        sa.Column("nonce", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("password_hash", sa.String(length=255), nullable=True),
        sa.Column("expires_at", app.core.db.UtcDateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", app.core.db.UtcDateTime(timezone=True), nullable=True),
        sa.Column("opened", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("opened_at", app.core.db.UtcDateTime(timezone=True), nullable=True),
        sa.Column(
            "created_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("created_at", app.core.db.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["account.id"],
            name=op.f("fk_share_link_account_id_account"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["campaign_id"],
            ["campaign.id"],
            name=op.f("fk_share_link_campaign_id_campaign"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_share_link")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("share_link", schema=None) as batch_op:
        batch_op.create_index("ix_share_link_account", ["account_id", "id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_share_link_campaign_id"), ["campaign_id"], unique=False
        )

    op.create_table(
        "told_friend",
        sa.Column("address_hash", sa.String(length=64), nullable=False),
        sa.Column(
            "campaign_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("told_at", app.core.db.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["account.id"],
            name=op.f("fk_told_friend_account_id_account"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["campaign_id"],
            ["campaign.id"],
            name=op.f("fk_told_friend_campaign_id_campaign"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("address_hash", "campaign_id", name=op.f("pk_told_friend")),
    )
    with op.batch_alter_table("told_friend", schema=None) as batch_op:
        batch_op.create_index("ix_told_friend_account", ["account_id", "told_at"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_told_friend_campaign_id"), ["campaign_id"], unique=False
        )
        batch_op.create_index("ix_told_friend_told", ["told_at"], unique=False)


def downgrade() -> None:

    with op.batch_alter_table("told_friend", schema=None) as batch_op:
        batch_op.drop_index("ix_told_friend_told")
        batch_op.drop_index(batch_op.f("ix_told_friend_campaign_id"))
        batch_op.drop_index("ix_told_friend_account")

    op.drop_table("told_friend")
    with op.batch_alter_table("share_link", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_share_link_campaign_id"))
        batch_op.drop_index("ix_share_link_account")

    op.drop_table("share_link")
    with op.batch_alter_table("archive_page", schema=None) as batch_op:
        batch_op.drop_index("ix_archive_page_shown")

    op.drop_table("archive_page")
    with op.batch_alter_table("archive_former_address", schema=None) as batch_op:
        batch_op.drop_index("ix_archive_former_address_slug")
        batch_op.drop_index(batch_op.f("ix_archive_former_address_campaign_id"))
        batch_op.drop_index(batch_op.f("ix_archive_former_address_account_id"))

    op.drop_table("archive_former_address")
    with op.batch_alter_table("archive", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_archive_form_id"))

    op.drop_table("archive")
    op.drop_table("never_tell")
