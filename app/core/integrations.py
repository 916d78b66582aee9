"""Services of others that something here connects to or leads to: the one list of them.

Whoever is about to hand something over sees first who gets it, for what, and where that service's
own privacy policy is. Pages show an entry with the macros of `macros/outside.html`; the public page
of outside services is made from this list. A feature that reaches a service of others adds an entry
here, or describes with `unlisted` what an owner or operator named.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

#: Kinds, in the order of the public page, with what they have in common.
KINDS = {
    "share": "Sharing a page",
    "import": "Bringing contacts from another service",
    "mail": "Mail servers and what they report",
    "payment": "Paying",
    "backup": "Keeping backups",
}


@dataclass(frozen=True)
class Integration:
    """A service of somebody else."""

    key: str
    """As addresses have it; empty for one that is not in the list."""
    name: str
    host: str
    """Where a browser or this server goes; what stands behind the last dots for mail servers."""
    kind: str
    purpose: str
    """Why one would go there, as a sentence."""
    gets: str
    """What the service gets to know, as a sentence."""
    policy: str
    """The address of its privacy policy; empty where only its operator knows it."""
    home: str = ""
    """Where one goes; the host alone where nothing is said."""
    more_hosts: tuple[str, ...] = ()
    """Other names under which it is reached."""

    @property
    def url(self) -> str:
        """Where a link leads."""
        return self.home or f"https://{self.host}/"

    @property
    def policy_host(self) -> str:
        """The site that the policy lies on."""
        return urlsplit(self.policy).hostname or ""


_PAGE = "The address of the page that you share, and that you came to share it. No name, no list."
_FILE = "Nothing from here: you fetch a file there and upload it here."
_MAIL = "Every mail that goes through it: sender, recipients and content."

INTEGRATIONS: tuple[Integration, ...] = (
    Integration(
        "whatsapp", "WhatsApp", "wa.me", "share", "Send a page to somebody on WhatsApp.", _PAGE,
        "https://www.whatsapp.com/legal/privacy-policy",
    ),
    Integration(
        "facebook", "Facebook", "www.facebook.com", "share", "Share a page on Facebook.", _PAGE,
        "https://www.facebook.com/privacy/policy/",
    ),
    Integration(
        "linkedin", "LinkedIn", "www.linkedin.com", "share", "Share a page on LinkedIn.", _PAGE,
        "https://www.linkedin.com/legal/privacy-policy",
    ),
    Integration(
        "bluesky", "Bluesky", "bsky.app", "share", "Share a page on Bluesky.", _PAGE,
        "https://bsky.social/about/support/privacy-policy",
    ),
    Integration(
        "mastodon", "Mastodon", "share.joinmastodon.org", "share",
        "Share a page on Mastodon; you name your server there.", _PAGE,
        "https://joinmastodon.org/privacy-policy",
    ),
    Integration(
        "x", "X", "x.com", "share", "Share a page on X.", _PAGE, "https://x.com/en/privacy",
    ),
    Integration(
        "google", "Google Contacts", "contacts.google.com", "import",
        "Export your address book as a file, to upload it here.", _FILE,
        "https://policies.google.com/privacy",
    ),
    Integration(
        "microsoft", "Outlook", "outlook.live.com", "import",
        "Export your people as a file, to upload it here.", _FILE,
        "https://www.microsoft.com/privacy/privacystatement",
        home="https://outlook.live.com/people/",
    ),
    Integration(
        "mailchimp", "Mailchimp", "mailchimp.com", "import",
        "Export your audience as a file, to upload it here.", _FILE,
        "https://www.intuit.com/privacy/statement/",
    ),
    Integration(
        "brevo", "Brevo", "app.brevo.com", "import",
        "Export your contacts as a file, to upload it here.", _FILE,
        "https://www.brevo.com/legal/privacypolicy/",
    ),
    Integration(
        "mailerlite", "MailerLite", "dashboard.mailerlite.com", "import",
        "Export your subscribers as a file, to upload it here.", _FILE,
        "https://www.mailerlite.com/legal/privacy-policy",
    ),
    Integration(
        "hubspot", "HubSpot", "app.hubspot.com", "import",
        "Export your contacts as a file, to upload it here.", _FILE,
        "https://legal.hubspot.com/privacy-policy",
    ),
    Integration(
        "ses", "Amazon SES", "amazonaws.com", "mail",
        "Mail leaves through it; it reports what bounced back.", _MAIL,
        "https://aws.amazon.com/privacy/", home="https://aws.amazon.com/ses/",
    ),
    Integration(
        "postmark", "Postmark", "postmarkapp.com", "mail",
        "Mail leaves through it; it reports what bounced back.", _MAIL,
        "https://postmarkapp.com/privacy-policy", more_hosts=("mtasv.net",),
    ),
    Integration(
        "sendgrid", "SendGrid", "sendgrid.com", "mail",
        "Mail leaves through it; it reports what bounced back.", _MAIL,
        "https://www.twilio.com/legal/privacy", more_hosts=("sendgrid.net",),
    ),
    Integration(
        "mailgun", "Mailgun", "mailgun.com", "mail",
        "Mail leaves through it; it reports what bounced back.", _MAIL,
        "https://www.mailgun.com/legal/privacy-policy/", more_hosts=("mailgun.org", "mailgun.net"),
    ),
    Integration(
        "stripe", "Stripe", "checkout.stripe.com", "payment",
        "Plans are paid for there, and cards, addresses and tax numbers are kept there.",
        "The name and address for invoices, and the number of the account. No contact, no mail.",
        "https://stripe.com/privacy", home="https://stripe.com/",
        more_hosts=("stripe.com",),
    ),
)  # fmt: skip


def find(key: str) -> Integration | None:
    """The entry of that name."""
    return next((one for one in INTEGRATIONS if one.key == key), None)


def of_kind(kind: str) -> list[Integration]:
    """All of one kind, in the order of the list."""
    return [one for one in INTEGRATIONS if one.kind == kind]


def by_host(host: str) -> Integration | None:
    """Whose server that is, where the list knows it: `smtp.sendgrid.net` is SendGrid's."""
    name = host.strip().lower().rstrip(".")
    for one in INTEGRATIONS:
        for known in (one.host, *one.more_hosts):
            if name == known or name.endswith(f".{known}"):
                return one
    return None


def unlisted(
    host: str, *, purpose: str, gets: str, kind: str = "mail", name: str = "", policy: str = ""
) -> Integration:
    """A service that somebody named in a setting; with the list's name and policy if it has them.

    `policy` is empty where nobody told it: the page then says whom to ask.
    """
    known = by_host(host)
    return Integration(
        key=known.key if known else "",
        name=name or (known.name if known else host),
        host=host,
        kind=kind,
        purpose=purpose,
        gets=gets,
        policy=policy or (known.policy if known else ""),
        home=known.home if known else "",
    )


def mail_server(host: str) -> Integration:
    """The relay that an owner or operator entered."""
    return unlisted(host, purpose="Your mail leaves through it.", gets=_MAIL)


def bounce_mailbox(host: str) -> Integration:
    """The mailbox that bounces are read from."""
    return unlisted(
        host,
        purpose="Bounces and complaints are read there.",
        gets="That this server reads your mailbox, every two minutes. No contact is sent there.",
    )


def backup_place(where: str) -> Integration | None:
    """The bucket that backups are kept in, as BACKUP_TO names it; None for a folder."""
    if not where.startswith("s3:"):
        return None
    endpoint = parse_qs(urlsplit(where).query).get("endpoint", [""])[0]
    host = urlsplit(endpoint).hostname or "s3.amazonaws.com"
    return unlisted(
        host, kind="backup", purpose="Backups of this installation are kept there.",
        gets="Encrypted files, when they were made and how large they are. Not the key.",
    )  # fmt: skip


def hosts() -> list[str]:
    """Every site of others that a page of this installation links to, in alphabetical order."""
    found = {urlsplit(one.url).hostname or "" for one in INTEGRATIONS}
    return sorted(found | {one.policy_host for one in INTEGRATIONS} - {""})
