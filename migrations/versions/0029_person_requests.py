"""requests of people"""

import sqlalchemy as sa
from alembic import op

import app.core.db

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = app.core.db.UtcDateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "person_request",
        sa.Column("id", ID, nullable=False),
        sa.Column("reference", sa.String(length=16), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("address", sa.String(length=320), nullable=True),
        sa.Column("address_hash", sa.String(length=64), nullable=False),
        sa.Column("words", sa.String(length=200), nullable=False),
        sa.Column("ticket_id", ID, nullable=True),
        sa.Column("by_id", ID, nullable=True),
        sa.Column("who", sa.String(length=320), nullable=False),
        sa.Column("purpose", sa.String(length=16), nullable=False),
        sa.Column("asked_at", MOMENT, nullable=False),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.Column("mails", sa.SmallInteger(), nullable=False),
        sa.Column("mailed_at", MOMENT, nullable=True),
        sa.Column("confirmed_at", MOMENT, nullable=True),
        sa.Column("finished_at", MOMENT, nullable=True),
        sa.Column("end_words", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(
            ["ticket_id"],
            ["ticket.id"],
            name=op.f("fk_person_request_ticket_id_ticket"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person_request")),
        sa.UniqueConstraint("reference", name=op.f("uq_person_request_reference")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_person_request_state", "person_request", ["state", "due_at", "id"])
    op.create_index("ix_person_request_hash", "person_request", ["address_hash"])
    op.create_index("ix_person_request_ticket", "person_request", ["ticket_id"])
    op.create_table(
        "person_request_place",
        sa.Column("id", ID, nullable=False),
        sa.Column("request_id", ID, nullable=False),
        sa.Column("account_id", ID, nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("done_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["request_id"],
            ["person_request.id"],
            name=op.f("fk_person_request_place_request_id_person_request"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["account.id"],
            name=op.f("fk_person_request_place_account_id_account"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person_request_place")),
        sa.UniqueConstraint(
            "request_id", "account_id", name=op.f("uq_person_request_place_request_id_account_id")
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_person_request_place_account", "person_request_place", ["account_id"])


def downgrade() -> None:
    op.drop_table("person_request_place")
    op.drop_table("person_request")
