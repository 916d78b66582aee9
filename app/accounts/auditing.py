"""Who changed what in an account. Rows are only ever added."""

from __future__ import annotations

import re

from app.accounts.models import Account, AuditEntry, Member
from app.core import chaining

#: Rows stay as they are for good, and people must be forgotten: no address gets in.
_ADDRESS = re.compile(r"\S+@\S+")
CHAIN = chaining.Chain("audit", "the audit log", AuditEntry)

#: What was done, in words for the page; the verb itself is for programs.
WORDS = {
    "account.approval": "said whether campaigns need approval",
    "abuse.answer": "answered an abuse report",
    "account.reinstate": "ended a suspension",
    "account.suspend": "suspended the account",
    "account.close": "closes the account",
    "account.keep": "undid the closing",
    "account.change": "changed the business",
    "account.create": "opened the account",
    "account.register": "registered",
    "archive.change": "changed the archive",
    "archive.decide": "decided who may read a campaign",
    "billing.cancel": "cancelled the paid plan",
    "billing.checkout": "went to pay for a plan",
    "billing.contact": "changed who gets invoices",
    "billing.keep": "let the paid plan go on",
    "billing.state": "was told by the payment provider",
    "campaign.approve": "approved a campaign",
    "campaign.ask_approval": "asked for approval of a campaign",
    "campaign.cancel": "stopped a campaign",
    "campaign.decline": "sent a campaign back to its writer",
    "campaign.pause": "paused a campaign",
    "campaign.resume": "let a campaign go on",
    "campaign.send": "sent a campaign",
    "campaign.send_again": "sent uncertain mails again",
    "campaign.take_back": "took a campaign back",
    "campaign.treat_as_sent": "treated uncertain mails as sent",
    "consent.give": "gave a consent",
    "consent.take_back": "took a consent back",
    "desk.opt_out": "took somebody out who had written to us",
    "disclosure.approved": "approved a disclosure",
    "disclosure.bar": "changed what bars telling of a disclosure",
    "disclosure.enter": "entered a disclosure",
    "disclosure.read": "read the document of a disclosure",
    "disclosure.refused": "refused a disclosure",
    "domain.keys": "made keys for a domain",
    "domain.retire": "retired a key",
    "domain.sign": "began to sign with a key",
    "house.list": "downloaded a list for post or phone",
    "import.refused": "decided that a file is not taken in",
    "import.released": "let a file be taken in that was held",
    "import.undo": "undid an import",
    "keeping.choose": "chose how long something is kept",
    "incident.note": "added to an incident",
    "incident.publish": "published an incident",
    "mail_server.full_speed": "let everybody have mail at full speed",
    "mail_server.remove": "removed a mail server",
    "mail_server.set": "set a mail server",
    "mailbox.add": "added a bounce mailbox",
    "mailbox.remove": "removed a bounce mailbox",
    "password.link": "had a link to set a password mailed",
    "passkey.add": "added a passkey",
    "passkey.remove": "removed a passkey",
    "passkey.rename": "renamed a passkey",
    "password.set": "set a password",
    "person.ask": "mailed somebody a link to confirm their request",
    "person.close": "closed a request of a person",
    "person.confirm": "confirmed a request about themselves",
    "person.data": "had their own data mailed, by a request to the operator",
    "person.decline": "did not make a request",
    "person.done": "were answered",
    "person.erase": "asked the operator to be erased, and was",
    "person.open": "entered a request of a person",
    "person.stop": "asked the operator for no more mail, and gets none",
    "person.invite": "invited somebody",
    "person.join": "joined",
    "person.leave": "deleted their login",
    "person.invite_again": "renewed an invitation",
    "person.remove": "removed somebody",
    "person.role": "changed a role",
    "person.uninvite": "took an invitation back",
    "plan.change": "got another plan",
    "plan.grant": "gave a plan or mails",
    "plan.ungrant": "took back a plan that was given",
    "policy.accept": "accepted the privacy policy",
    "policy.publish": "published a version of the privacy policy",
    "preferences.change": "changed what people may choose for themselves",
    "processor.add": "entered a processor",
    "processor.end": "ended a processor",
    "profile.change": "changed their profile",
    "profile.email": "changed their address",
    "profile.email_back": "took the change of their address back",
    "provider_login.add": "linked a login of the sign-in provider",
    "provider_login.remove": "removed a login of the sign-in provider",
    "report_hook.add": "took up reports of a mail provider",
    "report_hook.key": "set the key of a mail provider's reports",
    "report_hook.remove": "ended reports of a mail provider",
    "share.make": "made a link for somebody outside",
    "share.revoke": "took a link for somebody outside back",
    "second_factor.demand": "asked everybody for a second factor",
    "second_factor.leave_free": "left second factors to each person",
    "second_factor.off": "turned their second factor off",
    "second_factor.on": "set up a second factor",
    "second_factor.reset": "had their second factors removed by the operator",
    "sender.add": "added a sender",
    "sender.confirm": "confirmed a sender",
    "sender.remove": "removed a sender",
    "link.stop": "stopped links",
    "link.let_through": "let links through again",
    "standing.answer": "answered the owner",
    "standing.appeal": "answered a decision of the operator",
    "standing.step": "chose a step of the sending limits",
    "sign_in.alarm": "reported a sign-in that was not theirs",
    "staff.create": "made an operator login",
    "backup.ask": "asked for a backup",
    "restore.confirm": "confirmed a restored backup",
    "takein.start": "took a taken-out account in",
    "takeout.remove": "removed a take-out",
    "takeout.start": "asked for a take-out",
    "token.make": "made an API token",
    "token.revoke": "revoked an API token",
    "warm_up.active": "let a warm-up go on",
    "warm_up.ended": "ended a warm-up",
    "warm_up.paused": "paused a warm-up",
    "warm_up.start": "began a warm-up",
}


#: Beginnings of verbs, with what they are about, for whoever looks for something.
KINDS = {
    "account": "the business",
    "person": "people and their roles",
    "campaign": "campaigns",
    "sender": "senders",
    "domain": "domains",
    "mail_server": "mail servers",
    "token": "API tokens",
    "import": "imports",
    "takeout": "take-outs",
    "password": "passwords",
    "profile": "profiles",
    "policy": "the privacy policy",
}


def note(account: Account | None, member: Member | None, verb: str, about: str = "") -> None:
    """Add a line, in the transaction of the change itself.

    `verb` as in campaign.send; `about` as in "campaign 7": never an address, which would be
    taken out.
    """
    chaining.append(
        CHAIN,
        AuditEntry(
            account_id=account.id if account else None,
            member_id=member.id if member else None,
            verb=verb,
            about=_ADDRESS.sub("an address", about)[:200],
        ),
    )
