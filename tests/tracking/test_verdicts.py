"""Hits judged together."""

from __future__ import annotations

import time
from itertools import count

from app.tracking.verdicts import Facts, Hit, together

numbers = count(1)
FACTS = Facts(sent_ms={1: 0, 2: 0}, links={1: 4, 2: 2, 3: 1})
LATER = 60_000


def hit(kind="click", delivery=1, target=1, ms=LATER, verdict="human", block=""):
    return Hit(next(numbers), kind, delivery, target, ms, verdict, "", block)


def verdicts_of(*hits, facts=FACTS):
    return [look.verdict for look in together(hits, facts)]


def test_one_click_is_a_person():
    assert verdicts_of(hit()) == ["human"]


def test_the_same_link_again_and_again_is_still_a_person():
    assert set(verdicts_of(*[hit(ms=LATER + n * 10) for n in range(50)])) == {"human"}


def test_three_links_within_two_seconds_are_a_machine_with_the_opening_between():
    hits = [hit(target=1), hit("open", target=0, ms=LATER + 500),
            hit(target=2, ms=LATER + 900), hit(target=3, ms=LATER + 1900)]  # fmt: skip

    assert verdicts_of(*hits) == ["machine"] * 4


def test_three_links_in_a_quiet_reading_are_a_person():
    hits = [hit(target=n, ms=LATER + n * 1500) for n in (1, 2, 3)]

    assert verdicts_of(*hits) == ["human"] * 3


def test_all_links_of_a_short_mail_within_two_seconds_are_a_machine():
    assert verdicts_of(hit(delivery=2, target=1), hit(delivery=2, target=2)) == ["machine"] * 2
    assert verdicts_of(hit(delivery=1, target=1), hit(delivery=1, target=2)) == ["human"] * 2


def test_the_only_link_and_the_leaving_page_at_once_are_a_machine():
    hits = [hit(delivery=3, target=1), hit("page", delivery=3, target=-1)]

    assert verdicts_of(*hits) == ["machine", "machine"]


def test_looking_at_the_leaving_page_after_opening_is_a_person():
    hits = [hit("open", delivery=3, target=0), hit("page", delivery=3, target=-1)]

    assert verdicts_of(*hits) == ["human", "human"]


def test_different_people_do_not_make_a_burst():
    hits = [hit(delivery=n, target=n) for n in (1, 2, 4, 5)]

    assert set(verdicts_of(*hits)) == {"human"}


def test_nobody_reads_within_two_seconds_of_the_arrival():
    assert verdicts_of(hit(ms=1999), hit(ms=2500)) == ["machine", "human"]


def test_the_order_of_arrival_does_not_matter():
    hits = [hit(target=3, ms=LATER + 900), hit(target=1), hit(target=2, ms=LATER + 100)]

    assert verdicts_of(*hits) == ["machine"] * 3


def test_one_network_asking_for_many_peoples_mails_is_a_machine():
    crowd = [hit("open", delivery=10 + n, ms=LATER + n * 100, block="b") for n in range(15)]
    alone = hit("open", delivery=99, block="c")

    assert verdicts_of(*crowd, alone) == ["machine"] * 15 + ["human"]


def test_an_office_behind_one_address_is_people():
    office = [hit("open", delivery=10 + n, ms=LATER + n * 1000, block="b") for n in range(40)]

    assert set(verdicts_of(*office)) == {"human"}


def test_without_persons_a_block_that_follows_all_links_is_a_machine():
    scanner = [hit(delivery=0, target=n, block="b") for n in (1, 2, 3)]
    readers = [hit(delivery=0, target=n, block="") for n in (1, 2, 3)]

    assert set(verdicts_of(*scanner)) == {"machine"}
    assert set(verdicts_of(*readers)) == {"human"}


def test_a_storm_is_judged_quickly():
    storm = [hit(target=n % 5, ms=LATER + n // 50, block="b") for n in range(50_000)]

    started = time.monotonic()
    together(storm, FACTS)

    assert time.monotonic() - started < 5
