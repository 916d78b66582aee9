"""Every page that can be looked at, in one place. A new page is added here."""

from __future__ import annotations

PUBLIC = [
    "/",
    "/help",
    "/about",
    "/contact",
    "/register",
    "/sign-in",
    "/password/forgot",
    "/sent",
    "/privacy",
    "/privacy/versions",
    "/outside",
    "/privacy/follow",
    "/privacy/follow/asked",
    "/mail",
]

EMPTY_ACCOUNT = [
    "/home",
    "/palette?q=camp",
    "/campaigns",
    "/contacts",
    "/contacts/fields",
    "/lists",
    "/segments",
    "/segments/new",
    "/suppressions",
    "/forms",
    "/imports",
    "/imports/new",
    "/contacts/bulk",
    "/contacts/clean-up",
    "/contacts/clean-up/duplicates",
    "/contacts/growth",
    "/reports",
    "/reports/pages",
    "/questions",
    "/settings",
    "/settings/business",
    "/settings/people",
    "/settings/profile",
    "/settings/sign-in",
    "/confirm",
    "/settings/senders",
    "/settings/preferences",
    "/settings/preferences/preview",
    "/settings/domains",
    "/settings/mail-server",
    "/settings/warm-up",
    "/settings/mailboxes",
    "/settings/provider-reports",
    "/settings/api-tokens",
    "/settings/archive",
    "/settings/audit",
    "/settings/take-out",
    "/settings/take-in",
    "/settings/data",
    "/settings/limits",
    "/settings/consents/record",
]

#: {campaign}: a sent one of the sample data; {draft}: one that is being written;
#: {mapping}, {imported}: an import that waits for its columns, and one that is over;
#: {contact}, {other}, {list}: people of it; {bulk}: something done to many;
#: {leave}, {prefs}, {view}: the links of a mail.
FULL_ACCOUNT = [
    "/home",
    "/palette?q=alice",
    "/campaigns",
    "/campaigns/{campaign}",
    "/campaigns/{campaign}/progress",
    "/campaigns/{campaign}/receipt",
    "/campaigns/{campaign}/recipients",
    "/campaigns/{campaign}/recipients?state=failed",
    "/campaigns/{campaign}/uncertain",
    "/campaigns/{campaign}/report",
    "/campaigns/{draft}/write",
    "/campaigns/{draft}/look",
    "/campaigns/{draft}/people",
    "/campaigns/{draft}/send",
    "/campaigns/{campaign}/report/people/opened",
    "/campaigns/{campaign}/bounces",
    "/campaigns/{campaign}/bounces?reason=mailbox",
    "/reports",
    "/contacts",
    "/contacts?q=alice",
    "/contacts/{contact}",
    "/contacts/new",
    "/contacts/{contact}/edit",
    "/contacts/{contact}/delete",
    "/contacts/{contact}/history?only=mails",
    "/contacts/{contact}/merge/{other}",
    "/contacts/bulk",
    "/contacts/bulk/{bulk}",
    "/contacts/clean-up",
    "/contacts/clean-up/duplicates",
    "/contacts/growth?by=week",
    "/lists/{list}/growth",
    "/imports",
    "/imports/{mapping}/columns",
    "/imports/{imported}",
    "/lists",
    "/lists/{list}",
    "/suppressions",
    "/settings/preferences",
    "/settings/consents/record",
]

OF_A_MAIL = ["/u/{leave}", "/p/{prefs}", "/p/{prefs}/why", "/p/{prefs}/erase"]

#: Pages behind a link of single use, and old links.
OF_A_SECRET = [
    "/password/{password}",
    "/password/used-up",
    "/join/{join}",
    "/senders/confirm/{sender}",
    "/subscribe/confirm/{subscribe}",
    "/privacy/versions/1",
    "/privacy/compare",
]


def areas(paths: list[str]) -> dict[str, list[str]]:
    """Pages by the first word of their path."""
    found: dict[str, list[str]] = {}
    for path in paths:
        found.setdefault(path.split("?")[0].split("/")[1], []).append(path)
    return found
