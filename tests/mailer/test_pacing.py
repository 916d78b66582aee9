"""The arithmetic of pace, with a clock of its own."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.mailer import pacing
from app.mailer.pacing import BACK, FREE, PAUSED, SLOW, Lot, Pace, grant, hear, line_up
from app.mailer.smtp import Outcome

NOW = 1_800_000_000.0


def refusal(code: int, status: str, words: str, phase: str = "rcpt") -> Outcome:
    return Outcome(1, "deferred", code, status, f"{code} {status} {words}", phase)


def begun(accepted: int = 600, refused: int = 30, **more: object) -> Pace:
    found = hear(None, Lot(accepted, refused, 60.0, **more), at=NOW)  # type: ignore[arg-type]
    assert found
    return found


@pytest.mark.parametrize(
    "outcome",
    [
        refusal(450, "4.2.1", "The user is receiving mail at a rate that is too high"),
        refusal(421, "4.7.28", "Our system has detected an unusual rate of unsolicited mail"),
        refusal(421, "4.7.0", "[TSS04] Messages from 192.0.2.1 temporarily deferred"),
        refusal(451, "4.7.500", "Server busy. Please try again later from [192.0.2.1]"),
        refusal(451, "4.7.650", "The mail server [192.0.2.1] has been temporarily rate limited"),
        refusal(452, "4.5.3", "too many messages in this session", "dot"),
        refusal(450, "4.7.1", "client host blocked using a blocklist of poor reputation"),
        refusal(421, "4.3.2", "closing"),
    ],
    ids=lambda one: one.text[:40],
)
def test_a_provider_asks_us_to_slow_down(outcome):
    assert pacing.asks_to_slow(outcome)


@pytest.mark.parametrize(
    "outcome",
    [
        refusal(451, "4.7.1", "Greylisted, try again in 300 seconds"),
        refusal(421, "4.7.0", "Graylisting in action"),
        refusal(451, "4.7.1", "Please try again later"),
        refusal(452, "4.2.2", "Mailbox full"),
        refusal(450, "4.2.1", "Mailbox busy, try again later"),
        refusal(451, "4.3.0", "not now"),
        refusal(421, "4.7.0", "enough for this connection", "mail"),
        Outcome(1, "refused", 550, "5.7.1", "550 5.7.1 blocked for poor reputation", "rcpt"),
        Outcome(1, "deferred", None, None, "no answer in time", "rcpt"),
        Outcome(1, "accepted", 250, "2.0.0", "250 ok", "dot"),
    ],
    ids=lambda one: one.text[:40],
)
def test_other_answers_say_nothing_about_pace(outcome):
    assert not pacing.asks_to_slow(outcome)


def test_it_begins_with_half_of_what_was_taken():
    pace = begun(accepted=600)

    assert (pace.phase, pace.per_minute, pace.goal) == (SLOW, 300, 600)
    assert hear(None, Lot(accepted=600), at=NOW) is None


def test_answers_to_mails_that_had_left_before_halve_nothing_again():
    pace = begun()

    for seconds in (1, 5, 14):
        pace = hear(pace, Lot(1, 50), at=NOW + seconds)
    assert pace.per_minute == 300

    pace = hear(pace, Lot(97, 1), at=NOW + 20)
    assert pace.per_minute == 150


def test_what_was_truly_taken_counts_where_it_is_less_than_allowed():
    pace = begun()

    # 100 in 20 seconds could have gone; it took 20 of them.
    pace = hear(pace, Lot(20, 80), at=NOW + 20)

    assert pace.per_minute == 30


def test_it_speeds_up_by_a_quarter_each_calm_minute_until_the_limit_falls_away():
    pace, at, rates = begun(), NOW, [300.0]
    while pace.phase != FREE and at < NOW + 3600:
        at += 61
        pace = hear(pace, Lot(int(pace.per_minute)), at=at)
        rates.append(pace.per_minute)

    assert pace.phase == FREE
    assert rates[1:3] == [376, 471]
    assert all(b <= a * 1.25 + 1 for a, b in itertools.pairwise(rates))
    # From half to twice of what it had complained about.
    assert 6 * 61 <= at - NOW <= 10 * 61


def test_a_pace_that_nobody_uses_proves_nothing_and_ends_after_a_calm_hour():
    pace = begun()

    assert hear(pace, Lot(3), at=NOW + 120).per_minute == 300
    assert not pacing.is_over(pace, at=NOW + 3599)
    assert pacing.is_over(pace, at=NOW + 3600)
    assert hear(pace, Lot(3), at=NOW + 3601).phase == FREE


def test_who_takes_nothing_is_left_alone_longer_and_longer_and_then_asked_with_few():
    pace, at, waits = begun(accepted=0, refused=40), NOW, []
    for _ in range(8):
        assert pace.phase == PAUSED
        assert grant(pace, 100, at=pace.until - 1)[0] == 0
        waits.append(round(pace.until - at))
        at = pace.until + 5
        pace = hear(pace, Lot(0, 1), at=at)

    assert waits[:3] == [60, 120, 240]
    assert max(waits) == 1800
    assert pace.since == NOW

    at = pace.until + 20
    pace = hear(pace, Lot(2, 0), at=at)
    assert (pace.phase, pace.since, pace.per_minute) == (BACK, at, pacing.LEAST)


def test_refusals_that_come_in_one_by_one_add_up_to_a_pause():
    pace = begun(accepted=0, refused=1)
    assert pace.phase == SLOW

    for _ in range(9):
        pace = hear(pace, Lot(0, 1), at=NOW + 1)

    assert (pace.phase, pace.until) == (PAUSED, NOW + 61)


def test_who_took_something_is_not_left_alone_for_what_had_left_before():
    pace = hear(begun(), Lot(0, 400), at=NOW + 1)

    assert (pace.phase, pace.per_minute) == (SLOW, 300)


def test_what_arrives_during_a_pause_ends_it_not():
    pace = begun(accepted=0, refused=40)

    assert hear(pace, Lot(5, 5), at=NOW + 3).phase == PAUSED


def test_the_time_that_a_provider_names_is_kept():
    pace = begun(accepted=0, refused=1, wait_s=360)

    assert (pace.phase, pace.until) == (PAUSED, NOW + 360)
    # Where it takes others, only the mail itself waits.
    assert begun(accepted=5, refused=1, wait_s=360).phase == SLOW


def test_one_refusal_of_few_is_no_pause():
    assert begun(accepted=0, refused=2).phase == SLOW


def test_mails_are_counted_out_and_lined_up():
    pace = begun()

    n, pace = grant(pace, 100, at=NOW)
    assert n == 0
    n, pace = grant(pace, 100, at=NOW + 10)
    assert n == 50
    n, pace = grant(pace, 100, at=NOW + 10)
    assert n == 0

    turns, pace = line_up(pace, 5000, at=NOW + 10)
    assert turns[:2] == [pytest.approx(NOW + 10.1), pytest.approx(NOW + 10.2)]
    assert max(turns) <= NOW + 10 + pacing.HORIZON_S
    later, _ = line_up(pace, 10, at=NOW + 11)
    assert min(later) > NOW + pacing.HORIZON_S / 2


@given(
    rate=st.floats(pacing.LEAST, 1e6),
    steps=st.lists(st.tuples(st.floats(0.01, 30), st.integers(0, 500)), max_size=60),
)
def test_never_more_goes_than_the_pace_allows(rate, steps):
    pace = Pace(SLOW, NOW, rate, rate, NOW, NOW + 1e6, free_at=NOW)
    at, gone = NOW, 0
    for seconds, want in steps:
        at += seconds
        n, pace = grant(pace, want, at=at)
        gone += n
        assert 0 <= n <= want
    assert gone <= (at - NOW) * rate / 60 + 1


@given(
    lots=st.lists(
        st.tuples(st.floats(0.1, 400), st.integers(0, 300), st.integers(0, 40)), max_size=80
    )
)
def test_no_history_makes_a_pace_that_stands_still_or_runs_wild(lots):
    pace, at, last = None, NOW, 0.0
    for seconds, accepted, refused in lots:
        at += seconds
        pace = hear(pace, Lot(accepted, refused, seconds), at=at)
        if pace is None or pace.phase == FREE:
            last = 0.0
            continue
        assert pace.per_minute >= pacing.LEAST
        assert pace.until <= at + pacing.LONGEST_HINT_S
        if last:
            assert pace.per_minute <= last * pacing.GROWTH + 1
        last = pace.per_minute
        turns, _ = line_up(pace, 3, at=at)
        assert all(at < turn <= max(at, pace.until) + pacing.HORIZON_S for turn in turns)


def test_a_line_of_a_million_is_looked_at_less_often():
    slow = Pace(SLOW, NOW, 60, 60, NOW, NOW, free_at=NOW)

    soon, _ = line_up(slow, 5000, at=NOW, waiting=1000)
    late, _ = line_up(slow, 5000, at=NOW, waiting=1_000_000)

    assert max(soon) <= NOW + 300
    assert sum(turn > NOW + 1800 for turn in late) > 1000
    assert max(late) <= NOW + 3600
