"""How many wrong codes are borne: five for each sign-in, twenty an hour for each person.

Who comes so far knows the password. What is tried in strange browsers counts apart from the
person's own ones, so that a thief of the password cannot lock its owner out.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import sqlalchemy as sa

from app.accounts import notices
from app.accounts.models import Member
from app.auth import second_factors, signing_in, steps
from app.auth.models import SignInStep
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import TooMany

FOR_A_PERSON = 20
WITHIN = timedelta(hours=1)
#: So many within an hour are no slips of a finger any more: the person is told.
SUSPICIOUS = 5


def check(step: SignInStep, typed: str, let_in: Callable[[Member], None]) -> str:
    """The kind of code that was right. Counts a wrong one, for good.

    Lets the person in with what uses up the step, so that who sets a new password ends the one or
    the other. Raises WrongCode, Over after the fifth, and TooMany.
    """
    member = steps.member_of(step)
    # The try is counted for good before the code is looked at, and one after the other: many at
    # once get no more than five, and those of many sign-ins together no more than twenty.
    with transaction():
        _hold(member)
        if _lately(member, is_known=step.is_known) >= FOR_A_PERSON:
            raise TooMany("Too many wrong codes. Wait an hour, or use a passkey.")
        _take_a_try(step)
    try:
        with transaction():
            kind = second_factors.check(member, typed)
            steps.use(step)
            _give_the_try_back(step)
            let_in(member)
    except second_factors.WrongCode:
        with transaction():
            _tell(member)
        raise
    return kind


def _hold(member: Member) -> None:
    """Let one of the person's tries at a time be counted."""
    db.session.execute(sa.select(Member.id).where(Member.id == member.id).with_for_update())


def _take_a_try(step: SignInStep) -> None:
    taken = db.session.execute(
        sa.update(SignInStep)
        .where(SignInStep.id == step.id, SignInStep.tries < steps.TRIES)
        .values(tries=SignInStep.tries + 1)
        .returning(SignInStep.id)
    )
    if taken.scalar() is None:
        raise steps.Over


def _give_the_try_back(step: SignInStep) -> None:
    db.session.execute(
        sa.update(SignInStep).where(SignInStep.id == step.id).values(tries=SignInStep.tries - 1)
    )


def _lately(member: Member, *, is_known: bool | None = None) -> int:
    query = sa.select(sa.func.coalesce(sa.func.sum(SignInStep.tries), 0)).where(
        SignInStep.member_id == member.id, SignInStep.created_at > now() - WITHIN
    )
    if is_known is not None:
        query = query.where(SignInStep.is_known.is_(is_known))
    return int(db.session.scalar(query) or 0)


def _tell(member: Member) -> None:
    if _lately(member) >= SUSPICIOUS and not signing_in.was_told("code_attempts", member):
        notices.queue("code_attempts", member.email, person=member.name)
