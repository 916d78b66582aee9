"""Who keeps the mailboxes of a domain, asked of a name server on loopback."""

from __future__ import annotations

import pytest

from app.mailer import mailbox_providers
from app.mailer.lookup import Away, Resolver
from tests.dnsserver import SILENT, DnsServer

MX = {
    "bakery.example": (["10 aspmx.l.google.com.", "20 alt1.aspmx.l.google.com."], "google"),
    "shop.example": (["0 shop-example.mail.protection.outlook.com."], "microsoft"),
    "club.example": (["20 mx01.kundenserver.de.", "10 mx00.kundenserver.de."], "ionos"),
    "farm.example": (["10 mx.hoster.co.uk."], "hoster.co.uk"),
    "inn.example": (["5 mail.inn.example."], "inn.example"),
    "nomail.example": (["0 ."], "nomail.example"),
}


@pytest.fixture
def dns():
    with DnsServer() as server:
        for domain, (records, _) in MX.items():
            server.put(domain, "MX", *records)
        yield server


@pytest.mark.parametrize("domain", MX)
def test_the_most_preferred_mail_host_names_the_provider(dns, domain):
    find = Resolver([dns.address])

    assert mailbox_providers.by_mx(domain, find) == MX[domain][1]


def test_a_domain_without_mx_keeps_its_own_mail(dns):
    dns.put("only-a.example", "A", "192.0.2.1")
    find = Resolver([dns.address])

    assert mailbox_providers.by_mx("only-a.example", find) == "only-a.example"
    assert mailbox_providers.by_mx("nowhere.example", find) == "nowhere.example"


def test_no_answer_is_no_verdict(dns):
    dns.broken = SILENT

    with pytest.raises(Away):
        mailbox_providers.by_mx("bakery.example", Resolver([dns.address], each_s=0.3))


def test_well_known_domains_need_no_question():
    assert mailbox_providers.of_domain("googlemail.com") == "google"
    assert mailbox_providers.name_of("google") == "Gmail"
    assert mailbox_providers.of_domain("bakery.example") is None
    assert mailbox_providers.name_of("hoster.example") == "hoster.example"


def test_every_provider_has_a_name():
    keys = {*mailbox_providers.DOMAINS.values(), *mailbox_providers.HOSTS.values()}

    assert keys <= mailbox_providers.NAMES.keys()
