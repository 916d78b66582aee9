"""Who keeps the mailboxes of a domain: known domains first, then its MX hosts (RFC 5321 5.1).

A provider is a short key, such as "google" or "hoster.example"; `name_of` says it for people. What
slows one domain of a provider slows all of them, whoever owns those domains.
"""

from __future__ import annotations

from app.mailer.lookup import Find

NAMES = {
    "google": "Gmail", "microsoft": "Outlook", "yahoo": "Yahoo", "apple": "iCloud",
    "united": "GMX and WEB.DE", "telekom": "T-Online", "freenet": "freenet", "mailru": "Mail.ru",
    "yandex": "Yandex", "zoho": "Zoho", "proton": "Proton", "fastmail": "Fastmail",
    "ionos": "IONOS", "strato": "STRATO", "ovh": "OVH", "gandi": "Gandi", "orange": "Orange",
    "free": "Free", "laposte": "La Poste", "libero": "Libero", "seznam": "Seznam",
    "onet": "Onet", "wp": "WP", "comcast": "Comcast", "bt": "BT", "qq": "QQ", "netease": "NetEase",
    "mailcom": "mail.com", "hostpoint": "Hostpoint", "godaddy": "GoDaddy", "mimecast": "Mimecast",
    "proofpoint": "Proofpoint", "barracuda": "Barracuda", "hostinger": "Hostinger",
    "namecheap": "Namecheap", "amazon": "Amazon",
}  # fmt: skip

#: Where everybody is at home: no question to DNS is needed.
DOMAINS = {
    domain: key
    for key, domains in {
        "google": "gmail.com googlemail.com",
        "microsoft": "outlook.com outlook.de outlook.fr outlook.es outlook.it hotmail.com "
        "hotmail.de hotmail.fr hotmail.it hotmail.es hotmail.co.uk live.com live.de live.fr "
        "live.it live.nl live.co.uk msn.com passport.com",
        "yahoo": "yahoo.com yahoo.de yahoo.fr yahoo.es yahoo.it yahoo.co.uk yahoo.co.in "
        "yahoo.com.br yahoo.ca ymail.com rocketmail.com aol.com aim.com verizon.net",
        "apple": "icloud.com me.com mac.com",
        "united": "gmx.de gmx.net gmx.at gmx.ch web.de email.de",
        "mailcom": "mail.com gmx.com email.com usa.com",
        "telekom": "t-online.de magenta.de",
        "freenet": "freenet.de",
        "mailru": "mail.ru inbox.ru list.ru bk.ru",
        "yandex": "yandex.ru yandex.com ya.ru",
        "zoho": "zoho.com zohomail.com zohomail.eu",
        "proton": "proton.me protonmail.com pm.me protonmail.ch",
        "fastmail": "fastmail.com fastmail.fm",
        "orange": "orange.fr wanadoo.fr",
        "free": "free.fr",
        "laposte": "laposte.net",
        "libero": "libero.it virgilio.it",
        "seznam": "seznam.cz email.cz post.cz",
        "onet": "onet.pl op.pl poczta.onet.pl",
        "wp": "wp.pl o2.pl",
        "comcast": "comcast.net",
        "bt": "btinternet.com btopenworld.com",
        "qq": "qq.com foxmail.com",
        "netease": "163.com 126.com yeah.net",
    }.items()
    for domain in domains.split()
}

#: Names that MX hosts end in.
HOSTS = {
    suffix: key
    for key, suffixes in {
        "google": "google.com googlemail.com smtp.goog",
        "microsoft": "mail.protection.outlook.com mx.microsoft olc.protection.outlook.com "
        "outlook.com hotmail.com",
        "yahoo": "yahoodns.net",
        "apple": "mail.icloud.com icloud.com apple.com",
        "united": "gmx.net web.de",
        "mailcom": "mail.com",
        "telekom": "t-online.de",
        "freenet": "freenet.de",
        "mailru": "mail.ru",
        "yandex": "yandex.net yandex.ru",
        "zoho": "zoho.com zoho.eu zoho.in zohomail.com",
        "proton": "protonmail.ch proton.ch",
        "fastmail": "messagingengine.com",
        "ionos": "kundenserver.de ionos.com ionos.co.uk ionos.de 1and1.com perfora.net",
        "strato": "rzone.de strato.de",
        "ovh": "ovh.net ovh.ca",
        "gandi": "gandi.net",
        "hostpoint": "hostpoint.ch",
        "godaddy": "secureserver.net",
        "mimecast": "mimecast.com",
        "proofpoint": "pphosted.com ppe-hosted.com",
        "barracuda": "barracudanetworks.com",
        "hostinger": "hostinger.com",
        "namecheap": "privateemail.com registrar-servers.com",
        "amazon": "amazonaws.com awsapps.com",
        "seznam": "seznam.cz",
        "onet": "onet.pl",
        "wp": "wp.pl",
        "orange": "orange.fr",
        "free": "free.fr",
        "laposte": "laposte.net",
        "libero": "libero.it",
        "comcast": "comcast.net",
        "qq": "qq.com",
        "netease": "netease.com 163.com",
    }.items()
    for suffix in suffixes.split()
}

#: Second levels under which names are given out, as in co.uk; a whole list would be megabytes.
SHARED_LEVELS = frozenset(("ac", "co", "com", "edu", "gob", "gov", "gv", "ne", "net", "or", "org"))


def of_domain(domain: str) -> str | None:
    """The provider of a well-known domain; None for all others."""
    return DOMAINS.get(domain)


def by_mx(domain: str, find: Find) -> str:
    """The provider that a domain's MX hosts belong to, the most preferred first.

    A domain without MX keeps its own mail, and so does one whose MX says that it takes none
    (RFC 7505). Raises lookup.Away.
    """
    records = sorted(_record(line) for line in find(domain, "MX"))
    hosts = [host for _, host in records if host]
    return of_host(hosts[0]) if hosts else domain


def of_host(host: str) -> str:
    """The provider that a mail host belongs to."""
    labels = host.lower().rstrip(".").split(".")
    tails = [".".join(labels[i:]) for i in range(len(labels))]
    known = next((HOSTS[tail] for tail in tails if tail in HOSTS), None)
    return known or _registrable(labels)


def name_of(provider: str) -> str:
    """As people call it."""
    return NAMES.get(provider, provider)


def _record(line: str) -> tuple[int, str]:
    preference, _, host = line.partition(" ")
    return (int(preference) if preference.isdigit() else 65_535), host.strip().rstrip(".")


def _registrable(labels: list[str]) -> str:
    """What somebody registered, by the shape of the name."""
    shared = len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in SHARED_LEVELS
    return ".".join(labels[-3 if shared else -2 :])
