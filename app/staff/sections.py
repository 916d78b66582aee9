"""The pages of the staff console, and for which purpose each is there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from app.staff.purposes import PURPOSES


@dataclass(frozen=True)
class Section:
    """An entry of the staff navigation."""

    endpoint: str
    label: str
    icon: str
    purposes: frozenset[str]


def _section(endpoint: str, label: str, icon: str, *purposes: str) -> Section:
    return Section(endpoint, label, icon, frozenset(purposes))


#: In the order of the navigation.
SECTIONS = (
    _section("staff.accounts_page", "Accounts", "store", *PURPOSES),
    _section("staff.desk", "Desk", "inbox", "support", "service", "billing", "abuse"),
    _section("staff.requests_page", "Requests", "user", "support", "abuse"),
    _section("staff.backups_page", "Backups", "server", "service"),
    _section("staff.relay_page", "Mail server", "send", "service"),
    _section("staff.network_page", "Network", "shield", "service", "abuse"),
    _section("staff.abuse_desk", "Abuse", "shield", "abuse"),
    _section("staff.keeping_page", "Retention", "hourglass", "service"),
    _section("staff.policy_page", "Policy", "file-text", "service"),
    _section("staff.mailings_page", "Mailings", "mail", "marketing"),
    _section("staff.processors_page", "Processors", "server", "service"),
    _section("staff.disclosures_page", "Disclosures", "shield", "service", "support"),
    _section("staff.incidents_page", "Incidents", "triangle-alert", "service"),
    _section("staff.visits_page", "Visits", "chart-column", "marketing"),
)


def open_to(purposes: Iterable[str]) -> list[Section]:
    """The sections that somebody with these purposes sees."""
    theirs = set(purposes)
    return [section for section in SECTIONS if section.purposes & theirs]
