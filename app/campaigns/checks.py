"""The list before sending: what blocks, what to think about, who will get it.

Pure reading. `demand_ready` is the quick part that nobody gets around: scheduling calls it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import sqlalchemy as sa

from app.accounts import ladder, standing, warming
from app.campaigns import (
    approval,
    audience,
    composing,
    content,
    limits,
    liquid,
    numbers,
    proving,
    queries,
    restored,
    topics,
)
from app.campaigns.archive import deciding
from app.campaigns.findings import Finding, NotReady
from app.campaigns.links import Inspection, inspect
from app.campaigns.models import Campaign
from app.campaigns.places import LIQUID
from app.campaigns.protecting import plain_liquid
from app.contacts import segments
from app.contacts.models import Contact, ContactList
from app.contacts.segments import counting
from app.core import budget, settings
from app.core.db import db
from app.core.errors import DomainError

#: Gmail shows so much and hides the rest behind a link, with the unsubscribe link in it.
CLIPPED_BYTES = 102_000
#: How many people the look for empty merge tags reads at most.
SAMPLE = 50_000
LONG_SUBJECT = 90
#: Merge tags that only campaigns for everybody have.
PUBLIC_LINKS = ("links.archive", "links.share", "links.friend")


def preflight(campaign: Campaign) -> list[Finding]:
    """Everything, blocks first. Counts the audience: for its own request, not for each page."""
    found = [*_blocks(campaign), *_audience(campaign), *_advice(campaign)]
    order = {"block": 0, "warn": 1, "info": 2}
    return sorted(found, key=lambda finding: order[finding.level])


def demand_ready(campaign: Campaign, at: datetime | None = None) -> None:
    """Raises NotReady while anything blocks that it goes out then; without a time, now."""
    found = [*_blocks(campaign)]
    if not audience.anybody(campaign):
        found.append(_nobody(campaign))
    elif too_many := _counted_too_many(campaign):
        found.append(too_many)
    found.extend(limits.blocks(campaign, at))
    if found:
        raise NotReady(found)


def demand_room(campaign: Campaign) -> None:
    """Raises NotReady where the account's plan has no room for it now."""
    if found := [*limits.blocks(campaign, None)]:
        raise NotReady(found)


def demand_content(campaign: Campaign) -> None:
    """As `demand_ready`, for a mail that goes to people as they come. Raises NotReady."""
    if found := [*_blocks(campaign)]:
        raise NotReady(found)


def demand_sender(campaign: Campaign) -> None:
    """Even a test goes out only in a name that agreed. Raises NotReady."""
    if found := [*_barred(campaign), *_sender(campaign)]:
        raise NotReady(found)


def unknown_tags(campaign: Campaign) -> list[str]:
    """Merge tags that mean nothing here."""
    known = set(liquid.NAMES)
    known.update(f"contact.fields.{field.key}" for field in queries.fields(campaign.account_id))
    return sorted(set(_tags(campaign)) - known)


def _at(campaign: Campaign, stop: str, field: str = "") -> str:
    return f"/campaigns/{campaign.id}/{stop}" + (f"#{field}" if field else "")


def _blocks(campaign: Campaign) -> Iterator[Finding]:
    if (restoration := restored.unconfirmed()) is not None:
        words = restored.words(restoration)
        yield Finding("block", "A backup was restored.", words, code="restored")
    yield from topics.blocks(campaign)
    yield from _approval(campaign)
    yield from _barred(campaign)
    yield from _sender(campaign)
    yield from _headers(campaign)
    if not (campaign.body.strip() or campaign.text_body.strip()):
        yield Finding(
            "block", "The mail is empty.", "Write something to your readers.",
            _at(campaign, "write", "body"), "body",
        )  # fmt: skip
    if not campaign.account.address.strip():
        yield Finding(
            "block", "Your postal address is missing.",
            "The law asks for it at the end of every mail. Add it to your business.",
            "/settings/business", "address",
        )  # fmt: skip
    yield from _sample_people(campaign)
    yield from _compiled(campaign)
    yield from _proofs(campaign, certain=True)


def _approval(campaign: Campaign) -> Iterator[Finding]:
    stands = approval.of(campaign)
    if stands.is_given:
        return
    title, words = {
        "open": ("Nobody has approved it.", "Ask somebody else to look at it."),
        "asked": ("It waits for approval.", f"{stands.asked_by} has asked for it."),
        "changed": (
            "It was changed since it was approved.", "Ask for approval of what it is now.",
        ),
        "declined": (f"{stands.said_by} sent it back.", stands.row.reason if stands.row else ""),
    }[stands.state]  # fmt: skip
    yield Finding("block", title, words, _at(campaign, "send", "approval"), "approval")


def _barred(campaign: Campaign) -> Iterator[Finding]:
    try:
        standing.demand_sending(campaign.account)
    except standing.Barred as error:
        yield Finding("block", "Sending is suspended.", str(error), "/settings/standing", "barred")


def _proofs(campaign: Campaign, *, certain: bool) -> Iterator[Finding]:
    """What DNS says of the From domain: blocks where refusal is certain, warns else."""
    doubt = proving.doubt(campaign)
    if doubt is None or doubt.certain != certain:
        return
    fix = f"/settings/domains/{doubt.domain}"
    if certain:
        yield Finding("block", f"The large providers would refuse mail from {doubt.domain}.",
                      f"{doubt.words} Mend it under Settings, Domains.", fix, "dns")  # fmt: skip
    else:
        yield Finding("warn", f"DNS does not vouch for {doubt.domain}.",
                      f"{doubt.words} Such mail often ends as spam.", fix, "dns")  # fmt: skip


def _sample_people(campaign: Campaign) -> Iterator[Finding]:
    """Nobody reads at sample addresses; a real relay would get them all back."""
    if settings.get().CATCHER:
        return
    chosen = [row.list_id for row in campaign.audience if row.list_id and not row.excluded]
    sample = sa.select(ContactList.name).where(ContactList.id.in_(chosen), ContactList.is_sample)
    for name in db.session.scalars(sample):
        yield Finding(
            "block", f"“{name}” is sample data.",
            "These people do not exist, and your mail would bounce. Choose a list of your own.",
            _at(campaign, "people"), "lists",
        )  # fmt: skip


def _sender(campaign: Campaign) -> Iterator[Finding]:
    at = _at(campaign, "write", "from_email")
    if not campaign.from_email:
        yield Finding("block", "Nobody is the sender.", "Choose who the mail is from.", at, "from")
        return
    sender = queries.sender(campaign.account_id, campaign.from_email)
    if sender is None:
        text = f"{campaign.from_email} is none of your senders. Add it in the settings."
        yield Finding("block", "The sender is unknown.", text, "/settings/senders", "from")
    elif sender.confirmed_at is None:
        text = f"{sender.email} is not confirmed yet. Open the link in the mail that we sent there."
        yield Finding("block", "The sender is not confirmed.", text, "/settings/senders", "from")


def _headers(campaign: Campaign) -> Iterator[Finding]:
    at = _at(campaign, "write", "subject")
    if not campaign.subject.strip():
        yield Finding("block", "There is no subject.", "Say in a few words what it is about.",
                      at, "subject")  # fmt: skip
    for name, label in composing.HEADERS.items():
        if wrong := composing.header_trick(getattr(campaign, name)):
            yield Finding("block", f"{label} cannot be sent.", f"It {wrong}.",
                          _at(campaign, "write", name), name)  # fmt: skip


def _compiled(campaign: Campaign) -> Iterator[Finding]:
    wrong_liquid = list(_bad_liquid(campaign))
    yield from wrong_liquid
    if wrong_liquid:
        return
    if unknown := unknown_tags(campaign):
        yield Finding(
            "block", f"Unknown merge {'tag' if len(unknown) == 1 else 'tags'}.",
            f"{', '.join(unknown)} means nothing here and would stay empty for everybody. "
            "Pick merge tags from the list.",
            _at(campaign, "write", "body"), "merge_tags",
        )  # fmt: skip
    try:
        made = content.compile(campaign)
        values = liquid.contact_values(campaign.account, None)
        liquid.parse(made.html).render(values)
        liquid.parse(made.text, "text").render(values)
    except DomainError as error:
        yield Finding("block", "The mail cannot be built.", str(error),
                      _at(campaign, "write", "body"), "body")  # fmt: skip
        return
    yield from _link_blocks(campaign, inspect(made.html))


def _bad_liquid(campaign: Campaign) -> Iterator[Finding]:
    for name, source in _sources(campaign).items():
        try:
            liquid.parse(source, "html" if name == "body" else "text")
        except liquid.BadLiquid as error:
            label = {"body": "The mail", "text_body": "The plain-text part"}.get(name)
            label = label or composing.HEADERS[name]
            yield Finding("block", f"{label} has a broken merge tag.", str(error),
                          _at(campaign, "write", name), name)  # fmt: skip


def _sources(campaign: Campaign) -> dict[str, str]:
    body = campaign.body
    if campaign.format != "markdown":
        body = plain_liquid(body)
    return {
        "subject": campaign.subject, "preheader": campaign.preheader,
        "body": body, "text_body": campaign.text_body,
    }  # fmt: skip


def _tags(campaign: Campaign) -> dict[str, bool]:
    """Merge tags of all sources: name → every use has a fallback. What stands inside of data
    (contact.fields.order.total) counts as the field."""
    found: dict[str, bool] = {}
    data: set[str] | None = None
    for source in _sources(campaign).values():
        for name, falls_back in liquid.merge_tags(source).items():
            field = ".".join(name.split(".")[:3])
            if field != name and data is None:
                data = _data_fields(campaign.account_id)
            called = field if data and field in data else name
            found[called] = found.get(called, True) and falls_back
    return found


def _data_fields(account_id: int) -> set[str]:
    """Merge tags of fields that hold data of any shape."""
    known = queries.fields(account_id)
    return {f"contact.fields.{field.key}" for field in known if field.type == "json"}


def _link_blocks(campaign: Campaign, seen: Inspection) -> Iterator[Finding]:
    at = _at(campaign, "write", "body")
    if seen.dangerous:
        yield Finding("block", "A link would run a program.",
                      f"{_some(seen.dangerous)}: mail programs refuse such links.",
                      at, "links")  # fmt: skip
    if seen.relative:
        yield Finding("block", "Links must be whole addresses.",
                      f"{_some(seen.relative)} leads nowhere from a mail. "
                      "Begin with https://.", at, "links")  # fmt: skip
    if seen.host_tags:
        yield Finding("block", "A merge tag stands where a link names its server.",
                      f"{_some(seen.host_tags)}: put merge tags behind the server's name.",
                      at, "links")  # fmt: skip
    if not seen.footer_visible:
        yield Finding("block", "Your HTML hides the end of the mail.",
                      "The unsubscribe link and your address must be visible. Look for an element "
                      "that is hidden and never closed.", at, "footer")  # fmt: skip


def _nobody(campaign: Campaign) -> Finding:
    chosen = any(not row.excluded for row in campaign.audience)
    text = (
        "Nobody on these lists may get it at the moment." if chosen
        else "Choose at least one list."
    )  # fmt: skip
    return Finding("block", "There is nobody to send to.", text, _at(campaign, "people"), "people")


def _broken_segments(campaign: Campaign) -> list[Finding]:
    """Segments that ask for something that is not there any more."""
    ids = [row.segment_id for row in campaign.audience if row.segment_id]
    return [
        Finding(
            "block", f"The segment {segment.name} cannot be worked out.",
            "It asks for something that was removed. Change it under Contacts, Segments.",
            _at(campaign, "people"), "segments",
        )
        for segment in queries.segments(campaign.account_id, ids)
        if not segments.is_readable(segment.account_id, segment.rule)
    ]  # fmt: skip


def _audience(campaign: Campaign) -> Iterator[Finding]:
    if broken := _broken_segments(campaign):
        yield from broken
        return
    reached = numbers.shown(campaign)
    if reached is None:
        yield Finding("info", "The people are being counted.", "", _at(campaign, "people"),
                      "counting")  # fmt: skip
        return
    number, out = reached.count, reached.left_out
    if not number:
        yield _nobody(campaign)
    else:
        people = "1 person" if number == 1 else f"{number:,} people"
        yield Finding("info", f"{people} will get it.", "", _at(campaign, "people"), "count")
        yield from limits.findings(campaign, number)
        yield from _warm_up(campaign, number)
        yield from _ladder(campaign, number)
    if out:
        parts = [f"{n:,} {OUT_WORDS.get(reason, reason)}" for reason, n in sorted(out.items())]
        n = sum(out.values())
        who = "1 person on these lists gets" if n == 1 else f"{n:,} people on these lists get"
        yield Finding("info", f"{who} nothing.",
                      "; ".join(parts) + ".", _at(campaign, "people"), "left_out")  # fmt: skip


def _warm_up(campaign: Campaign, number: int) -> Iterator[Finding]:
    """How long a plan makes it take."""
    days = warming.days_for(campaign.account_id, campaign.from_email, number)
    if days is None:
        return
    if days == 1:
        yield Finding("info", "It all goes today.", "Your warm-up plan has room for it.",
                      "/settings/warm-up", "warm_up")  # fmt: skip
        return
    yield Finding("warn", f"It takes {days:,} days.",
                  "Your warm-up plan lets some mails go each day, more from day to day. What is "
                  "urgent, send to fewer people.", "/settings/warm-up", "warm_up")  # fmt: skip


def _ladder(campaign: Campaign, number: int) -> Iterator[Finding]:
    """What a step of the ladder of trust makes of it, with exact numbers."""
    held = ladder.limits(campaign.account)
    if not held.is_limited or held.per_day is None or held.left_today is None:
        return
    if too_many := _too_many(campaign, number):
        yield too_many
        return
    days = ladder.days_for(campaign.account_id, number) or 1
    today = f"{held.left_today:,} of {held.per_day:,} mails are left today"
    if days > 1:
        goes = min(number, held.left_today)
        yield Finding("warn", f"It takes {days:,} days.",
                      f"{today}: {goes:,} go now, the rest waits until tomorrow and goes by "
                      "itself. What is urgent, send to fewer people. Clean results make it more.",
                      "/settings/standing", "ladder")  # fmt: skip
    else:
        yield Finding("info", "It fits into today's limit.", f"{today}.",
                      "/settings/standing", "ladder")  # fmt: skip


def _too_many(campaign: Campaign, number: int) -> Finding | None:
    most = ladder.limits(campaign.account).per_campaign
    if most is None or number <= most:
        return None
    return Finding(
        "block", f"At most {most:,} people a campaign.",
        f"This one has {number:,}. New accounts start small: send it to the first {most:,} now and "
        f"to the other {number - most:,} with a campaign of their own, or choose fewer people. The "
        "limit grows by itself with clean results.", _at(campaign, "send", "part"), "ladder",
    )  # fmt: skip


def _counted_too_many(campaign: Campaign) -> Finding | None:
    """As far as one has to count: where no limit holds, not at all."""
    most = ladder.limits(campaign.account).per_campaign
    if most is None:
        return None
    return _too_many(campaign, audience.count_up_to(campaign, most + 1))


#: Reasons of audience.left_out, after a number.
OUT_WORDS = {
    "unsubscribed": "unsubscribed",
    "complaint": "complained",
    "bounced": "bounced back",
    "erased": "asked to be erased",
    "account": "on your own block list",
    "import": "blocked by a file you imported",
    "excluded": "on a list or in a segment that you left out, or had an earlier part",
    "later": "beyond the number that you chose",
    "paused": "want no mail for a while",
    "frequency": "want a mail now and then only, and had one",
    "pending": "have not confirmed yet",
    "ended": "left the list",
}


def _advice(campaign: Campaign) -> Iterator[Finding]:
    yield from _proofs(campaign, certain=False)
    yield from _about_subject(campaign)
    if queries.others_named(campaign):
        yield Finding("warn", "Another campaign has the same name.",
                      "Only you see the name; a different one helps you later.",
                      _at(campaign, "write", "name"), "name")  # fmt: skip
    try:
        made = content.compile(campaign)
        tags = _tags(campaign)
    except DomainError:
        return  # said already, as a block
    yield from _about_archive(campaign, tags)
    yield from _about_tags(campaign, tags)
    yield from _about_html(campaign, made.html)
    yield Finding("info", "Always there:", "a plain-text part, your postal address, why people "
                  "get the mail, and a link to unsubscribe.", code="footer")  # fmt: skip


def _about_archive(campaign: Campaign, tags: dict[str, bool]) -> Iterator[Finding]:
    used = sorted(name for name in tags if name in PUBLIC_LINKS)
    if used and not deciding.wanted(campaign):
        yield Finding("warn", f"{used[0]} leads nowhere.",
                      "This campaign is not to be shown to everybody, so there is no page to link "
                      "to, and the link is left empty.",
                      _at(campaign, "send", "archive"), "archive")  # fmt: skip


def _about_subject(campaign: Campaign) -> Iterator[Finding]:
    subject, at = campaign.subject, _at(campaign, "write", "subject")
    plain = LIQUID.sub("", subject)
    letters = [char for char in plain if char.isalpha()]
    if len(letters) > 5 and all(char.isupper() for char in letters):
        yield Finding("warn", "The subject is all capitals.",
                      "That looks like shouting, to people and to filters.",
                      at, "subject")  # fmt: skip
    if len(plain) > LONG_SUBJECT:
        yield Finding("warn", "The subject is very long.",
                      f"Phones show about 40 characters, most programs 70; this has {len(plain)}.",
                      at, "subject")  # fmt: skip
    if subject.strip() and not campaign.preheader.strip():
        yield Finding("warn", "There is no preheader.",
                      "Mailboxes then show the first words of the mail beside the subject.",
                      _at(campaign, "write", "preheader"), "preheader")  # fmt: skip


def _about_tags(campaign: Campaign, tags: dict[str, bool]) -> Iterator[Finding]:
    names = [
        name for name, falls_back in tags.items()
        if not falls_back and name.startswith("contact.") and name != "contact.email"
        and not _unknown(campaign, name)
    ]  # fmt: skip
    lacking = _lacking(campaign, names)
    for name, (n, of) in lacking.items():
        short = "{{ " + name + " | default: 'friend' }}"
        share = f"{n:,} of {of:,}" + (" looked at" if of == SAMPLE else "")
        text = (
            f"{share} people have none: they would see a gap. Write {short}." if n
            else f"All {of:,} people have one. To be safe, write {short}." if of
            else f"Who has none would see a gap. Write {short}."
        )  # fmt: skip
        yield Finding("warn" if n else "info", f"{name} has nothing to fall back on.", text,
                      _at(campaign, "write", "body"), "fallback")  # fmt: skip


def _unknown(campaign: Campaign, name: str) -> bool:
    return name in unknown_tags(campaign)


def _lacking(campaign: Campaign, names: list[str]) -> dict[str, tuple[int, int]]:
    """For each merge tag: how many recipients have no value, of how many looked at. One query,
    which looks at nobody where that would take too long."""
    if not names:
        return {}
    empties = [_is_empty(name).label(f"e{i}") for i, name in enumerate(names)]
    some = audience.recipients(campaign).with_only_columns(*empties).limit(SAMPLE).subquery()
    query = sa.select(
        sa.func.count(),
        *(sa.func.coalesce(sa.func.sum(some.c[f"e{i}"]), 0) for i in range(len(names))),
    ).select_from(some)
    if counting.is_small(campaign.account_id):
        row = db.session.execute(query).one()
    else:
        try:
            with budget.limited(counting.AT_ONCE_S) as connection:
                row = connection.execute(query).one()
        except budget.OverBudget:
            return dict.fromkeys(names, (0, 0))
    return {name: (int(n), row[0]) for name, n in zip(names, row[1:], strict=True)}


def _is_empty(name: str) -> sa.ColumnElement[int]:
    key = name.rsplit(".", 1)[1]
    column = (
        Contact.fields[key].as_string() if name.startswith("contact.fields.")
        else getattr(Contact, key)
    )  # fmt: skip
    return sa.case((sa.func.coalesce(column, "") == "", 1), else_=0)


def _about_html(campaign: Campaign, html: str) -> Iterator[Finding]:
    at, seen = _at(campaign, "write", "body"), inspect(html)
    size = len(html.encode())
    if size > CLIPPED_BYTES:
        yield Finding("warn", f"The mail is large: {size // 1000} KB.",
                      "Gmail cuts mails at 102 KB and hides the end, with the unsubscribe link.",
                      at, "size")  # fmt: skip
    yield from _about_images(campaign, seen, at)
    if seen.insecure:
        yield Finding("warn", "Links without encryption.",
                      f"{_some(seen.insecure)}: use https:// where the site has it.",
                      at, "http")  # fmt: skip
    if seen.empty:
        yield Finding("warn", "A link leads nowhere.", "Look for “#” where an address should be.",
                      at, "links")  # fmt: skip
    if seen.useless:
        yield Finding("warn", "Mail programs remove some of this.",
                      f"<{'>, <'.join(seen.useless)}> will not work in a mailbox.",
                      at, "tags")  # fmt: skip


def _about_images(campaign: Campaign, seen: Inspection, at: str) -> Iterator[Finding]:
    # In HTML alt="" is said on purpose; in Markdown ![](…) is what people write who forgot.
    is_markdown = campaign.format == "markdown"
    if n := seen.without_alt + (seen.blank_alt if is_markdown else 0):
        advice = (
            "Write what it shows between the brackets: ![our shop](https://…)."
            if is_markdown else "Give it alt=\"…\"; decoration gets an empty one."
        )  # fmt: skip
        yield Finding("warn", f"{n} {'image has' if n == 1 else 'images have'} no description.",
                      "Screen readers and mailboxes that hide images show it instead. " + advice,
                      at, "alt")  # fmt: skip


def _some(found: list[str]) -> str:
    shown = ", ".join(f"“{one[:80]}”" for one in found[:3])
    return shown if len(found) <= 3 else f"{shown} and {len(found) - 3} more"
