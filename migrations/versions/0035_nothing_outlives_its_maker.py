"""nothing outlives its maker, and no record is emptied

Who made a token, rights of invitations, who wrote a welcome mail; and on PostgreSQL, triggers
against TRUNCATE, which removes rows without removing any.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON(none_as_null=True).with_variant(
    postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), "postgresql"
)
COLUMNS = (
    ("api_token", "made_by_id", ID),
    ("invitation", "rights", JSON),
    ("greeting", "written_by_id", ID),
)
#: core.guarding as it was when this was written.
WORDS = {
    "audit_entry": "The audit log is only added to.",
    "chain_head": "A chain is only added to.",
    "consent": "The record of consents is only added to.",
    "consent_seal": "The record of consents is only added to.",
    "staff_access": "The access book of staff is only added to.",
    "policy_version": "A published version of the privacy policy is never changed.",
    "disclosure": "The register of disclosures is only added to.",
}


def upgrade() -> None:
    # Not in batches, which copy the tables on SQLite and forget what hangs on them.
    for table, name, kind in COLUMNS:
        op.add_column(table, sa.Column(name, kind, nullable=True))
    _name_makers()
    if op.get_bind().dialect.name == "postgresql":
        for table, words in WORDS.items():
            emptied = f"{table}_is_not_emptied"
            op.execute(
                f"CREATE FUNCTION {emptied}() RETURNS trigger LANGUAGE plpgsql "
                f"AS $$ BEGIN RAISE EXCEPTION '{words}'; END $$"
            )
            op.execute(
                f"CREATE TRIGGER {emptied} BEFORE TRUNCATE ON {table} "
                f"FOR EACH STATEMENT EXECUTE FUNCTION {emptied}()"
            )


def _name_makers() -> None:
    """Of tokens that there are, the audit log says who made them."""
    op.execute(
        "UPDATE api_token SET made_by_id = (SELECT max(member_id) FROM audit_entry "
        "WHERE audit_entry.account_id = api_token.account_id AND verb = 'token.make' "
        "AND about = 'token ' || api_token.id)"
    )


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for table in WORDS:
            op.execute(f"DROP FUNCTION {table}_is_not_emptied() CASCADE")
    for table, name, _ in COLUMNS:
        op.drop_column(table, name)
