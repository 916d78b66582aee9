"""What DNS says about a sending domain, judged in plain words. Nothing here knows the web."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from app.mailer import spf as spfs
from app.mailer.lookup import Away, Find
from app.mailer.records import (
    SHARED,
    TITLES,
    Finding,
    PublicKey,
    Record,
    Setup,
    is_public_name,
    key_record,
    mechanisms,
    spf_record,
    trap_of,
    wanted,
)  # fmt: skip


@dataclass
class Checked:
    """All findings, and the selectors whose record is right."""

    findings: list[Finding] = field(default_factory=list)
    seen_keys: set[str] = field(default_factory=set)


def check(setup: Setup, find: Find) -> Checked:
    """Ask DNS about everything."""
    done = Checked()
    if setup.domain in SHARED:
        done.findings.append(_shared(setup))
        return done
    done.findings.append(_guarded(_dkim, "dkim", setup, find, done))
    done.findings.append(_guarded(_spf, "spf", setup, find, done))
    done.findings.append(_guarded(_dmarc, "dmarc", setup, find, done))
    done.findings.append(_guarded(_aligned, "alignment", setup, find, done))
    if setup.bounces != setup.domain:
        done.findings.append(_guarded(_envelope, "envelope", setup, find, done))
    done.findings.append(_guarded(_bounces, "bounces", setup, find, done))
    done.findings.append(_guarded(_replies, "replies", setup, find, done))
    done.findings += _told(setup, find)
    return done


Look = Callable[[Setup, Find, Checked], Finding]


def _guarded(look: Look, code: str, setup: Setup, find: Find, done: Checked) -> Finding:
    try:
        return look(setup, find, done)
    except Away:
        return Finding(
            code, "unknown", TITLES[code], "DNS gave no answer just now. We ask again.",
            wanted(code, setup), trap_of(setup, code),
        )  # fmt: skip


# DKIM


def _dkim(setup: Setup, find: Find, done: Checked) -> Finding:
    title, trap = TITLES["dkim"], trap_of(setup, "dkim")
    if not setup.keys:
        return _unsigned(setup)
    wrong: list[str] = []
    seen: list[str] = []
    away = False
    for key in setup.keys:
        record = key_record(setup, key)
        try:
            texts = find(record.name, "TXT")
        except Away:
            away = True
            continue
        seen += [f"{record.name}: {_short(text)}" for text in texts]
        problem = _key_problem(setup, record, texts, find)
        if problem:
            wrong.append(f"{key.selector}: {problem}")
        else:
            done.seen_keys.add(key.selector)
    records = tuple(key_record(setup, key) for key in setup.keys)
    level, words = _judged(setup, done.seen_keys, wrong, away=away)
    return Finding("dkim", level, title, words, records, trap, tuple(seen))


def _judged(setup: Setup, right: set[str], wrong: list[str], *, away: bool) -> tuple[str, str]:
    reasons = " ".join(f"{one}." for one in wrong)
    if away and not wrong:
        return "unknown", "DNS gave no answer for some keys just now. We ask again."
    signing = [key for key in setup.keys if key.active]
    if not signing and wrong:
        level = "warn" if setup.own_relay else "bad"
        return level, f"Nothing is signed yet: publish the records below. {reasons}"
    lost = [key for key in signing if key.selector not in right and _is_named(key, wrong)]
    if any(key.kind == "rsa" for key in lost):
        return "bad", f"Mail is signed, but readers' providers cannot check it. {reasons}"
    if lost:
        return "warn", f"The second signature (Ed25519) cannot be checked. {reasons}"
    if wrong:
        return "warn", f"The old keys sign until the new ones are seen. {reasons}"
    return "ok", "Every mail carries a signature in your name that everybody can check."


def _is_named(key: PublicKey, wrong: list[str]) -> bool:
    return any(one.startswith(f"{key.selector}:") for one in wrong)


def _unsigned(setup: Setup) -> Finding:
    if setup.own_relay:
        words = (
            "We do not sign for you, and from here nobody can see whether your own mail server "
            "does. Ask your mail provider, or make keys here; two signatures do no harm."
        )
        return Finding("dkim", "warn", TITLES["dkim"], words)
    words = "Mails are not signed in your name. Make keys here and publish their records."
    return Finding("dkim", "bad", TITLES["dkim"], words)


def _key_problem(setup: Setup, record: Record, texts: list[str], find: Find) -> str:
    if not texts:
        return _nothing(setup, record, find)
    if len(texts) > 1:
        return "there are several records at this name; leave only one"
    tags, wanted = _tags(texts[0]), _tags(record.value)
    if texts[0].lstrip().startswith(("'", '"', "\\")):
        return "the value has quotation marks in it; enter it without them"
    if tags.get("p") == "":
        return "the record says that the key is withdrawn"
    if tags.get("p") != wanted["p"]:
        if tags.get("p") and wanted["p"].startswith(tags["p"]):
            return "the value is cut off; paste it as one line"
        return "another key stands there"
    if tags.get("k", "rsa") != wanted["k"]:
        return f"the record says k={tags.get('k', 'rsa')} instead of k={wanted['k']}"
    if tags.get("v", "DKIM1") != "DKIM1":
        return "the record must begin with v=DKIM1"
    return ""


def _nothing(setup: Setup, record: Record, find: Find) -> str:
    """Nothing is there; is it where a helpful form put it?"""
    twice = f"{record.name}.{setup.domain}"
    try:
        if find(twice, record.type):
            return f"the record stands at {twice}: the domain was entered twice"
    except Away:
        pass
    return "no record yet"


def _tags(text: str) -> dict[str, str]:
    """tag=value; tag=value. Blanks inside of keys mean nothing (RFC 6376, 3.2)."""
    pairs = (part.partition("=") for part in text.split(";"))
    return {name.strip().lower(): re.sub(r"\s+", "", value) for name, _, value in pairs if name}


# SPF


def _spf(setup: Setup, find: Find, done: Checked) -> Finding:
    return _spf_at(setup, setup.domain, find, code="spf")


def _envelope(setup: Setup, find: Find, done: Checked) -> Finding:
    """What providers really look up: SPF of the domain that bounces go to."""
    if not is_public_name(setup.bounces):
        words = (
            f"Bounces go to {setup.bounces}, a name that only this machine knows. Whoever runs "
            "this installation sets MAIL_DOMAIN."
        )
        return Finding("envelope", "unknown", TITLES["envelope"], words)
    return _spf_at(setup, setup.bounces, find, code="envelope")


def _spf_at(setup: Setup, domain: str, find: Find, *, code: str) -> Finding:
    spf = spfs.read(domain, find)
    level, words = _spf_verdict(setup, spf, find, code)
    single = spf.texts[0] if len(spf.texts) == 1 else ""
    good = (Record(domain, "TXT", single),) if level == "ok" else ()
    # Where the record has to become shorter, or nobody knows the server, there is none to copy.
    records = good or (spf_record(setup, domain, single) if len(spf.texts) < 2 else ())
    if code == "envelope":
        words += f" Bounces of your mails go to {domain}; whoever runs this installation sets it."
    elif not records and not spf.texts:
        words += " Ask whoever runs your mail server what it should say."
    trap = trap_of(setup, "spf") if code == "spf" and records else ""
    return Finding(code, level, TITLES[code], words, records, trap, tuple(spf.texts))


def _spf_verdict(setup: Setup, spf: spfs.Spf, find: Find, code: str) -> tuple[str, str]:
    counts = code == "envelope" or setup.bounces == setup.domain
    if not spf.texts:
        words = f"There is no SPF record at {spf.domain}."
        if counts:
            return "bad", words
        return "warn", (
            f"{words} Providers check the bounce address first, but many look here too: "
            "add one to protect your name."
        )
    if len(spf.texts) > 1:
        return "bad", "There are several SPF records; then none counts. Make one of them."
    if spf.lookups > spfs.MOST_LOOKUPS:
        return "warn", (
            f"The record makes receivers look up {spf.lookups} names; beyond 10 they give up "
            "(RFC 7208). Remove services that you do not use."
        )
    if spf.problems:
        return "warn", f"The record has a mistake: {'; '.join(spf.problems[:3])}."
    if spf.everybody:
        return "warn", "The record ends with +all: it lets everybody send in your name."
    return _relay_allowed(setup, spf, find)


def _relay_allowed(setup: Setup, spf: spfs.Spf, find: Find) -> tuple[str, str]:
    cost = f"It takes {spf.lookups} of 10 look-ups."
    needed = mechanisms(setup)
    missing = [one for one in needed if not _is_allowed(one, spf, find)]
    if not needed:
        return "ok", f"There is one, and it is well-formed. {cost}"
    if not missing or spf.partly:
        return "ok", f"Your mail server may send. {cost}"
    return "warn", (
        f"The record does not name the mail server that carries your mail ({', '.join(missing)}). "
        "Add it, or what your mail provider tells you."
    )


def _is_allowed(mechanism: str, spf: spfs.Spf, find: Find) -> bool:
    kind, _, target = mechanism.partition(":")
    if kind == "include":
        return target in spf.includes
    if kind in ("ip4", "ip6"):
        return spf.covers([target])
    addresses = find(target, "A") + find(target, "AAAA")
    return not addresses or spf.covers(addresses)


# DMARC


def _dmarc(setup: Setup, find: Find, done: Checked) -> Finding:
    title, trap, records = TITLES["dmarc"], trap_of(setup, "dmarc"), wanted("dmarc", setup)
    place, texts = policy_of(setup.domain, find)
    if not texts:
        found = _nothing(setup, records[0], find)
        words = "There is no DMARC record; the large providers refuse bulk mail without one."
        if found != "no record yet":
            words += f" But {found}."
        return Finding("dmarc", "bad", title, words, records, trap)
    if len(texts) > 1:
        words = "There are several DMARC records; then none counts. Leave one."
        return Finding("dmarc", "bad", title, words, (), trap, tuple(texts))
    tags = _tags(texts[0])
    policy = tags.get("sp", tags.get("p", "")) if place != setup.domain else tags.get("p", "")
    policy = policy.lower()
    current = (Record(f"_dmarc.{place}", "TXT", texts[0]),)
    if policy not in ("none", "quarantine", "reject"):
        words = "The record does not say what to do (p=none, p=quarantine or p=reject)."
        return Finding("dmarc", "bad", title, words, records, trap, tuple(texts))
    words = _POLICIES[policy]
    if place != setup.domain:
        words += f" It is the record of {place}, which covers you."
    return Finding("dmarc", "ok", title, words, current, trap, tuple(texts))


_POLICIES = {
    "none": "It is there and only watches (p=none): enough for the large providers. When all "
    "your mail is signed, p=quarantine keeps forgeries out of inboxes.",
    "quarantine": "It is there: mail that cannot prove it is yours goes to spam.",
    "reject": "It is there: mail that cannot prove it is yours is refused.",
}


def policy_of(domain: str, find: Find) -> tuple[str, list[str]]:
    """The DMARC records that hold for a domain and where they stand: its own or a parent's."""
    labels = domain.split(".")
    # The tree walk of DMARC asks at most eight names; a top-level domain is nobody's own.
    for start in range(max(0, len(labels) - 8), max(1, len(labels) - 1)):
        place = ".".join(labels[start:])
        texts = [
            text for text in find(f"_dmarc.{place}", "TXT")
            if re.match(r"v\s*=\s*DMARC1\s*(;|$)", text)
        ]  # fmt: skip
        if texts:
            return place, texts
    return domain, []


def _aligned(setup: Setup, find: Find, done: Checked) -> Finding:
    """Whether a proof is in the name that readers see: what DMARC asks."""
    title = TITLES["alignment"]
    active = [key for key in setup.keys if key.active]
    envelope = _same_owner(setup, find)
    if active and any(key.selector in done.seen_keys for key in active):
        words = (
            f"Readers see {setup.domain} as the sender, and the signature says d={setup.domain}: "
            "the same name, so DMARC is content."
        )
        if not envelope:
            words += (
                f" The bounce address is at {setup.bounces}; that is fine, one proof is enough."
            )
        return Finding("alignment", "ok", title, words)
    if envelope and spfs.read(setup.bounces, find).texts:
        words = (
            f"Readers see {setup.domain}, and the bounce address is at {setup.bounces}: one owner, "
            "so SPF counts for DMARC. A signature would still hold when mail is forwarded."
        )
        return Finding("alignment", "ok", title, words)
    if any(found.code == "dkim" and found.level == "unknown" for found in done.findings):
        raise Away
    words = (
        f"Readers see {setup.domain} as the sender, but nothing proves it: there is no signature "
        f"with d={setup.domain} that can be checked, and the bounce address is at "
        f"{setup.bounces}{', which has no SPF record' if envelope else ''}."
    )
    if setup.own_relay and not active:
        words += " If your mail server signs in your name, all is well; we cannot see that."
        return Finding("alignment", "unknown", title, words)
    return Finding("alignment", "bad", title, words + " Publish the DKIM records.")


def _same_owner(setup: Setup, find: Find) -> bool:
    """Relaxed alignment of From and envelope: one organisational domain."""
    one, other = setup.domain, setup.bounces
    if one == other or one.endswith("." + other) or other.endswith("." + one):
        return True
    place, texts = policy_of(one, find)
    return bool(texts) and other.endswith("." + place)


# Mail that comes back


def _bounces(setup: Setup, find: Find, done: Checked) -> Finding:
    title = TITLES["bounces"]
    if not is_public_name(setup.bounces):
        words = f"{setup.bounces} is a name that only this machine knows, so no bounce gets here."
        return Finding("bounces", "unknown", title, words)
    rows = find(setup.bounces, "MX")
    if any(row.partition(" ")[2] not in ("", ".") for row in rows):
        words = "What cannot be delivered is reported to us, so that we stop writing there."
        return Finding("bounces", "ok", title, words, seen=tuple(rows))
    if not rows and (find(setup.bounces, "A") or find(setup.bounces, "AAAA")):
        words = "There is an address but no MX record; most servers then find us, some do not."
        return Finding("bounces", "warn", title, words, wanted("bounces", setup))
    words = (
        f"{setup.bounces} takes no mail, so we never learn which addresses are dead. Whoever runs "
        "this installation adds the record."
    )
    return Finding("bounces", "bad", title, words, wanted("bounces", setup), seen=tuple(rows))


def _replies(setup: Setup, find: Find, done: Checked) -> Finding:
    title, domain = TITLES["replies"], setup.domain
    rows = find(domain, "MX")
    if any(row.partition(" ")[2] not in ("", ".") for row in rows):
        return Finding("replies", "ok", title, "Readers can answer.", seen=tuple(rows))
    if not rows and (find(domain, "A") or find(domain, "AAAA")):
        return Finding(
            "replies", "ok", title, "Readers can probably answer; there is no MX record."
        )
    words = f"{domain} takes no mail. Some providers refuse mail that nobody can answer."
    return Finding("replies", "warn", title, words, seen=tuple(rows))


# What is only told


def _told(setup: Setup, find: Find) -> Iterator[Finding]:
    for code, name, begins, title, words in (
        ("mta_sts", f"_mta-sts.{setup.domain}", "v=STSv1", "MTA-STS",
         "makes others encrypt mail to you. It has no influence on what you send."),
        ("tls_rpt", f"_smtp._tls.{setup.domain}", "v=TLSRPTv1", "TLS reports",
         "tells you when mail to you could not be encrypted."),
        ("bimi", f"default._bimi.{setup.domain}", "v=BIMI1", "BIMI",
         "shows your logo at some providers; it needs DMARC with p=quarantine or p=reject."),
    ):  # fmt: skip
        try:
            texts = [text for text in find(name, "TXT") if text.startswith(begins)]
        except Away:
            continue
        state = "There is one." if texts else "There is none, and nobody asks for it."
        yield Finding(code, "info", title, f"{state} It {words}", seen=tuple(texts))


def _shared(setup: Setup) -> Finding:
    words = (
        f"{setup.domain} belongs to a mailbox provider, so nobody else can prove that mail from "
        "it is theirs, and the large providers refuse it. Send from an address of your own domain."
    )
    return Finding("shared", "bad", "This domain is not yours", words)


def _short(text: str) -> str:
    return text if len(text) <= 120 else text[:117] + "…"
