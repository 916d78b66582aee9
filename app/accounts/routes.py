"""HTTP of accounts: the settings of a business."""

from __future__ import annotations

from flask import Blueprint, current_app, render_template, request
from flask.typing import ResponseReturnValue

from app.accounts import (
    api_tokens,
    auditing,
    businesses,
    domains,
    mail_servers,
    mailboxes,
    people,
    queries,
    relays,
    report_hooks,
    senders,
    signing_keys,
    trying,
    warming,
)
from app.accounts.forms import (
    BusinessForm,
    InviteForm,
    MailboxForm,
    MailServerTermsForm,
    ReportHookForm,
    ReportKeyForm,
    RoleForm,
    SenderForm,
    TokenForm,
    WarmUpForm,
    take_over,
)
from app.accounts.models import Relay, ReportHook
from app.auth import throttling
from app.auth.current import current_account, current_member, needs, public
from app.core.db import transaction
from app.core.errors import Invalid
from app.core.fragments import see_other, wants_fragment
from app.core.sealing import Unreadable
from app.delivery import forecasting, outages, slowing
from app.extensions import limiter
from app.mailer import providers, records
from app.mailer.warming import Plan, volume

bp = Blueprint("accounts", __name__)

MAILS = "30/hour;100/day"


@bp.get("/settings")
def settings() -> ResponseReturnValue:
    return see_other("accounts.business")


# Business


@bp.get("/settings/business")
def business() -> ResponseReturnValue:
    return render_template("accounts/business.html", form=BusinessForm(obj=current_account()))


@bp.post("/settings/business")
@needs("owner")
def save_business() -> ResponseReturnValue:
    form = BusinessForm()
    if not form.validate():
        return render_template("accounts/business.html", form=form), 422
    with transaction():
        businesses.change(
            current_account(),
            current_member(),
            name=form.name.data,
            address=form.address.data,
            website=form.website.data or "",
            zone_name=form.zone_name.data,
        )
    return see_other("accounts.business", notice="Saved.")


# People


@bp.get("/settings/people")
def people_page() -> ResponseReturnValue:
    return _people(InviteForm())


@bp.post("/settings/people/invite")
@needs("owner")
@limiter.limit(MAILS, key_func=throttling.network)
def invite() -> ResponseReturnValue:
    form = InviteForm()
    if not form.validate():
        return _people(form, 422)
    try:
        with transaction():
            people.invite(
                current_account(), current_member(), email=form.email.data, role=form.role.data
            )
    except Invalid as error:
        if not take_over(form, error.errors):
            raise
        return _people(form, 422)
    return see_other("accounts.people_page", notice="The invitation is on its way.")


@bp.post("/settings/people/<int:membership_id>/role")
@needs("owner")
def change_role(membership_id: int) -> ResponseReturnValue:
    form = RoleForm()
    if not form.validate():
        return _people(InviteForm(formdata=None), 422)
    with transaction():
        people.change_role(current_account(), current_member(), membership_id, role=form.role.data)
    return see_other("accounts.people_page", notice="The role is changed.")


@bp.post("/settings/people/<int:membership_id>/remove")
@needs("owner")
def remove_person(membership_id: int) -> ResponseReturnValue:
    with transaction():
        people.remove(current_account(), current_member(), membership_id)
    return see_other("accounts.people_page", notice="They have no access any more.")


@bp.post("/settings/invitations/<int:invitation_id>/take-back")
@needs("owner")
def take_back(invitation_id: int) -> ResponseReturnValue:
    with transaction():
        people.take_back(current_account(), current_member(), invitation_id)
    return see_other("accounts.people_page", notice="The invitation's link is dead.")


def _people(form: InviteForm, status: int = 200) -> ResponseReturnValue:
    account = current_account()
    page = render_template(
        "accounts/people.html",
        form=form,
        memberships=people.members(account),
        invitations=people.open_invitations(account),
        role_form=RoleForm(formdata=None),
    )
    return page, status


# Senders


@bp.get("/settings/senders")
def senders_page() -> ResponseReturnValue:
    return _senders(SenderForm())


@bp.post("/settings/senders")
@limiter.limit(MAILS, key_func=throttling.network)
def add_sender() -> ResponseReturnValue:
    form = SenderForm()
    if not form.validate():
        return _senders(form, 422)
    try:
        with transaction():
            senders.add(
                current_account(),
                current_member(),
                email=form.email.data,
                name=form.name.data or current_account().name,
            )
    except Invalid as error:
        if not take_over(form, error.errors):
            raise
        return _senders(form, 422)
    return see_other("accounts.senders_page", notice="Now open the link in the mail we sent there.")


@bp.post("/settings/senders/<int:sender_id>/resend")
@limiter.limit(MAILS, key_func=throttling.network)
def resend_confirmation(sender_id: int) -> ResponseReturnValue:
    account = current_account()
    with transaction():
        senders.ask(account, senders.find(account, sender_id))
    return see_other("accounts.senders_page", notice="The mail is on its way again.")


@bp.post("/settings/senders/<int:sender_id>/remove")
def remove_sender(sender_id: int) -> ResponseReturnValue:
    account = current_account()
    with transaction():
        senders.remove(account, current_member(), senders.find(account, sender_id))
    return see_other("accounts.senders_page", notice="The sender is removed.")


@bp.get("/senders/confirm/<secret>")
@public
@throttling.secrets
def confirm_sender(secret: str) -> ResponseReturnValue:
    try:
        sender = senders.by_secret(secret)
    except senders.DeadConfirmation as error:
        return render_template("auth/dead_invitation.html", problem=str(error)), 410
    return render_template(
        "accounts/confirm_sender.html", sender=sender, business=senders.business_of(sender)
    )


@bp.post("/senders/confirm/<secret>")
@public
@throttling.secrets
def confirm_sender_post(secret: str) -> ResponseReturnValue:
    try:
        with transaction():
            sender = senders.confirm(secret)
    except senders.DeadConfirmation as error:
        return render_template("auth/dead_invitation.html", problem=str(error)), 410
    return render_template("accounts/sender_confirmed.html", sender=sender)


def _senders(form: SenderForm, status: int = 200) -> ResponseReturnValue:
    page = render_template(
        "accounts/senders.html", form=form, senders=senders.of_account(current_account())
    )
    return page, status


# Domains


@bp.get("/settings/domains")
@needs("owner")
def domains_page() -> ResponseReturnValue:
    return render_template("accounts/domains.html", domains=domains.of_account(current_account()))


@bp.get("/settings/domains/<domain>")
@needs("owner")
def domain_page(domain: str) -> ResponseReturnValue:
    return _domain("accounts/domain.html", domain)


@bp.post("/settings/domains/<domain>/check")
@needs("owner")
@limiter.limit("120/hour", key_func=throttling.network)
def check_domain(domain: str) -> ResponseReturnValue:
    domains.check(current_account(), domain)
    if wants_fragment():
        return _domain("accounts/_domain.html", domain, just_now=True)
    return see_other("accounts.domain_page", domain=domain, notice="Checked just now.")


@bp.post("/settings/domains/<domain>/keys")
@needs("owner")
def make_domain_keys(domain: str) -> ResponseReturnValue:
    with transaction():
        domains.make_keys(current_account(), current_member(), domain)
    words = "The keys are made. Now publish their two records."
    return see_other("accounts.domain_page", domain=domain, notice=words, kind="info")


@bp.post("/settings/domains/keys/<int:key_id>/activate")
@needs("owner")
def activate_key(key_id: int) -> ResponseReturnValue:
    key = signing_keys.find(current_account(), key_id)
    with transaction():
        signing_keys.activate(current_account(), current_member(), key)
    words = "It signs now. Until its record is in DNS, nobody can check the signature."
    return see_other("accounts.domain_page", domain=key.domain, notice=words, kind="warn")


@bp.post("/settings/domains/keys/<int:key_id>/retire")
@needs("owner")
def retire_key(key_id: int) -> ResponseReturnValue:
    key = signing_keys.find(current_account(), key_id)
    with transaction():
        signing_keys.retire(current_account(), current_member(), key)
    words = "It never signs again. Leave its record in DNS for a week."
    return see_other("accounts.domain_page", domain=key.domain, notice=words)


def _domain(template: str, domain: str, *, just_now: bool = False) -> str:
    account = current_account()
    found = domains.find(account, domain)
    fresh = found.check if not found.stale else None
    findings = fresh.findings if fresh else domains.unchecked(account, found.name)
    return render_template(
        template, domain=found, findings=findings, just_now=just_now, zone_line=records.zone_line
    )


# Mail server


@bp.get("/settings/mail-server")
@needs("owner")
def mail_server() -> ResponseReturnValue:
    return _mail_servers(MailServerTermsForm())


@bp.post("/settings/mail-server")
@needs("owner")
def save_mail_server() -> ResponseReturnValue:
    return _save_mail_server(None)


@bp.get("/settings/mail-server/<int:relay_id>")
@needs("owner")
def edit_mail_server(relay_id: int) -> ResponseReturnValue:
    relay = mail_servers.find(current_account(), relay_id)
    return _mail_servers(MailServerTermsForm(obj=relay), relay=relay)


@bp.post("/settings/mail-server/<int:relay_id>")
@needs("owner")
def change_mail_server(relay_id: int) -> ResponseReturnValue:
    return _save_mail_server(mail_servers.find(current_account(), relay_id))


@bp.post("/settings/mail-server/<int:relay_id>/test")
@needs("owner")
@limiter.limit("20/hour", key_func=throttling.network)
def test_mail_server(relay_id: int) -> ResponseReturnValue:
    account, member = current_account(), current_member()
    relay = mail_servers.find(account, relay_id)
    confirmed = [one.email for one in senders.of_account(account) if one.confirmed_at]
    sender = confirmed[0] if confirmed else member.email
    problem = trying.test(account, relay, sender=sender, to=member.email)
    if not problem:
        with transaction():
            outages.forget(mail_servers.key(relay))
    words = problem or f"It works: look for the mail to {member.email}."
    return see_other("accounts.mail_server", notice=words, kind="bad" if problem else "done")


@bp.post("/settings/mail-server/<int:relay_id>/earlier")
@needs("owner")
def move_mail_server(relay_id: int) -> ResponseReturnValue:
    account = current_account()
    with transaction():
        mail_servers.move_up(account, mail_servers.find(account, relay_id))
    return see_other("accounts.mail_server", notice="Moved up.")


@bp.post("/settings/mail-server/<int:relay_id>/remove")
@needs("owner")
def remove_mail_server(relay_id: int) -> ResponseReturnValue:
    account = current_account()
    with transaction():
        mail_servers.remove(account, current_member(), mail_servers.find(account, relay_id))
    return see_other("accounts.mail_server", notice="The mail server is removed.")


@bp.post("/settings/mail-server/<int:relay_id>/full-speed")
@needs("owner")
def full_speed(relay_id: int) -> ResponseReturnValue:
    account = current_account()
    relay = mail_servers.find(account, relay_id)
    with transaction():
        slowing.forget(mail_servers.key(relay))
        auditing.note(account, current_member(), "mail_server.full_speed", f"{relay.host}")
    words = "Everybody gets mail at full speed. Whoever asks again is slowed down again."
    return see_other("accounts.mail_server", notice=words)


def _save_mail_server(relay: Relay | None) -> ResponseReturnValue:
    form = MailServerTermsForm()
    if not form.validate():
        return _mail_servers(form, 422, relay=relay)
    terms = mail_servers.Terms(
        max_connections=form.max_connections.data or 10,
        weight=1 if form.weight.data is None else form.weight.data,
        from_domains=form.from_domains.data or "",
        per_second=form.per_second.data,
        per_hour=form.per_hour.data,
        per_day=form.per_day.data,
    )
    try:
        with transaction():
            mail_servers.set_up(
                current_account(),
                current_member(),
                host=form.host.data,
                port=form.port.data,
                tls=form.tls.data,
                username=form.username.data or "",
                password=form.password.data or None,
                relay=relay,
                terms=terms,
            )
    except Invalid as error:
        if not take_over(form, error.errors):
            raise
        return _mail_servers(form, 422, relay=relay)
    return see_other("accounts.mail_server", notice="Saved. Now send a test.", kind="info")


def _mail_servers(
    form: MailServerTermsForm, status: int = 200, *, relay: Relay | None = None
) -> ResponseReturnValue:
    account = current_account()
    own = mail_servers.all_of_account(account.id)
    page = render_template(
        "accounts/mail_server.html",
        form=form,
        relay=relay,
        relays=own,
        out=outages.known(map(mail_servers.key, own)),
        key=mail_servers.key,
        slowed={one.id: slowing.behind(mail_servers.key(one), account.zone) for one in own},
        shared_slowed=[] if own else slowing.behind(relays.operator().key, account.zone),
    )
    return page, status


# Warm-up


@bp.get("/settings/warm-up")
@needs("owner")
def warm_up() -> ResponseReturnValue:
    found = warming.subjects(current_account())
    return render_template("accounts/warm_up.html", subjects=found, tomorrow=warming.tomorrow())


@bp.get("/settings/warm-up/plan")
@needs("owner")
def plan_warm_up() -> ResponseReturnValue:
    """What a plan would mean, before it is switched on."""
    form = WarmUpForm(request.args, meta={"csrf": False})
    if "goal" not in request.args:
        form.goal.data = 5000
        return _warm_up_plan(form)
    return _warm_up_plan(form, 200 if _is_good(form) else 422)


@bp.post("/settings/warm-up")
@needs("owner")
def start_warm_up() -> ResponseReturnValue:
    form = WarmUpForm()
    if not _is_good(form):
        return _warm_up_plan(form, 422)
    with transaction():
        warming.start(current_account(), current_member(), form.subject.data, goal=form.goal.data)
    return see_other("accounts.warm_up", notice="The plan is on. Today is its first day.")


@bp.post("/settings/warm-up/<int:warm_up_id>/<any(pause, resume, end):verb>")
@needs("owner")
def change_warm_up(warm_up_id: int, verb: str) -> ResponseReturnValue:
    account = current_account()
    row = warming.find(account, warm_up_id)
    change = {"pause": warming.pause, "resume": warming.resume, "end": warming.end}[verb]
    with transaction():
        change(account, current_member(), row)
    words = {
        "pause": "The plan rests, and limits nothing meanwhile.",
        "resume": "The plan goes on where it stood.",
        "end": "The plan has ended. It limits nothing any more.",
    }
    return see_other("accounts.warm_up", notice=words[verb])


def _is_good(form: WarmUpForm) -> bool:
    """Whether the goal can be planned; else the form says why not."""
    if not form.validate():
        return False
    try:
        warming.check_goal(form.goal.data)
    except Invalid as error:
        return not take_over(form, error.errors)
    return True


def _warm_up_plan(form: WarmUpForm, status: int = 200) -> ResponseReturnValue:
    account = current_account()
    subject = warming.subject(account, form.subject.data or "")
    plan = Plan(form.goal.data) if not form.errors and form.goal.data else None
    page = render_template(
        "accounts/warm_up_plan.html",
        form=form,
        subject=subject,
        plan=plan,
        volume=volume,
        coming=forecasting.under(account, subject.key, plan) if plan else [],
    )
    return page, status


# Mailboxes


@bp.get("/settings/mailboxes")
@needs("owner")
def mailboxes_page() -> ResponseReturnValue:
    return _mailboxes(MailboxForm())


@bp.post("/settings/mailboxes")
@needs("owner")
def add_mailbox() -> ResponseReturnValue:
    form = MailboxForm()
    if not form.validate():
        return _mailboxes(form, 422)
    try:
        with transaction():
            mailboxes.add(
                current_account(),
                current_member(),
                kind=form.kind.data,
                host=form.host.data,
                tls=form.tls.data,
                port=form.port.data,
                username=form.username.data,
                password=form.password.data,
                folder=form.folder.data or "",
                keeps=form.keeps.data,
            )
    except Invalid as error:
        if not take_over(form, error.errors):
            raise
        return _mailboxes(form, 422)
    return see_other("accounts.mailboxes_page", notice="Saved. Now test it.", kind="info")


@bp.post("/settings/mailboxes/<int:mailbox_id>/test")
@needs("owner")
@limiter.limit("20/hour", key_func=throttling.network)
def test_mailbox(mailbox_id: int) -> ResponseReturnValue:
    works, words = mailboxes.test(mailboxes.find(current_account(), mailbox_id))
    return see_other("accounts.mailboxes_page", notice=words, kind="done" if works else "bad")


@bp.post("/settings/mailboxes/<int:mailbox_id>/remove")
@needs("owner")
def remove_mailbox(mailbox_id: int) -> ResponseReturnValue:
    account = current_account()
    with transaction():
        mailboxes.remove(account, current_member(), mailboxes.find(account, mailbox_id))
    return see_other("accounts.mailboxes_page", notice="It is not read any more.")


def _mailboxes(form: MailboxForm, status: int = 200) -> ResponseReturnValue:
    found = mailboxes.of_account(current_account())
    return render_template("accounts/mailboxes.html", form=form, mailboxes=found), status


# Tokens


@bp.get("/settings/api-tokens")
@needs("owner")
def tokens_page() -> ResponseReturnValue:
    return _tokens(TokenForm())


@bp.post("/settings/api-tokens")
@needs("owner")
def make_token() -> ResponseReturnValue:
    form = TokenForm()
    if not form.validate():
        return _tokens(form, 422)
    with transaction():
        _, plain = api_tokens.make(
            current_account(), current_member(), name=form.name.data, scopes=form.scopes.data
        )
    return _tokens(TokenForm(formdata=None), plain=plain)


@bp.post("/settings/api-tokens/<int:token_id>/revoke")
@needs("owner")
def revoke_token(token_id: int) -> ResponseReturnValue:
    with transaction():
        api_tokens.revoke(current_account(), current_member(), token_id)
    return see_other("accounts.tokens_page", notice="The token no longer works.")


def _tokens(form: TokenForm, status: int = 200, *, plain: str = "") -> ResponseReturnValue:
    page = render_template(
        "accounts/tokens.html",
        form=form,
        tokens=api_tokens.of_account(current_account()),
        plain=plain,
        scope_words=api_tokens.SCOPES,
        base_url=current_app.config["SETTINGS"].BASE_URL,
    )
    return page, status


# Reports from the mail provider


@bp.get("/settings/provider-reports")
@needs("owner")
def report_hooks_page() -> ResponseReturnValue:
    return _report_hooks(ReportHookForm())


@bp.post("/settings/provider-reports")
@needs("owner")
def make_report_hook() -> ResponseReturnValue:
    form = ReportHookForm()
    if not form.validate():
        return _report_hooks(form, 422)
    account, member = current_account(), current_member()
    with transaction():
        hook = report_hooks.make(account, member, provider=form.provider.data)
    return see_other("accounts.report_hook", hook_id=hook.id)


@bp.get("/settings/provider-reports/<int:hook_id>")
@needs("owner")
def report_hook(hook_id: int) -> ResponseReturnValue:
    return _report_hook(report_hooks.find(current_account(), hook_id), ReportKeyForm())


@bp.post("/settings/provider-reports/<int:hook_id>/key")
@needs("owner")
def set_report_key(hook_id: int) -> ResponseReturnValue:
    account, form = current_account(), ReportKeyForm()
    hook = report_hooks.find(account, hook_id)
    if not form.validate():
        return _report_hook(hook, form, 422)
    try:
        with transaction():
            report_hooks.set_key(account, current_member(), hook, form.key.data)
    except Invalid as error:
        if not take_over(form, error.errors):
            raise
        return _report_hook(hook, form, 422)
    return see_other("accounts.report_hook", hook_id=hook.id, notice="Saved.")


@bp.get("/settings/provider-reports/<int:hook_id>/remove")
@needs("owner")
def ask_remove_report_hook(hook_id: int) -> ResponseReturnValue:
    hook = report_hooks.find(current_account(), hook_id)
    return render_template(
        "accounts/report_hook_remove.html", hook=hook, name=providers.NAMES[hook.provider]
    )


@bp.post("/settings/provider-reports/<int:hook_id>/remove")
@needs("owner")
def remove_report_hook(hook_id: int) -> ResponseReturnValue:
    account = current_account()
    with transaction():
        report_hooks.remove(account, current_member(), report_hooks.find(account, hook_id))
    return see_other(
        "accounts.report_hooks_page", notice="Removed. Take the address out at your provider too."
    )


def _report_hooks(form: ReportHookForm, status: int = 200) -> ResponseReturnValue:
    hooks = report_hooks.of_account(current_account())
    page = render_template(
        "accounts/report_hooks.html", form=form, hooks=hooks, names=providers.NAMES
    )
    return page, status


def _report_hook(hook: ReportHook, form: ReportKeyForm, status: int = 200) -> ResponseReturnValue:
    try:
        url = report_hooks.url(hook)
        topic = report_hooks.key_of(hook) if hook.provider == "ses" else ""
    except Unreadable:
        words = "What is stored for it cannot be read any more. Remove it, then add it again."
        place = "accounts.ask_remove_report_hook"
        return see_other(place, hook_id=hook.id, notice=words, kind="bad")
    page = render_template(
        "accounts/report_hook.html",
        form=form,
        hook=hook,
        name=providers.NAMES[hook.provider],
        url=url,
        topic=topic,
    )
    return page, status


# Audit


@bp.get("/settings/audit")
@needs("owner")
def audit() -> ResponseReturnValue:
    page = queries.audit(current_account(), request.args.get("cursor"))
    return render_template("accounts/audit.html", page=page, words=auditing.WORDS)
