"""A name server on loopback with zones that tests write."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterable
from typing import Self

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

#: As a zone's answer: the server says that it failed, or says nothing.
FAIL, SILENT = "fail", "silent"


class DnsServer:
    """Answers from `zone`: {(name, type): [value as in a zone file]}; anything else is missing."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self.zone: dict[tuple[str, str], list[str]] = {}
        self.broken = ""
        """FAIL or SILENT: for every question."""
        self.asked: list[tuple[str, str]] = []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((host, port))
        self.address: tuple[str, int] = self.socket.getsockname()
        self.thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.broken = "over"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as knock:
            knock.sendto(b"", self.address)
        self.thread.join(5)
        self.socket.close()

    def txt(self, name: str, *values: str) -> None:
        """TXT records, long ones in pieces as DNS wants them."""
        self.zone[name, "TXT"] = [
            " ".join(_quoted(value[i : i + 255]) for i in range(0, len(value), 255))
            for value in values
        ]

    def put(self, name: str, kind: str, *values: str) -> None:
        """Records of another type."""
        self.zone[name, kind] = list(values)

    def fail(self, names: Iterable[str], how: str = FAIL) -> None:
        """No answer for TXT of these names."""
        for name in names:
            self.zone[name, "TXT"] = [how]

    def _serve(self) -> None:
        while True:
            data, peer = self.socket.recvfrom(4096)
            if self.broken == "over":
                return
            answer = self._answer(dns.message.from_wire(data))
            if answer is not None:
                self.socket.sendto(answer.to_wire(max_size=65535), peer)

    def _answer(self, query: dns.message.Message) -> dns.message.Message | None:
        asked = query.question[0]
        name = asked.name.to_text(omit_final_dot=True).lower()
        kind = dns.rdatatype.to_text(asked.rdtype)
        self.asked.append((name, kind))
        values = self.zone.get((name, kind), [])
        how = self.broken or (values[0] if values in ([FAIL], [SILENT]) else "")
        if how == SILENT:
            return None
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        if how == FAIL:
            answer.set_rcode(dns.rcode.SERVFAIL)
        elif values:
            answer.answer.append(dns.rrset.from_text(asked.name, 60, "IN", kind, *values))
        elif not any(known == name or known.endswith("." + name) for known, _ in self.zone):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        return answer


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
