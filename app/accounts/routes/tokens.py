"""Tokens of the API."""

from __future__ import annotations

from flask import current_app, render_template
from flask.typing import ResponseReturnValue

from app.accounts import api_tokens, people
from app.accounts.forms import TokenForm, take_over
from app.accounts.routes.blueprint import bp
from app.auth.current import current_account, current_member, needs, sensitive
from app.core.db import transaction
from app.core.errors import Invalid
from app.core.fragments import see_other


@bp.get("/settings/api-tokens")
@needs("owner")
def tokens_page() -> ResponseReturnValue:
    return _tokens(TokenForm())


@bp.post("/settings/api-tokens")
@needs("owner")
@sensitive("accounts.tokens_page")
def make_token() -> ResponseReturnValue:
    form = TokenForm()
    if not form.validate():
        return _tokens(form, 422)
    try:
        with transaction():
            _, plain = api_tokens.make(
                current_account(), current_member(), name=form.name.data,
                scopes=form.scopes.data, days=int(form.lasts.data),
                networks=form.networks.data or "",
            )  # fmt: skip
    except Invalid as error:
        if not take_over(form, error.errors):
            raise
        return _tokens(form, 422)
    return _tokens(TokenForm(formdata=None), plain=plain)


@bp.post("/settings/api-tokens/<int:token_id>/revoke")
@needs("owner")
def revoke_token(token_id: int) -> ResponseReturnValue:
    with transaction():
        api_tokens.revoke(current_account(), current_member(), token_id)
    return see_other("accounts.tokens_page", notice="The token no longer works.")


def _tokens(form: TokenForm, status: int = 200, *, plain: str = "") -> ResponseReturnValue:
    places = people.members(current_account())
    page = render_template(
        "accounts/tokens.html",
        form=form,
        tokens=api_tokens.of_account(current_account()),
        makers={place.member_id: place.member.name or place.member.email for place in places},
        plain=plain,
        scope_words=api_tokens.SCOPES,
        base_url=current_app.config["SETTINGS"].BASE_URL,
    )
    return page, status
