"""What User-Agents and headers tell, checked on a file of real ones."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from werkzeug.datastructures import Headers

from app.tracking import verdicts

SAMPLES = Path(__file__).resolve().parents[3] / "shared" / "data" / "agents" / "agents.csv"
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/131.0.0.0 Safari/537.36"
)


@pytest.fixture
def samples() -> list[dict[str, str]]:
    if not SAMPLES.exists():
        pytest.skip("the sample User-Agents (agents/agents.csv) are not here")
    with SAMPLES.open(newline="") as file:
        return list(csv.DictReader(file))


def look(kind: str, user_agent: str, method: str = "GET", **more: str) -> verdicts.Look:
    named = {name.replace("_", "-"): value for name, value in more.items()}
    return verdicts.of_request(kind, method, Headers({"User-Agent": user_agent, **named}))


def test_machines_are_machines_and_people_are_people(samples):
    for sample in samples:
        if sample["match"] == "method HEAD":
            found = look("click", CHROME, method="HEAD")
        else:
            kind = "click" if sample["event"] == "click" else "open"
            found = look(kind, sample["user_agent"])
        is_human = sample["class"] in ("human-open", "human-click", "proxied-open")

        assert found.verdict == ("human" if is_human else "machine"), sample["name"]


def test_every_machine_has_a_reason(samples):
    for sample in samples:
        found = look("click", sample["user_agent"])
        assert found.verdict == "human" or found.reason, sample["name"]


@pytest.mark.parametrize("program", ["GoogleImageProxy", "YahooMailProxy; x", "FastmailUA/1.0"])
def test_a_picture_proxy_opens_for_a_person_but_follows_links_for_none(program):
    assert look("open", program).verdict == "human"
    assert "opened in" in look("open", program).reason
    assert look("click", program).verdict == "machine"


def test_apples_preloading_is_no_open_while_its_bare_name_may_click():
    assert look("open", "Mozilla/5.0").verdict == "machine"
    assert look("click", "Mozilla/5.0").verdict == "human"


@pytest.mark.parametrize(
    ("header", "value"),
    [("Sec_Purpose", "prefetch;prerender"), ("Purpose", "prefetch"), ("X_Moz", "prefetch"),
     ("X_Purpose", "preview")],
)  # fmt: skip
def test_what_a_browser_fetches_ahead_is_no_person(header, value):
    assert look("click", CHROME, **{header: value}).verdict == "machine"
    assert look("open", CHROME, **{header: value}).verdict == "machine"


def test_an_endless_user_agent_is_read_quickly():
    assert look("open", "x" * 1_000_000).verdict == "human"


def test_a_network_block_is_hidden_and_shared_by_neighbours():
    def block(address, salt=b"today"):
        return verdicts.block_of(address, CHROME, salt=salt)

    assert block("8.8.8.8") == block("8.8.8.200") != block("8.8.9.8")
    assert block("2a00:1450:4001::1") == block("2a00:1450:4001:ffff::1")
    assert block("8.8.8.8") != block("8.8.8.8", salt=b"tomorrow")
    assert "8.8" not in block("8.8.8.8")


@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "::1", "192.168.0.1", "", "junk"])
def test_addresses_that_everybody_may_share_tell_nothing(address):
    assert verdicts.block_of(address, CHROME, salt=b"today") == ""


def test_a_picture_proxys_network_tells_nothing():
    assert verdicts.block_of("8.8.8.8", "GoogleImageProxy", salt=b"today") == ""
