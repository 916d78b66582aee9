"""The pages that are counted, and their names for people."""

from __future__ import annotations

#: Places on an archive page whose clicks are counted: `data-place` in its templates.
ARCHIVE_PLACES = {1: "Get it by mail", 2: "Pass it on", 3: "Other mails"}
#: Endpoint → name. A page that is not here is not counted.
SITE_PAGES = {
    "site.landing": "Start page",
    "site.help_page": "Help",
    "site.about": "Licences",
    "site.contact": "Contact",
    "privacy.policy": "Privacy policy",
    "privacy.versions": "Versions of the policy",
    "privacy.compare": "Comparing versions",
    "privacy.registers": "Registers",
    "privacy.incident": "Incidents",
    "outside.index": "Sites of others",
    "trust.abuse": "Report abuse",
    "auth.register": "Registration",
    "auth.sign_in": "Sign-in",
}


def shelf_key(account_id: int) -> str:
    """The list of an account's archive, beside the numbers of its mails."""
    return f"all-{account_id}"
