"""Whoever is erased is nowhere any more: every table says how that is so.

A new table fails here until somebody has thought about it. What is about one contact gets a
foreign key that takes it along; where an address may be copied into a text, contacts.erasing or
`leftovers` of a higher feature names the place; else it belongs to the list below.
"""

from __future__ import annotations

import pytest
import sqlalchemy as sa

import app.factory  # noqa: F401  # knows every part, so that every table is known here
from app.contacts import erasing
from app.core.db import Base
from app.delivery import leftovers
from app.desk import leftovers as desk
from app.moving import leftovers as moving
from app.trust import leftovers as trust

#: Emptied of what is personal, by a statement or a trigger of its own.
EMPTIED = {"contact", "consent", "suppression", "delivery", "event", "erasure", "import"}
#: Empties itself of the address once it is answered, refused or closed (staff.asked).
EMPTIED |= {"person_request"}
#: Nothing in them is about a contact: settings, counters, members, texts for everybody.
ABOUT_NOBODY = {
    "acceptance", "account", "alarm_link", "api_token", "asking_round", "authenticator",
    "backup_run", "batch", "beat", "campaign", "campaign_audience", "chain_head", "clean_up_look",
    "consent_check", "consent_seal", "contact_field", "contract", "domain_check", "domain_rule",
    "email_change",
    "export_grant", "greeting", "headcount", "hour_score", "house", "import_journal",
    "import_review", "intake", "inventory_entry", "invitation", "keeping_choice", "keeping_day",
    "known_browser", "ladder_move", "ladder_place", "limit_notice", "link", "list", "list_day",
    "mail_domain", "mail_month", "mailbox", "member", "member_consent", "membership", "moved",
    "open_field", "page_day", "page_link", "page_source", "passkey", "password_link",
    "payment_event", "people_day", "plan_grant", "policy_draft", "policy_follower",
    "policy_mailing", "policy_version", "preference_centre", "provider_login", "public_list",
    "public_page", "reader", "recovery_code", "relay", "relay_use", "report_hook", "reservation",
    "restoration", "score", "segment", "segment_count", "sender", "sign_in_step", "signed_in",
    "signing_key", "signup_form", "signup_form_version", "staff_access", "staff_look",
    "stopped_link", "suppression_key", "tag", "takeout", "tally", "used_stamp", "warm_up",
}  # fmt: skip
#: The operator's rules about where somebody comes from.
ABOUT_NOBODY |= {"barred_network"}
#: Of accounts that are being closed, and were.
ABOUT_NOBODY |= {"closed_account", "closing"}
#: Of requests of people: accounts and states.
ABOUT_NOBODY |= {"person_request_place"}
#: Conversations of people with the operator, kept for the time that is promised for them; fulfilled
#: wishes to leave go with their person (desk.leftovers).
LETTERS = {"ticket_message", "ticket_file"}
#: What everybody may read, and links by which outsiders see numbers.
ABOUT_NOBODY |= {"archive", "archive_former_address", "archive_page", "share_link"}
#: Only a keyed hash of an address: nobody is asked again and again to confirm, told twice of the
#: same mail, told of anything who wants that no more, or mailed by whom they kept out.
HASHED = {"confirmation_mail", "told_friend", "never_tell", "kept_out"}
#: The operator's registers: about accounts as a whole.
REGISTERS = {"disclosure", "incident", "incident_account", "incident_note", "processor"}
#: Never changed, so no address gets in: `auditing.note` takes it out.
SCRUBBED = {"audit_entry"}
#: Read within seconds and then gone.
PASSING = {"provider_report"}


def goes_with_the_contact(table: sa.Table) -> bool:
    return any(
        key.column.table.name == "contact" and key.ondelete == "CASCADE"
        for key in table.foreign_keys
    )


@pytest.mark.parametrize("name", sorted(Base.metadata.tables))
def test_every_table_forgets_who_is_erased(name: str) -> None:
    places = {
        place.model.__tablename__
        for place in (
            *erasing.PLACES,
            *leftovers.PLACES,
            *desk.PLACES,
            *moving.PLACES,
            *trust.PLACES,
        )
    }
    known = EMPTIED | ABOUT_NOBODY | REGISTERS | LETTERS | HASHED | SCRUBBED | PASSING | places

    assert name in known or goes_with_the_contact(Base.metadata.tables[name])


def test_the_lists_name_tables_that_exist() -> None:
    assert (
        set(Base.metadata.tables)
        >= EMPTIED | ABOUT_NOBODY | REGISTERS | LETTERS | HASHED | SCRUBBED | PASSING
    )
