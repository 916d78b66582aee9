"""Reports of mail providers: proven, counted once, about one's own mails alone."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.accounts import report_hooks
from app.accounts.models import ReportHook
from app.auth import sessions
from app.contacts.models import Consent
from app.core import outside
from app.core.clock import now
from app.core.db import db, transaction
from app.core.tokens import Purpose, sign
from app.delivery import bounces
from app.delivery.models import Delivery
from app.delivery.receipts import receipt
from app.extensions import limiter
from app.tracking import amazon as asking
from app.tracking import hooks, returns
from app.tracking.models import Intake, ProviderReport
from tests import amazon as sns
from tests.amazon import Amazon
from tests.tracking.mails import events, score, send, suppressed
from tests.tracking.reporting import Mailgun, Post, Postmark, SendGrid, Ses, hook_of, mark

PROVIDERS = ("mailgun", "sendgrid", "postmark", "ses")
#: Those that say when they signed.
DATED = ("mailgun", "sendgrid", "ses")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    running = Amazon(tmp_path_factory.mktemp("amazon"))
    yield running
    running.close()


@pytest.fixture
def amazon(server, monkeypatch):
    """Whoever connects to Amazon comes to a server of our own; TLS is checked as always."""
    monkeypatch.setattr(outside, "connect", server.connect)
    monkeypatch.setenv("SSL_CERT_FILE", str(server.trusted))
    asking.certificates.forget()
    server.asked.clear()
    yield server
    server.answer = server._usual
    asking.certificates.forget()


@pytest.fixture
def reporters(amazon):
    made = (Mailgun(), SendGrid(), Postmark(), Ses(amazon))
    return {one.name: one for one in made}


@pytest.fixture(params=PROVIDERS)
def reporter(request, reporters):
    return reporters[request.param]


def take():
    hooks.take_reports()
    db.session.rollback()
    db.session.expire_all()


def waiting():
    db.session.rollback()
    return db.session.scalar(sa.select(sa.func.count()).select_from(ProviderReport))


def numbers(hook):
    db.session.rollback()
    found = db.session.get(ReportHook, hook.id, populate_existing=True)
    return found.taken, found.others, found.refused


def state(delivery):
    db.session.rollback()
    return db.session.get(Delivery, delivery.id, populate_existing=True).state


# What becomes of them


def test_a_dead_mailbox_is_not_mailed_again(client, alice, sent, reporter):
    hook, url = hook_of(alice, reporter)
    before = receipt(sent.campaign.id)

    answer = reporter.post(reporter.news("bounced", sent.deliveries[1])).to(client, url)
    assert (answer.status_code, waiting()) == (200, 1), "kept before it is answered"
    take()

    (event,) = events()
    assert (event.contact_id, event.verdict, event.fault) == (
        sent.contacts[1].id, "hard", "mailbox",
    )  # fmt: skip
    assert suppressed() == {"may1@example.com": "bounced"}
    assert score(sent, "bounce", "hard") == (1, 1)
    assert receipt(sent.campaign.id) == before
    assert (waiting(), numbers(hook)) == (0, (1, 0, 0))
    assert db.session.get(ReportHook, hook.id).last_at


@pytest.mark.parametrize(
    ("kind", "verdict", "fault"),
    [("full", "soft", "mailbox_full"), ("blocked", "sender", "reputation")],
)
def test_what_is_not_the_mailboxs_fault_suppresses_nobody(
    client, alice, sent, reporter, kind, verdict, fault
):
    _, url = hook_of(alice, reporter)

    reporter.post(reporter.news(kind, sent.deliveries[0])).to(client, url)
    take()

    (event,) = events()
    assert (event.verdict, event.fault, suppressed()) == (verdict, fault, {})


def test_who_complains_is_out(client, alice, sent, reporter):
    _, url = hook_of(alice, reporter)

    reporter.post(reporter.news("complained", sent.deliveries[2])).to(client, url)
    take()

    assert suppressed() == {"may2@example.com": "complaint"}
    assert score(sent, "complaint", "") == (1, 1)


@pytest.mark.parametrize("name", ["mailgun", "sendgrid", "postmark"])
def test_who_leaves_by_the_providers_link_is_out(client, alice, sent, reporters, name):
    reporter = reporters[name]
    _, url = hook_of(alice, reporter)

    reporter.post(reporter.news("unsubscribed", sent.deliveries[0])).to(client, url)
    take()

    assert suppressed() == {"may0@example.com": "unsubscribed"}
    assert db.session.scalars(sa.select(Consent.source)).all() == ["provider"]
    assert score(sent, "unsubscribe", "") == (1, 1)


@pytest.mark.parametrize("kind", ["delivered", "waiting", "bounced"])
def test_a_report_settles_what_was_uncertain(client, alice, reporter, kind):
    sent = send(alice.account, state="uncertain")
    _, url = hook_of(alice, reporter)

    reporter.post(reporter.news(kind, sent.deliveries[0])).to(client, url)
    take()

    assert state(sent.deliveries[0]) == "sent"
    assert receipt(sent.campaign.id).uncertain == 0
    assert len(events()) == (kind == "bounced")


def test_our_own_list_at_the_provider_is_no_verdict_on_the_reader(client, alice, sent, reporters):
    reporter = reporters["sendgrid"]
    _, url = hook_of(alice, reporter)
    reasons = ("Bounced Address", "Spam Reporting Address", "Unsubscribed Address")
    news = [
        reporter.news("dropped", delivery, reason=reason)
        for delivery, reason in zip(sent.deliveries, reasons, strict=True)
    ]

    reporter.post(news).to(client, url)
    take()

    assert [(one.verdict, one.fault) for one in events()] == [
        ("hard", "unclear"), ("sender", "ours"), ("sender", "ours"),
    ]  # fmt: skip
    assert suppressed() == {}


# Who may report


def test_a_false_signature_changes_nothing_and_is_shown(client, alice, sent, reporter):
    hook, url = hook_of(alice, reporter)

    answer = reporter.post(reporter.news("bounced", sent.deliveries[0]), wrong=True).to(client, url)
    take()

    assert answer.status_code == (401 if reporter.name == "postmark" else 403)
    assert (waiting(), suppressed(), numbers(hook)) == (0, {}, (0, 0, 1))
    client.sign_in(alice)
    page = client.get(f"/settings/provider-reports/{hook.id}").text
    assert "Last refused: The" in page
    assert "wrong" in page


def test_without_a_signature_nothing_is_taken(client, alice, sent, reporter):
    hook, url = hook_of(alice, reporter)
    news = reporter.news("bounced", sent.deliveries[0])
    bare = {"mailgun": {"event-data": news}, "sendgrid": [news], "postmark": news, "ses": news}

    answer = Post(json.dumps(bare[reporter.name]).encode()).to(client, url)

    assert answer.status_code in (400, 401, 403)
    assert (waiting(), numbers(hook)) == (0, (0, 0, 1))


@pytest.mark.parametrize("name", DATED)
@pytest.mark.parametrize("hours", [-27, 1])
def test_what_was_signed_long_ago_or_in_the_future_is_refused(
    client, alice, sent, reporters, name, hours
):
    reporter = reporters[name]
    hook, url = hook_of(alice, reporter)
    news = reporter.news("bounced", sent.deliveries[0])

    answer = reporter.post(news, at=time.time() + hours * 3600).to(client, url)

    assert (answer.status_code, numbers(hook)) == (403, (0, 0, 1))
    assert "a day ago" in answer.text


def test_the_same_report_counts_once(client, alice, sent, reporter):
    hook, url = hook_of(alice, reporter)
    post = reporter.post(reporter.news("bounced", sent.deliveries[0]))

    first = post.to(client, url)
    take()
    again = post.to(client, url)
    take()

    assert (first.text, again.text, again.status_code) == ("Taken.\n", "Known already.\n", 200)
    assert (len(events()), numbers(hook)) == (1, (1, 0, 0))


def test_the_same_news_in_another_report_counts_once(client, alice, sent, reporter):
    _, url = hook_of(alice, reporter)
    news = reporter.news("complained", sent.deliveries[0])

    for _ in range(2):
        reporter.post(news).to(client, url)
        take()

    assert score(sent, "complaint", "") == (1, 1)
    assert len(events("complaint")) == 1


def test_a_stranger_reports_nothing_about_others_mails(client, charlie, sent, reporter):
    hook, url = hook_of(charlie, reporter)

    for kind in ("bounced", "complained"):
        answer = reporter.post(reporter.news(kind, sent.deliveries[0])).to(client, url)
        assert answer.status_code == 200
    take()

    assert (suppressed(), list(events()), numbers(hook)) == ({}, [], (0, 2, 0))


def test_a_report_with_anothers_key_is_refused(client, alice, charlie, sent, reporters):
    mine, theirs = SendGrid(), reporters["sendgrid"]
    _, url = hook_of(alice, mine)
    hook_of(charlie, theirs)

    answer = theirs.post(theirs.news("bounced", sent.deliveries[0])).to(client, url)

    assert answer.status_code == 403


def test_the_operators_relay_reports_about_everybody(client, alice, charlie, sent, reporter):
    other = send(charlie.account, name="June news")
    hook, url = hook_of(None, reporter)

    for delivery in (sent.deliveries[0], other.deliveries[0]):
        reporter.post(reporter.news("bounced", delivery)).to(client, url)
    take()

    assert suppressed() == {"may0@example.com": "bounced", "june0@example.com": "bounced"}
    assert numbers(hook) == (2, 0, 0)


def test_an_address_alone_names_nobody(client, alice, sent, reporters):
    """A provider that hands none of our marks back is heard, and nothing follows."""
    reporter = reporters["sendgrid"]
    hook, url = hook_of(alice, reporter)
    forged = "0" * len(mark(sent.deliveries[0]))
    news = [
        reporter.news("bounced", sent.deliveries[0], leadersend=given, email="may0@example.com")
        for given in ("", forged, "x" * 500, ["list"])
    ]

    reporter.post(news).to(client, url)
    take()

    assert (suppressed(), numbers(hook)) == ({}, (0, 4, 0))


def test_two_marks_that_disagree_name_nobody(client, alice, sent, reporters):
    reporter = reporters["sendgrid"]
    hook, url = hook_of(alice, reporter)
    other = f"<c1.{mark(sent.deliveries[1])}@mail.test>"

    reporter.post(reporter.news("bounced", sent.deliveries[0], **{"smtp-id": other})).to(
        client, url
    )
    take()

    assert (suppressed(), numbers(hook)) == ({}, (0, 1, 0))


def test_addresses_that_are_gone_made_up_or_for_something_else(client, alice, sent, reporter):
    hook, url = hook_of(alice, reporter)
    post = reporter.post(reporter.news("bounced", sent.deliveries[0]))
    other = f"/hooks/{sign(Purpose.OPEN, hook.id)}"
    assert post.to(client, other).status_code == 404
    assert post.to(client, f"/hooks/{sign(Purpose.HOOK, hook.id + 1)}").status_code == 404

    post.to(client, url)
    with transaction():
        report_hooks.remove(alice.account, alice.member, report_hooks.find(alice.account, hook.id))

    assert post.to(client, url).status_code == 404
    assert waiting() == 0
    take()
    assert suppressed() == {}


def test_before_the_key_is_entered_nothing_is_taken(client, alice, sent, reporters):
    reporter = reporters["mailgun"]
    with transaction():
        hook = report_hooks.make(alice.account, alice.member, provider="mailgun")
    post = reporter.post(reporter.news("bounced", sent.deliveries[0]))

    assert post.to(client, report_hooks.url(hook)).status_code == 403
    with transaction():
        found = report_hooks.find(alice.account, hook.id)
        report_hooks.set_key(alice.account, alice.member, found, reporter.key)
    assert post.to(client, report_hooks.url(hook)).status_code == 200, "it comes again, and counts"


def test_no_cookie_is_read_and_no_form_token_needed(client, alice, sent, reporters, monkeypatch):
    reporter = reporters["mailgun"]
    _, url = hook_of(alice, reporter)
    client.sign_in(alice)
    monkeypatch.setitem(client.application.config, "WTF_CSRF_ENABLED", True)
    monkeypatch.setattr(sessions, "find", lambda _secret: pytest.fail("somebody was looked up"))

    answer = reporter.post(reporter.news("delivered", sent.deliveries[0])).to(client, url)

    assert answer.status_code == 200
    assert "Set-Cookie" not in answer.headers


# What else may come


@pytest.mark.parametrize(
    "body",
    [b"", b"\xff\x00", b"null", b"7", b'"x"', b"[]", b"{}", b"[[[[", b"[" * 100_000,
     b'{"a":' * 5000, b'{"signature": 7, "event-data": []}', b'{"Type": ["Notification"]}',
     b"9" * 50_000],
)  # fmt: skip
def test_what_is_no_report_is_refused_in_words(client, alice, reporter, body):
    hook, url = hook_of(alice, reporter)
    headers = reporter.post([]).headers if reporter.name == "postmark" else {}

    answer = Post(body, headers).to(client, url)

    assert answer.status_code in (400, 401, 403)
    assert answer.mimetype == "text/plain"
    assert numbers(hook) == (0, 0, 1)


@pytest.mark.parametrize("name", ["mailgun", "sendgrid", "postmark"])
@pytest.mark.parametrize("news", [None, 7, "x", [1], [[]], {"a": "b"}])
def test_a_proven_report_in_another_form_is_refused_or_says_nothing(
    client, alice, reporters, name, news
):
    reporter = reporters[name]
    hook, url = hook_of(alice, reporter)

    answer = reporter.post(news).to(client, url)
    take()

    assert answer.status_code in (200, 400)
    assert (waiting(), numbers(hook)[0]) == (0, 0)


def test_hostile_values_in_a_proven_report_harm_nothing(client, alice, sent, reporters):
    reporter = reporters["sendgrid"]
    hook, url = hook_of(alice, reporter)
    nasty = ("\x00'\"><script>", "\ud800", 10**400, {"a": []}, True, -1, "x" * 100_000)
    news = [
        reporter.news("bounced", sent.deliveries[0], reason=value, status=value, sg_event_id=value)
        for value in nasty
    ]

    assert reporter.post(news).to(client, url).status_code in (200, 400)
    take()

    assert (waiting(), suppressed()) == (0, {})
    assert numbers(hook)[2] <= 1


def test_a_body_that_is_too_large_is_refused(client, alice, reporter):
    hook, url = hook_of(alice, reporter)

    answer = Post(b" " * 1_000_001).to(client, url)

    assert (answer.status_code, numbers(hook), waiting()) == (413, (0, 0, 1), 0)
    assert (answer.mimetype, "Set-Cookie" in answer.headers) == ("text/plain", False)


def test_thousands_in_one_report_are_worked_in_parts(client, alice, sent, reporters, monkeypatch):
    reporter = reporters["sendgrid"]
    hook, url = hook_of(alice, reporter)
    news = [reporter.news("delivered", sent.deliveries[n % 3]) for n in range(2500)]
    news[1234] = reporter.news("bounced", sent.deliveries[0])
    post = reporter.post(news)
    assert 500_000 < len(post.body) < 1_000_000
    assert post.to(client, url).status_code == 200

    monkeypatch.setattr(hooks, "LONGEST_S", -1.0)
    hooks.take_reports()
    assert numbers(hook) == (0, 0, 0), "its time was over before it began"
    monkeypatch.setattr(hooks, "LONGEST_S", 30.0)
    take()

    assert (waiting(), numbers(hook)) == (0, (2500, 0, 0))
    assert len(events()) == 1


def test_a_death_in_the_middle_counts_nothing_twice(client, alice, sent, reporters, monkeypatch):
    reporter = reporters["sendgrid"]
    hook, url = hook_of(alice, reporter)
    news = [reporter.news("complained", sent.deliveries[n % 3]) for n in range(150)]
    reporter.post(news).to(client, url)
    done = []

    def dies(*arguments):
        done.append(1)
        if len(done) == 2:
            raise KeyboardInterrupt
        return act(*arguments)

    act = hooks._act
    monkeypatch.setattr(hooks, "_act", dies)
    with pytest.raises(KeyboardInterrupt):
        hooks.take_reports()
    assert numbers(hook) == (100, 0, 0)
    take()

    assert numbers(hook) == (150, 0, 0)
    assert score(sent, "complaint", "") == (3, 3)


def test_a_report_that_breaks_us_does_not_hold_up_the_others(
    client, alice, sent, reporters, monkeypatch
):
    reporter = reporters["mailgun"]
    hook, url = hook_of(alice, reporter)
    for person in (0, 1):
        reporter.post(reporter.news("bounced", sent.deliveries[person])).to(client, url)

    def breaks(delivery, findings):
        if delivery.id == sent.deliveries[0].id:
            raise ZeroDivisionError
        return record(delivery, findings)

    record = bounces.record
    monkeypatch.setattr(bounces, "record", breaks)
    for _ in range(hooks.MOST_TRIES):
        take()
        with transaction():
            db.session.execute(sa.update(ProviderReport).values(due_at=now()))

    assert suppressed() == {"may1@example.com": "bounced"}
    assert (waiting(), numbers(hook)) == (0, (1, 0, 1))


def test_two_ticks_at_once_do_no_harm(client, app, alice, sent, reporters):
    reporter = reporters["mailgun"]
    hook, url = hook_of(alice, reporter)
    for n in range(30):
        reporter.post(reporter.news("complained", sent.deliveries[n % 3])).to(client, url)

    def tick():
        with app.app_context():
            hooks.take_reports()

    with ThreadPoolExecutor(4) as pool:
        for one in [pool.submit(tick) for _ in range(4)]:
            one.result()

    assert (waiting(), numbers(hook)) == (0, (30, 0, 0))
    assert score(sent, "complaint", "") == (3, 3)


def test_while_the_database_is_away_the_provider_is_asked_to_come_again(
    client, alice, sent, reporters, monkeypatch
):
    reporter = reporters["mailgun"]
    _, url = hook_of(alice, reporter)
    post = reporter.post(reporter.news("bounced", sent.deliveries[0]))

    def away(*_arguments, **_options):
        raise sa.exc.OperationalError("", {}, OSError("away"))

    with monkeypatch.context() as patch:
        patch.setattr(hooks, "_keep", away)
        answer = post.to(client, url)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")

    assert post.to(client, url).text == "Taken.\n"


def test_wrong_reports_are_limited_and_right_ones_go_on(client, alice, sent, reporters):
    reporter = reporters["mailgun"]
    _, url = hook_of(alice, reporter)
    limiter.enabled = True
    limiter.reset()
    try:
        for _ in range(70):
            right = reporter.post(reporter.news("delivered", sent.deliveries[0]))
            assert right.to(client, url).status_code == 200
        wrong = [Post(b"{}").to(client, url).status_code for _ in range(65)]
    finally:
        limiter.reset()
        limiter.enabled = False

    assert set(wrong[:60]) == {403}
    assert set(wrong[60:]) == {429}


def test_what_came_long_ago_is_forgotten(client, alice, sent, reporters):
    reporter = reporters["mailgun"]
    _, url = hook_of(alice, reporter)
    reporter.post(reporter.news("bounced", sent.deliveries[0])).to(client, url)
    take()
    with transaction():
        db.session.execute(sa.update(Intake).values(at=now() - timedelta(days=3)))
        assert returns.forget_old() == 1, "the post; its news is known for longer"


# Amazon's certificates and its question


@pytest.mark.parametrize("version", ["1", "2"])
def test_both_versions_of_the_signature(client, alice, sent, reporters, amazon, version):
    reporter = reporters["ses"]
    reporter.version = version
    _, url = hook_of(alice, reporter)

    for person in (0, 1):
        post = reporter.post(reporter.news("bounced", sent.deliveries[person]))
        assert post.to(client, url).status_code == 200

    assert len(amazon.asked) == 1, "the certificate is fetched once"


def test_a_subject_is_signed_too(client, alice, sent, reporters, amazon):
    _, url = hook_of(alice, reporters["ses"])
    news = json.dumps(reporters["ses"].news("bounced", sent.deliveries[0]))
    envelope = {
        "Type": "Notification", "MessageId": "m", "TopicArn": sns.TOPIC, "Subject": "Größe\n",
        "Timestamp": now().isoformat(), "Message": news,
    }  # fmt: skip
    made = amazon.sign(envelope)

    assert Post(json.dumps({**made, "Subject": "x"}).encode()).to(client, url).status_code == 403
    assert Post(json.dumps(made).encode()).to(client, url).status_code == 200


def test_another_topic_is_refused(client, alice, sent, reporters):
    reporter = reporters["ses"]
    _, url = hook_of(alice, reporter)
    with transaction():
        hook = report_hooks.of_account(alice.account)[0]
        other = sns.TOPIC.replace("bounces", "others")
        report_hooks.set_key(alice.account, alice.member, hook, other)

    answer = reporter.post(reporter.news("bounced", sent.deliveries[0])).to(client, url)

    assert (answer.status_code, "another topic" in answer.text) == (403, True)


@pytest.mark.parametrize(
    "place",
    ["http://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem",
     "https://sns.eu-west-1.amazonaws.com.evil.example/SimpleNotificationService-01234567.pem",
     "https://sns.eu-west-1.amazonaws.com@evil.example/SimpleNotificationService-01234567.pem",
     "https://sns.eu-west-1.amazonaws.com:8443/SimpleNotificationService-0123456789abcdef.pem",
     "https://evil.example/SimpleNotificationService-0123456789abcdef.pem",
     "https://s3.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem",
     "https://sns.eu-west-1.amazonaws.com/bucket/SimpleNotificationService-0123456789abcdef.pem",
     "https://sns.eu-west-1.amazonaws.com/?x=/SimpleNotificationService-0123456789abcdef.pem",
     "file:///etc/passwd", "https://[::1]/x.pem", "", 7],
)  # fmt: skip
def test_certificates_from_elsewhere_are_not_even_fetched(
    client, alice, sent, reporters, amazon, place
):
    reporter = reporters["ses"]
    _, url = hook_of(alice, reporter)
    post = reporter.post(reporter.news("bounced", sent.deliveries[0]))
    body = json.dumps({**json.loads(post.body), "SigningCertURL": place}).encode()

    answer = Post(body).to(client, url)

    assert (answer.status_code, amazon.asked) == (403, [])


def test_certificates_that_may_not_sign(client, alice, sent, reporters, amazon, monkeypatch):
    reporter = reporters["ses"]
    _, url = hook_of(alice, reporter)
    stranger, day = sns.key(), timedelta(days=1)
    good = sns.certify("sns.amazonaws.com", amazon.key)
    bad = {
        "out of date": sns.pem(sns.certify("sns.amazonaws.com", amazon.key, ends=-day / 2)),
        "out of date ": sns.pem(sns.certify("sns.amazonaws.com", amazon.key, starts=day)),
        "not Amazon's": sns.pem(sns.certify("sns.amazonaws.com.evil.example", amazon.key)),
        "signature is wrong": sns.pem(sns.certify("sns.amazonaws.com", stranger)),
        "cannot be read": sns.pem(good, sns.certify("Other", stranger)),
        "cannot be read ": b"no certificate",
    }
    for words, certificate in bad.items():
        monkeypatch.setattr(amazon, "certificate", certificate)
        asking.certificates.forget()
        answer = reporter.post(reporter.news("bounced", sent.deliveries[0])).to(client, url)
        assert (answer.status_code, words.strip() in answer.text) == (403, True), words

    monkeypatch.setattr(amazon, "certificate", sns.pem(good))
    asking.certificates.forget()
    assert (
        reporter.post(reporter.news("full", sent.deliveries[0])).to(client, url).status_code == 200
    )


def test_while_amazon_is_away_it_is_asked_to_come_again(client, alice, sent, reporters, amazon):
    reporter = reporters["ses"]
    hook, url = hook_of(alice, reporter)
    amazon.answer = lambda handler: handler.send_error(500)
    post = reporter.post(reporter.news("bounced", sent.deliveries[0]))

    assert [post.to(client, url).status_code for _ in range(3)] == [503] * 3
    assert len(amazon.asked) == 1, "a while passes before it is asked again"
    assert numbers(hook) == (0, 0, 0)

    amazon.answer = amazon._usual
    asking.certificates.forget()
    assert post.to(client, url).status_code == 200


def test_a_certificate_that_breaks_off_costs_no_report(client, alice, sent, reporters, amazon):
    reporter = reporters["ses"]
    _, url = hook_of(alice, reporter)
    post = reporter.post(reporter.news("bounced", sent.deliveries[0]))

    def cut(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(amazon.certificate)))
        handler.end_headers()
        handler.wfile.write(amazon.certificate[:200])

    amazon.answer = cut
    # A refusal would be for good: Amazon comes again only where it is asked to.
    assert post.to(client, url).status_code == 503


def test_a_bad_certificate_is_not_kept(client, alice, sent, reporters, amazon, monkeypatch):
    reporter = reporters["ses"]
    _, url = hook_of(alice, reporter)
    with monkeypatch.context() as patch:
        patch.setattr(amazon, "certificate", b"no certificate")
        post = reporter.post(reporter.news("full", sent.deliveries[0]))
        assert post.to(client, url).status_code == 403

    post = reporter.post(reporter.news("bounced", sent.deliveries[0]))
    assert post.to(client, url).status_code == 200


def test_an_invented_certificate_keeps_nobody_from_the_real_one(
    client, alice, sent, reporters, amazon
):
    reporter = reporters["ses"]
    _, url = hook_of(alice, reporter)
    post = reporter.post(reporter.news("bounced", sent.deliveries[0]))
    invented = {**json.loads(post.body), "SigningCertURL": sns.CERTIFICATE.replace("0123", "9999")}
    amazon.answer = lambda handler: handler.send_error(404)
    assert Post(json.dumps(invented).encode()).to(client, url).status_code == 503

    amazon.answer = amazon._usual
    assert post.to(client, url).status_code == 200


def test_amazons_question_is_answered_by_the_tick(client, alice, reporters, amazon):
    reporter = reporters["ses"]
    hook, url = hook_of(alice, reporter)

    assert reporter.question().to(client, url).status_code == 200
    assert len(amazon.asked) == 1, "inside the request only the certificate is fetched"
    take()
    assert waiting() == 1
    assert asking.answer_questions() == 1

    assert amazon.asked[1].startswith("/?Action=ConfirmSubscription&TopicArn=arn%3Aaws%3Asns")
    found = db.session.get(ReportHook, hook.id, populate_existing=True)
    assert (found.confirmed_at is not None, found.problem, waiting()) == (True, "", 0)
    assert asking.answer_questions() == 0


def test_the_answer_is_tried_again_until_it_is_heard(client, alice, reporters, amazon):
    reporter = reporters["ses"]
    hook, url = hook_of(alice, reporter)
    reporter.question().to(client, url)
    amazon.answer = lambda handler: handler.send_error(503)

    assert (asking.answer_questions(), asking.answer_questions(), waiting()) == (0, 0, 1)
    assert len(amazon.asked) == 2, "not at once"
    db.session.rollback()
    found = db.session.get(ReportHook, hook.id, populate_existing=True)
    assert "answered 503" in found.problem

    amazon.answer = amazon._usual
    with transaction():
        db.session.execute(sa.update(ProviderReport).values(due_at=now()))
    assert asking.answer_questions() == 1
    db.session.refresh(found)
    assert (found.problem, found.confirmed_at is not None) == ("", True)


def test_a_question_that_is_too_old_is_given_up(client, alice, reporters, amazon):
    reporter = reporters["ses"]
    hook, url = hook_of(alice, reporter)
    reporter.question().to(client, url)
    amazon.answer = lambda handler: handler.send_error(503)
    with transaction():
        db.session.execute(sa.update(ProviderReport).values(at=now() - timedelta(days=4)))

    asking.answer_questions()

    assert waiting() == 0
    assert "Let Amazon SNS ask again" in db.session.get(ReportHook, hook.id).problem


def test_a_question_about_something_else_is_refused(client, alice, reporters, amazon):
    reporter = reporters["ses"]
    _, url = hook_of(alice, reporter)

    answer = reporter.question(topic=sns.TOPIC + "2").to(client, url)

    assert (answer.status_code, waiting()) == (403, 0)


def test_the_end_of_a_subscription_is_shown(client, alice, reporters, amazon):
    reporter = reporters["ses"]
    hook, url = hook_of(alice, reporter)

    assert reporter.question(kind="UnsubscribeConfirmation").to(client, url).status_code == 200
    take()

    assert "Subscribe this address again" in db.session.get(ReportHook, hook.id).problem
    assert waiting() == 0
