"""A small IMAP and POP3 server with one mailbox, for tests: real sockets, real answers."""

from __future__ import annotations

import re
import socketserver
import threading
from typing import Self


class MailboxServer:
    """`mails` is what lies there; `seen` are the numbers of those marked as read."""

    def __init__(self, kind: str, mails: list[bytes], password: str = "right") -> None:  # noqa: S107
        self.mails: dict[int, bytes] = dict(enumerate(mails, 1))
        self.seen: set[int] = set()
        self.password = password
        handler = type("Handler", (_Imap if kind == "imap" else _Pop3,), {"box": self})
        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler)
        self.server.daemon_threads = True
        self.port: int = self.server.server_address[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()


class _Talk(socketserver.StreamRequestHandler):
    box: MailboxServer

    def say(self, line: str) -> None:
        self.wfile.write(line.encode() + b"\r\n")


class _Pop3(_Talk):
    def handle(self) -> None:
        gone: set[int] = set()
        self.say("+OK ready")
        for raw in self.rfile:
            verb, _, rest = raw.decode().strip().partition(" ")
            if verb == "PASS" and rest != self.box.password:
                self.say("-ERR [AUTH] wrong password")
            elif verb == "LIST":
                self.say("+OK")
                for number, mail in self.box.mails.items():
                    self.say(f"{number} {len(mail)}")
                self.say(".")
            elif verb in ("RETR", "TOP"):
                self.say("+OK")
                for line in self.box.mails[int(rest.split()[0])].split(b"\r\n"):
                    self.wfile.write((b"." if line.startswith(b".") else b"") + line + b"\r\n")
                self.say(".")
            elif verb == "QUIT":
                for number in gone:
                    del self.box.mails[number]
                self.say("+OK")
                return
            else:
                if verb == "DELE":
                    gone.add(int(rest))
                self.say("+OK")


class _Imap(_Talk):
    def handle(self) -> None:  # noqa: C901 - one line a command
        gone: set[int] = set()
        self.say("* OK IMAP4rev1 ready")
        for raw in self.rfile:
            tag, _, line = raw.decode().strip().partition(" ")
            verb = line.partition(" ")[0].upper()
            if verb == "CAPABILITY":
                self.say("* CAPABILITY IMAP4rev1")
            elif verb == "LOGIN" and self.box.password not in line:
                self.say(f"{tag} NO wrong password")
                continue
            elif verb in ("SELECT", "EXAMINE"):
                if '"INBOX"' not in line:
                    self.say(f"{tag} NO no such folder")
                    continue
                self.say(f"* {len(self.box.mails)} EXISTS")
            elif line.upper().startswith("UID SEARCH"):
                new = [str(n) for n in self.box.mails if n not in self.box.seen | gone]
                self.say("* SEARCH " + " ".join(new))
            elif found := re.match(r"UID FETCH (\d+)", line, re.IGNORECASE):
                mail = self.box.mails[int(found[1])]
                self.say(f"* {found[1]} FETCH (UID {found[1]} BODY[]<0> {{{len(mail)}}}")
                self.wfile.write(mail + b")\r\n")
            elif found := re.match(r"UID STORE (\d+) .*\\(\w+)", line, re.IGNORECASE):
                (gone if found[2] == "Deleted" else self.box.seen).add(int(found[1]))
            elif verb == "EXPUNGE":
                for number in gone:
                    self.box.mails.pop(number, None)
            self.say(f"{tag} OK done")
            if verb == "LOGOUT":
                return
