"""Fetching what somebody else named: from public https servers alone, in bounds."""

from __future__ import annotations

import socket
import time

import pytest

from app.core import outside
from app.core.outside import CannotFetch
from tests.amazon import CERTIFICATE, HOST, Amazon


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    running = Amazon(tmp_path_factory.mktemp("amazon"))
    yield running
    running.close()


@pytest.fixture
def amazon(server, monkeypatch):
    monkeypatch.setattr(outside, "connect", server.connect)
    monkeypatch.setenv("SSL_CERT_FILE", str(server.trusted))
    yield server
    server.answer = server._usual


def test_a_file_is_got_by_https(amazon):
    assert outside.get(CERTIFICATE) == amazon.certificate


def test_a_certificate_that_nobody_vouches_for_is_refused(amazon, monkeypatch, tmp_path):
    other = Amazon(tmp_path)
    other.close()
    monkeypatch.setenv("SSL_CERT_FILE", str(other.trusted))

    with pytest.raises(CannotFetch, match="certificate"):
        outside.get(CERTIFICATE)


def test_a_certificate_for_another_name_is_refused(amazon):
    with pytest.raises(CannotFetch, match="certificate"):
        outside.get("https://other.example/x.pem")


@pytest.mark.parametrize(
    "url",
    [f"http://{HOST}/x", f"ftp://{HOST}/x", "file:///etc/passwd", f"https://{HOST}:6379/x",
     f"https://me@{HOST}/x", f"https://{HOST}/a b", f"https://{HOST}/\r\nX: 1", "https://", "x",
     f"https://{HOST}:x/", "https://[::1/", "gopher://x/", "https://grün.example/"],
)  # fmt: skip
def test_only_plain_https_addresses_are_asked(amazon, url):
    amazon.asked.clear()

    with pytest.raises(CannotFetch):
        outside.get(url)

    assert amazon.asked == []


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "10.1.2.3", "169.254.169.254", "0.0.0.0", "2130706433", "localhost",  # noqa: S104
     "::1", "fe80::1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "224.0.0.1"],
)  # fmt: skip
def test_nothing_inside_is_reached(host, monkeypatch):
    def reached(*_arguments):
        pytest.fail("connected")

    monkeypatch.setattr(socket, "create_connection", reached)

    with pytest.raises(CannotFetch):
        outside.connect(host, 1.0)


def test_the_judged_address_is_the_one_connected_to(monkeypatch):
    answers = [["203.0.113.9"], ["8.8.8.8"], ["127.0.0.1"]]

    def resolve(host, port, **_options):
        return [(2, 1, 6, "", (address, port)) for address in answers.pop(0)]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(socket, "create_connection", lambda address, timeout: address)

    with pytest.raises(CannotFetch, match="not a public server"):
        outside.connect("rebinding.example", 1.0)
    assert outside.connect("rebinding.example", 1.0) == ("8.8.8.8", 443)
    assert answers == [["127.0.0.1"]], "resolved once"


def test_one_private_address_of_several_is_enough_to_refuse(monkeypatch):
    found = [(2, 1, 6, "", (address, 443)) for address in ("8.8.8.8", "127.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)

    with pytest.raises(CannotFetch):
        outside.connect("half.example", 1.0)


def test_a_redirect_is_not_followed(amazon):
    def elsewhere(handler):
        handler.send_response(302)
        handler.send_header("Location", "http://127.0.0.1/")
        handler.end_headers()

    amazon.answer = elsewhere

    with pytest.raises(CannotFetch, match="answered 302"):
        outside.get(CERTIFICATE)


def test_too_much_is_refused(amazon):
    def much(handler):
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(b"x" * 5000)

    amazon.answer = much

    with pytest.raises(CannotFetch, match="too much"):
        outside.get(CERTIFICATE, largest=4999)


@pytest.mark.parametrize("before", [b"", b"HTTP/1.1 200 OK\r\n\r\n"])
def test_a_trickle_ends_in_time(amazon, before):
    def trickle(handler):
        handler.wfile.write(before)
        for _ in range(100):
            handler.wfile.write(b"H")
            time.sleep(0.05)

    amazon.answer = trickle
    start = time.monotonic()

    with pytest.raises(CannotFetch):
        outside.get(CERTIFICATE, timeout_s=0.5)

    assert time.monotonic() - start < 2
