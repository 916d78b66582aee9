"""The pages of the public site that are counted, and their names for people."""

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
    "auth.register": "Registration",
    "auth.sign_in": "Sign-in",
}
