"""From somebody known to a session: by way of the second factor, where there is one."""

from __future__ import annotations

from flask import Response, after_this_request, request, session
from flask_login import login_user

from app.accounts.models import Member
from app.auth import alarms, browsers, known_browsers, second_factors, sessions, steps
from app.auth.current import User, current_session
from app.auth.routes.blueprint import network
from app.core import watch
from app.core.db import transaction
from app.core.fragments import go, own_path, see_other

STEP = "sign_in_step"


def go_on(
    member: Member, *, way: str, target: str | None = None, notice: str = "", strong: bool = False
) -> Response:
    """Let the person in, or ask for the second factor first.

    `strong`: what was proven already is more than a password.
    """
    if not strong and second_factors.has_any(member):
        with transaction():
            secret = steps.begin(
                "code",
                member,
                is_known=known_browsers.is_known(member, browsers.known_cookie()),
                way=way,
                target=target or "",
                notice=notice,
            )
        session.clear()
        session[STEP] = secret
        return see_other("auth.second_factor")
    let_in(member, way=way, is_strong=strong)
    if notice:
        return see_other("site.home", notice=notice)
    return go(own_path(target))


def let_in(member: Member, *, way: str, is_strong: bool) -> None:
    """A session with a new id; nothing of the one before is kept."""
    where, browser = network(), browsers.named(request.user_agent.string)
    with transaction():
        is_news = way != "link" and not (
            known_browsers.is_known(member, browsers.known_cookie())
            or sessions.is_familiar(member, network=where, browser=browser)
        )
        if is_news:
            alarms.tell_of_sign_in(member, network=where, browser=browser)
        secret = sessions.start(
            member, network=where, browser=browser, way=way, is_strong=is_strong
        )
        known = known_browsers.remember(member, browsers.known_cookie())
    found = sessions.find(secret)
    assert found is not None  # noqa: S101
    watch.note("sign_in", way=way, strong=is_strong, member=member.id, network=where)
    session.clear()
    session.permanent = True
    login_user(User(secret, found))
    _keep_known(known)


def note_proof(*, strongly: bool) -> None:
    """The signed-in person has proved who they are: inside the transaction of what it opens."""
    session["_user_id"] = sessions.confirm(current_session(), strongly=strongly)


def _keep_known(secret: str) -> None:
    @after_this_request
    def set_cookie(response: Response) -> Response:
        browsers.keep_known(response, secret, seconds=int(known_browsers.LASTS.total_seconds()))
        return response
