"""The client against a server that misbehaves on request."""

import asyncio
import random
import re
import socket
import ssl
import threading
import time
import warnings
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from app.mailer.relay import BadRelay
from app.mailer.session import Session
from app.mailer.smtp import Courier, Mail, RelaySettings, run, send_all, send_one
from app.mailer.wire import NotAReply, ReplyReader, content
from tests import certificates
from tests.faultserver import Faults, FaultServer
from tests.servers import MailSink, free_port, wait_until

MESSAGE = b"Subject: Rolls\r\n\r\nFresh at seven.\r\n"
EXPECTED = {
    "ok": "accepted", "multi": "accepted", "grey": "deferred", "rate": "deferred",
    "r4": "deferred", "d4": "deferred", "421r": "deferred", "421d": "deferred",
    "cut0": "deferred", "cutd": "deferred", "junk": "deferred", "r5": "refused", "p5": "refused",
    "full": "refused", "d5": "refused", "amb": "uncertain", "ambrej": "uncertain",
    "junkdot": "uncertain", "cut1": "uncertain",
}  # fmt: skip


def mails(*kinds: str, message: bytes = MESSAGE) -> list[Mail]:
    return [
        Mail(i, "b+x@mail.test", f"{kind}.{i}@example.com", message) for i, kind in enumerate(kinds)
    ]


def relay(server: FaultServer, query: str = "tls=none", user: str = "") -> RelaySettings:
    return RelaySettings.from_url(f"smtp://{user}127.0.0.1:{server.port}?{query}")


@pytest.mark.parametrize("pipelining", [True, False])
@pytest.mark.parametrize("connections", [1, 7])
def test_each_fault_has_its_outcome_and_nobody_gets_two(pipelining, connections):
    with FaultServer(Faults(pipelining=pipelining)) as server:
        kinds = list(EXPECTED) * 4
        to = mails(*kinds)

        outcomes = run(send_all(relay(server, f"tls=none&connections={connections}"), to))

        # Cut off together with a neighbour, a mail is announced again, and greylisting has passed.
        told = {kind: {o.kind for k, o in zip(kinds, outcomes, strict=True) if k == kind}
                for kind in EXPECTED}  # fmt: skip
        for kind, outcome in EXPECTED.items():
            allowed = {outcome, "accepted"} if kind in ("grey", "rate") else {outcome}
            assert told[kind] <= allowed, kind
        assert max(Counter(server.recipients()).values()) == 1
        accepted = {o.id for o in outcomes if o.kind == "accepted"}
        uncertain = {o.id for o in outcomes if o.kind == "uncertain"}
        got = {int(rcpt.split(".")[1].split("@")[0]) for rcpt in server.recipients()}
        assert accepted <= got <= accepted | uncertain


#: Answers of which each tells what kind of recipient it was for.
ANSWERED = {"ok": (250, "accepted"), "multi": (250, "accepted"), "r4": (450, "deferred"),
            "r5": (550, "refused"), "p5": (550, "refused"), "full": (552, "refused"),
            "d4": (451, "deferred"), "d5": (554, "refused")}  # fmt: skip


def mismatches(sessions: int) -> list[str]:
    """Recipients who got an answer that was another's, over so many short sessions with a server
    that answers in bursts and byte by byte (RFC 2920)."""
    chance = random.Random(sessions)  # noqa: S311
    kinds = chance.choices(list(ANSWERED), k=2 * sessions)
    with FaultServer(Faults(choppy=7, slow_s=0)) as server:
        settings = replace(relay(server, "tls=none&connections=20"), mails_per_connection=1)

        outcomes = run(send_all(settings, mails(*kinds), patience_s=600))

        assert server.connections >= sessions * 0.9
        taken = Counter(server.recipients())
        assert max(taken.values()) == 1
    return [
        f"{kind}.{i}: {outcome.code} {outcome.kind}"
        for i, (kind, outcome) in enumerate(zip(kinds, outcomes, strict=True))
        if (outcome.code, outcome.kind) != ANSWERED[kind]
        or (f"{kind}.{i}@example.com" in taken) != (outcome.kind == "accepted")
    ]


def test_each_answer_goes_to_its_recipient_however_it_arrives():
    assert mismatches(200) == []


def test_a_connection_carries_many_mails():
    with FaultServer() as server:
        run(send_all(relay(server, "tls=none&connections=2"), mails(*["ok"] * 400)))

        assert server.connections == 2


def test_a_server_that_ends_connections_early_still_gets_everything():
    with FaultServer(Faults(max_mails=7)) as server:
        outcomes = run(send_all(relay(server), mails(*["ok"] * 100)))

        assert Counter(o.kind for o in outcomes) == {"accepted": 100}


def test_a_server_that_allows_few_connections_gets_few():
    with FaultServer(Faults(max_connections=2)) as server:
        outcomes = run(send_all(relay(server), mails(*["ok"] * 200)))

        assert Counter(o.kind for o in outcomes) == {"accepted": 200}


@pytest.mark.parametrize("options", [("-p",), ("-e",), ("-8",), ("-a", "-E", "-N")])
def test_postfix_without_extensions_gets_everything(options):
    if MailSink.program() is None:
        pytest.skip("smtp-sink is not installed: apt-get install postfix")
    with MailSink(*options) as sink:
        outcomes = run(send_all(RelaySettings.from_url(sink.url), mails(*["ok"] * 50)))

        assert Counter(o.kind for o in outcomes) == {"accepted": 50}


def test_a_late_server_holds_one_slot_only():
    with FaultServer(Faults(late_s=2)) as server:
        outcomes = run(send_all(relay(server), mails("late", *["ok"] * 300)))

        assert {o.kind for o in outcomes} == {"accepted"}
        times = sorted(float(str(entry["at"])) for entry in server.accepted)
        assert times[290] - times[0] < 1.5


def test_no_answer_before_the_content_is_put_off_and_after_it_uncertain():
    with FaultServer(Faults(late_s=30, slow_s=3)) as server:
        outcomes = run(send_all(relay(server), mails("late", "slow"), patience_s=1))

        assert [o.kind for o in outcomes] == ["uncertain", "deferred"]


def test_nobody_at_the_door_breaks_the_circuit_and_blames_no_recipient():
    settings = RelaySettings("127.0.0.1", free_port(), "none")

    outcomes = run(send_all(settings, mails(*["ok"] * 20)))

    assert {o.kind for o in outcomes} == {"never_left"}
    assert "Nobody answers" in outcomes[0].text


@pytest.mark.parametrize("faults", [Faults(), Faults(refuse=True)], ids=["no TLS", "421"])
def test_a_server_that_turns_all_away_is_left_alone_soon(faults):
    with FaultServer(faults) as server:
        settings = at_localhost(server, "starttls&connections=10")

        outcomes = run(send_all(settings, mails(*["ok"] * 100)))

        assert {o.kind for o in outcomes} == {"never_left"}
        assert server.connections <= 15


def test_nothing_stays_open_where_we_leave_while_connecting():
    with FaultServer(Faults(greeting=b"")) as server:

        async def leave_early() -> None:
            courier = Courier(
                relay(server), on_content=lambda ids: None, on_outcomes=lambda done: None
            )
            courier.put(mails(*["ok"] * 20))
            while server.open_now < 10:
                await asyncio.sleep(0.01)
            await courier.close()
            await asyncio.to_thread(wait_until, lambda: server.open_now == 0, seconds=5)

        asyncio.run(leave_early())


def test_one_mail_waits_for_a_silent_server_once():
    with FaultServer(Faults(greeting=b"")) as server:
        began = time.monotonic()
        outcome = send_one(relay(server), "a@mail.test", "v@example.com", MESSAGE, patience_s=1)

    assert time.monotonic() - began < 2.5
    assert outcome.kind == "never_left"
    assert "does not answer. Check the port" in outcome.text


def test_a_server_of_another_kind_is_known_by_its_first_words():
    with FaultServer(Faults(greeting=b"HTTP/1.1 400 Bad Request\r\n")) as server:
        outcome = send_one(relay(server), "a@mail.test", "v@example.com", MESSAGE, patience_s=20)

    assert "is no SMTP reply" in outcome.text


def test_a_name_that_is_none_and_encryption_where_there_is_none_are_told_plainly():
    with FaultServer() as server:
        nowhere = RelaySettings("no-such-name.invalid", 587, "starttls")
        too_early = RelaySettings("127.0.0.1", server.port, "implicit")
        told = [
            send_one(one, "a@mail.test", "v@example.com", MESSAGE, patience_s=5).text
            for one in (nowhere, too_early)
        ]

    assert re.search("no server named no-such-name.invalid|DNS gave no answer", told[0])
    assert "does not speak encrypted from the start" in told[1]


def test_a_large_mail_whose_dot_stayed_here_never_left():
    with FaultServer() as server:
        (outcome,) = run(
            send_all(relay(server), mails("cut1", message=b"x" * 70 + b"\r\n" * 4_000_000))
        )

        assert outcome.kind == "deferred"
        assert server.accepted == []


def test_nothing_leaves_before_its_intent_is_written():
    with FaultServer() as server:
        intended: list[int] = []
        seen: list[tuple[int, int]] = []

        def on_content(ids: list[int]) -> None:
            seen.append((len(intended), len(server.accepted)))
            intended.extend(ids)

        async def send() -> None:
            courier = Courier(relay(server), on_content=on_content, on_outcomes=lambda done: None)
            courier.put(mails(*["ok"] * 100))
            await courier.finish()
            await courier.close()

        run(send())

        assert sorted(intended) == list(range(100))
        assert all(accepted <= before for before, accepted in seen)


def test_answers_for_which_there_was_no_memory_are_handed_out_later():
    with FaultServer() as server:
        taken: list[str] = []
        kinds: Counter[str] = Counter()

        def on_outcomes(done):
            taken.append("")
            if len(taken) < 4:
                raise MemoryError
            kinds.update(outcome.kind for outcome in done)

        async def send() -> None:
            courier = Courier(relay(server), on_content=lambda ids: None, on_outcomes=on_outcomes)
            courier.put(mails(*["ok"] * 30))
            await courier.finish()
            await courier.close()

        run(send())

        assert kinds == {"accepted": 30}
        assert len(server.accepted) == 30


@pytest.mark.parametrize("nth", [1, 7])
def test_a_mail_for_whose_content_there_was_no_memory_did_not_leave(monkeypatch, nth):
    write, calls = Session.write_content, []

    def lack(self):
        calls.append(self)
        if len(calls) == nth:
            raise MemoryError
        write(self)

    monkeypatch.setattr(Session, "write_content", lack)
    with FaultServer() as server:
        kinds: Counter[str] = Counter()

        async def send() -> None:
            courier = Courier(
                relay(server),
                on_content=lambda ids: None,
                on_outcomes=lambda done: kinds.update(one.kind for one in done),
            )
            courier.put(mails(*["ok"] * 60))
            await courier.finish()
            await courier.close()

        run(send())

        assert set(kinds) <= {"accepted", "never_left"}
        assert kinds.total() == 60
        assert kinds["accepted"] == len(server.accepted) == len(set(server.recipients()))
        assert kinds["never_left"] > 0


@pytest.mark.parametrize("nth", [1, 2, 3, 40])
def test_an_answer_for_which_there_was_no_memory_makes_one_mail_uncertain_at_most(monkeypatch, nth):
    take, calls = Session._take, []

    def lack(self, reply):
        calls.append(reply)
        if len(calls) == nth:
            raise MemoryError
        take(self, reply)

    monkeypatch.setattr(Session, "_take", lack)
    with FaultServer() as server:
        outcomes = run(send_all(relay(server), mails(*["ok"] * 60)))

        kinds = Counter(one.kind for one in outcomes)
        assert kinds.total() == 60
        assert kinds["uncertain"] <= 1
        assert kinds["accepted"] + kinds["uncertain"] == 60
        assert len(server.recipients()) == len(set(server.recipients()))


def test_a_mail_that_waited_too_long_is_asked_about_again():
    with FaultServer(Faults(late_s=1.0)) as server:
        asked: list[int] = []
        outcomes = {}

        async def recheck(ids: list[int]) -> set[int]:
            asked.extend(ids)
            return {3}

        async def send() -> None:
            courier = Courier(
                relay(server, "tls=none&connections=1"),
                on_content=lambda ids: None,
                on_outcomes=lambda done: outcomes.update({o.id: o.kind for o in done}),
                recheck=recheck,
                fresh_s=0.3,
            )
            to = mails("late", "ok", "ok", "ok")
            for mail in to:
                mail.fresh_until = courier.time() + 0.3
            courier.put(to)
            await courier.finish()
            await courier.close()

        run(send())

        assert set(asked) >= {1, 3}
        assert outcomes == {0: "accepted", 1: "accepted", 2: "accepted", 3: "never_left"}


# What a server can or cannot take.


def test_a_mail_larger_than_the_server_takes_is_not_sent():
    with FaultServer(Faults(size=1000)) as server:
        outcome = send_one(relay(server), "a@mail.test", "v@example.com", MESSAGE * 100)

        assert (outcome.kind, outcome.phase) == ("refused", "size")
        assert "takes 1,000 at most" in outcome.text
        assert "MAIL" not in server.commands


def test_international_addresses_go_where_they_are_taken():
    with FaultServer(Faults(smtputf8=False)) as server:
        refused = send_one(relay(server), "a@mail.test", "jörg@example.com", MESSAGE)
        plain = send_one(relay(server), "a@mail.test", "j@example.com", MESSAGE)
    with FaultServer() as server:
        taken = send_one(relay(server), "a@mail.test", "jörg@example.com", MESSAGE)

    assert (refused.kind, refused.phase) == ("refused", "smtputf8")
    assert "SMTPUTF8" in refused.text
    assert plain.kind == taken.kind == "accepted"
    assert server.recipients() == ["jörg@example.com"]


def test_an_address_cannot_speak_to_the_server():
    with FaultServer() as server:
        evil = "v@example.com>\r\nRCPT TO:<evil@example.org"
        outcome = send_one(relay(server), "a@mail.test", evil, MESSAGE)

        assert (outcome.kind, outcome.phase) == ("refused", "address")


@pytest.mark.parametrize(
    "body",
    [b"a\n.\nb", b"a\r.\rb", b"a\n.\r\nb", b"a\r\n.\nb", b".\r\nb", b"a\r\n.\r\nb", b".", b""],
)
def test_no_content_can_end_the_mail_early(body):
    with FaultServer(Faults(keep=True)) as server:
        outcome = send_one(
            relay(server), "a@mail.test", "v@example.com", b"Subject: x\r\n\r\n" + body
        )

        assert outcome.kind == "accepted"
        assert len(server.accepted) == 1
        assert server.accepted[0]["bare"] == 0


def test_content_keeps_what_it_says():
    assert content(b"a\r\n.b\r\n") == b"a\r\n..b\r\n"
    assert content(b".a") == b"..a\r\n"
    assert content(b"a\nb\rc\r\n") == b"a\r\nb\r\nc\r\n"


# Encryption and signing in.


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For localhost, signed by itself."""
    return certificates.make(tmp_path_factory.mktemp("tls") / "both.pem")


@pytest.fixture
def server_tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def at_localhost(server: FaultServer, tls: str, user: str = "") -> RelaySettings:
    return RelaySettings.from_url(f"smtp://{user}localhost:{server.port}?tls={tls}")


def test_a_trusted_certificate_encrypts(server_tls, certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with FaultServer(Faults(tls=server_tls)) as server:
        outcome = send_one(
            at_localhost(server, "starttls"), "a@mail.test", "v@example.com", MESSAGE
        )

        assert (outcome.kind, outcome.tls) == ("accepted", True)
        assert server.accepted[0]["tls"] is True


def test_required_encryption_sends_nothing_past_a_bad_certificate(server_tls):
    with FaultServer(Faults(tls=server_tls)) as server:
        outcome = send_one(
            at_localhost(server, "starttls"), "a@mail.test", "v@example.com", MESSAGE
        )

        assert outcome.kind == "never_left"
        assert "certificate" in outcome.text
        assert server.accepted == []
        assert "MAIL" not in server.commands


def test_what_was_learned_in_clear_is_forgotten(server_tls, certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    faults = Faults(
        tls=server_tls, smtputf8=False,
        only_in_clear=("SIZE 10", "AUTH CRAM-MD5"), only_encrypted=("SMTPUTF8", "AUTH PLAIN"),
    )  # fmt: skip
    with FaultServer(faults) as server:
        settings = at_localhost(server, "starttls&connections=1", user="vera:s3cret@")
        faults.auth = "vera:s3cret"

        outcome = send_one(settings, "a@mail.test", "jörg@example.com", MESSAGE)

        assert (outcome.kind, outcome.tls) == ("accepted", True)
        assert server.commands[:4] == ["EHLO", "STARTTLS", "EHLO", "AUTH"]
        assert server.commands.count("STARTTLS") == 1


BAD_CERTIFICATES = {
    "another name": {"name": "elsewhere.example"},
    "expired": {"days": (-3, -1)},
    "not yet": {"days": (1, 3)},
}


@pytest.mark.parametrize("what", [*BAD_CERTIFICATES, "old protocol"])
def test_required_encryption_is_what_it_should_be_or_nothing_is_sent(
    what, certificate, tmp_path, monkeypatch
):
    path = certificate
    if what in BAD_CERTIFICATES:
        path = certificates.make(tmp_path / "bad.pem", **BAD_CERTIFICATES[what])
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    if what == "old protocol":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.maximum_version = ssl.TLSVersion.TLSv1_1
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with FaultServer(Faults(tls=context)) as server:
        outcome = send_one(
            at_localhost(server, "starttls&connections=1"), "a@mail.test", "v@e.example", MESSAGE
        )

        assert outcome.kind == "never_left"
        assert ("certificate" if what in BAD_CERTIFICATES else "ncryption") in outcome.text
        assert server.accepted == []
        assert "MAIL" not in server.commands


@pytest.mark.parametrize(
    "faults",
    [{}, {"starttls_code": 454, "offer": True}, {"inject": b"250 injected\r\n", "offer": True}],
)
def test_required_encryption_sends_nothing_in_clear(faults, server_tls):
    offer = faults.pop("offer", False)
    with FaultServer(Faults(tls=server_tls if offer else None, **faults)) as server:
        outcome = send_one(
            at_localhost(server, "starttls"), "a@mail.test", "v@example.com", MESSAGE
        )

        assert outcome.kind == "never_left"
        assert "MAIL" not in server.commands


def test_opportunistic_encryption_takes_what_there_is(server_tls):
    with FaultServer(Faults(tls=server_tls)) as server:
        encrypted = send_one(
            at_localhost(server, "opportunistic"), "a@mail.test", "v@example.com", MESSAGE
        )
    with FaultServer(Faults(tls=server_tls, starttls_code=454)) as server:
        clear = send_one(
            at_localhost(server, "opportunistic"), "a@mail.test", "v@example.com", MESSAGE
        )

    assert (encrypted.kind, encrypted.tls) == ("accepted", True)
    assert (clear.kind, clear.tls) == ("accepted", False)


def test_a_handshake_without_an_answer_is_no_reason_to_speak_in_clear(server_tls):
    faults = Faults(tls=server_tls, stall_handshakes=1)
    with FaultServer(faults) as server:
        # No answer for two seconds, and then another try.
        settings = at_localhost(server, "opportunistic&connections=1&timeout=2")

        outcomes = run(send_all(settings, mails("ok", "ok")))

        assert [(o.kind, o.tls) for o in outcomes] == [("accepted", True)] * 2
        assert {entry["tls"] for entry in server.accepted} == {True}

        faults.stall_handshakes = 100
        server.accepted.clear()
        outcomes = run(send_all(settings, mails("ok", "ok"), patience_s=0.2))

        assert {o.kind for o in outcomes} == {"never_left"}
        assert "does not answer" in outcomes[0].text
        assert server.accepted == []


def test_a_handshake_that_is_cut_is_answered_in_clear_where_that_was_chosen(server_tls):
    with FaultServer(Faults(tls=server_tls, cut_handshake=True)) as server:
        optional = run(send_all(at_localhost(server, "opportunistic"), mails(*["ok"] * 50)))
        required = send_one(
            at_localhost(server, "starttls"), "a@mail.test", "v@example.com", MESSAGE
        )

    assert {(one.kind, one.tls) for one in optional} == {("accepted", False)}
    assert required.kind == "never_left"
    assert len(server.accepted) == 50


def test_user_and_password_are_used_and_checked():
    with FaultServer(Faults(auth="vera:s3cret")) as server:
        right = send_one(relay(server, user="vera:s3cret@"), "a@mail.test", "v@e.example", MESSAGE)
        wrong = send_one(relay(server, user="vera:guess@"), "a@mail.test", "v@e.example", MESSAGE)

    assert right.kind == "accepted"
    assert wrong.kind == "never_left"
    assert "user name and password" in wrong.text


# Settings and replies.


def test_a_relay_url_may_shorten_the_waits():
    shorter = RelaySettings.from_url("smtp://a.example?timeout=90").timeouts

    assert (shorter.connect, shorter.command, shorter.data, shorter.dot) == (60, 90, 90, 90)
    assert RelaySettings.from_url("smtp://a.example").timeouts.dot == 600
    with pytest.raises(BadRelay, match="timeout"):
        RelaySettings.from_url("smtp://a.example?timeout=soon")


def test_relay_urls():
    full = RelaySettings.from_url("smtp://us%40er:p%3Ass@mail.example:2525?tls=starttls")

    assert (full.host, full.port, full.username, full.password) == (
        "mail.example", 2525, "us@er", "p:ss",
    )  # fmt: skip
    assert "p:ss" not in repr(full)
    assert RelaySettings.from_url("smtp://mail.example?tls=implicit").port == 465
    assert RelaySettings.from_url("smtp://a:b@mail.example").tls == "starttls"
    for bad in ("http://x", "smtp://", "smtp://h?tls=maybe", "smtp://h:x"):
        with pytest.raises(BadRelay):
            RelaySettings.from_url(bad)


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_replies_are_read_however_they_are_chopped(size):
    stream = b"250-one\r\n250 2.1.0 two\r\n354 go\r\n550-5.1.1 no\r\n550 5.1.1 user\r\n250\r\n"
    reader, replies = ReplyReader(), []

    for at in range(0, len(stream), size):
        replies += list(reader.feed(stream[at : at + size]))

    assert [reply.code for reply in replies] == [250, 354, 550, 250]
    assert replies[2].status == "5.1.1"
    assert reader.is_empty


@pytest.mark.parametrize(
    "junk",
    [b"hello\r\n", b"99 x\r\n", b"250x\r\n", b"250-a\r\n251 b\r\n", b"650 x\r\n", b"2" * 9000],
)
def test_what_is_no_reply_is_noticed(junk):
    with pytest.raises(NotAReply):
        list(ReplyReader().feed(junk))


def test_the_loop_ends_clean():
    async def nothing() -> int:
        await asyncio.sleep(0)
        return 7

    assert run(nothing()) == 7


def test_connections_that_were_still_opening_do_not_keep_the_loop_from_ending():
    """A server that greets nobody, and a courier that ends meanwhile."""

    async def work(port: int) -> None:
        settings = RelaySettings("127.0.0.1", port, tls="none")
        courier = Courier(settings, on_content=lambda ids: None, on_outcomes=lambda done: None)
        courier.put(mails(*["ok"] * 8))
        await asyncio.sleep(0.2)
        await courier.close()

    with socket.create_server(("127.0.0.1", 0), backlog=50) as silent:
        port = silent.getsockname()[1]
        sending = threading.Thread(target=lambda: run(work(port)), daemon=True)
        sending.start()
        sending.join(20)

        assert not sending.is_alive()
