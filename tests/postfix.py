"""A Postfix of our own on loopback: takes mail after STARTTLS and a password, passes it on.

Its configuration, queue, log, certificate and user lie in a folder of their own; nothing of the
machine's own Postfix is read or changed.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests import certificates
from tests.servers import Server, free_port, wait_until

USER, PASSWORD = "bakery", "fresh rolls at seven"
HOST = "relay.example"
PLACES = "/usr/sbin:/usr/local/sbin"
MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
mail_owner = postfix
setgid_group = postdrop
maillog_file_prefixes = {folder}
maillog_file = {folder}/log
myhostname = {host}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 192.0.2.1/32
mydestination =
local_transport = error:nobody lives here
alias_maps =
notify_classes =
relayhost = [127.0.0.1]:{onward}
transport_maps = inline:{{{returns_domain}=smtp:[127.0.0.1]:{returns_port}}}
disable_dns_lookups = yes
smtp_host_lookup = native
smtpd_peername_lookup = no
in_flow_delay = 0
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_tls_security_level = encrypt
smtpd_tls_chain_files = {folder}/both.pem
smtpd_tls_received_header = yes
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = cyrus
smtpd_sasl_local_domain = {host}
cyrus_sasl_config_path = {folder}/etc/sasl
"""
MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
tlsmgr unix - - n 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
"""
SASL = """
pwcheck_method: auxprop
auxprop_plugin: sasldb
sasldb_path: {folder}/users
mech_list: PLAIN LOGIN
"""
_LINE = re.compile(r"postfix/(\w+)\[\d+\]: ([0-9A-F]{6,}): (.*)")


@dataclass
class Passage:
    """What Postfix's log says of one mail in its queue."""

    message_id: str = ""
    user: str = ""
    sender: str | None = None
    status: dict[str, str] = field(default_factory=dict)
    """Recipient → sent, bounced, deferred."""
    notice: str = ""
    """The number of the notice that went back, if one did."""


class Postfix(Server):
    """Takes mail at `url`, hands it to port `onward`, and returns to port `returns_port`."""

    def __init__(self, onward: int, *, returns_domain: str, returns_port: int) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="ls-postfix-"))
        self.port = free_port()
        self.certificate = self.folder / "both.pem"
        self.values = {
            "folder": self.folder, "host": HOST, "port": self.port, "onward": onward,
            "returns_domain": returns_domain, "returns_port": returns_port,
        }  # fmt: skip

    @staticmethod
    def missing() -> str:
        """What is needed to run it; nothing where it can run."""
        if shutil.which("postfix", path=PLACES) is None:
            return "Postfix is not installed: apt-get install postfix"
        if shutil.which("saslpasswd2", path=PLACES) is None:
            return "saslpasswd2 is not installed: apt-get install sasl2-bin libsasl2-modules"
        return "" if os.getuid() == 0 else "Postfix can only be started by root"

    @property
    def url(self) -> str:
        """For those who have the certificate."""
        secret = PASSWORD.replace(" ", "%20")
        return f"smtp://{USER}:{secret}@127.0.0.1:{self.port}?tls=starttls"

    def start(self) -> None:
        self._write_settings()
        self._add_user()
        # Makes the folders of the queue, with the owners that Postfix wants.
        self._run(["/usr/sbin/postfix", "-c", str(self.folder / "etc"), "check"])
        programs = self._setting("daemon_directory")
        # In the foreground and in a session of its own: it ends all that it started, and itself
        # where the tests are killed.
        self.process = subprocess.Popen(  # noqa: S603
            ["/usr/bin/setpriv", "--pdeathsig", "TERM",
             f"{programs}/master", "-d", "-c", str(self.folder / "etc")],
            start_new_session=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        wait_until(lambda: "daemon started" in self.log(), what=f"Postfix: {self.log()}")

    def stop(self, sig: int = signal.SIGTERM) -> None:
        family = psutil.Process(self.process.pid).children() if self.process else []
        super().stop(sig)
        _, left = psutil.wait_procs(family, timeout=10)
        for one in left:
            one.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def log(self) -> str:
        """All it has written."""
        path = self.folder / "log"
        return path.read_text() if path.exists() else ""

    def passages(self) -> dict[str, Passage]:
        """Queue id → what became of it."""
        found: dict[str, Passage] = {}
        for line in self.log().splitlines():
            if match := _LINE.search(line):
                _read(found.setdefault(match[2], Passage()), match[1], match[3])
        return found

    def _write_settings(self) -> None:
        for name in ("etc/sasl", "queue", "data"):
            (self.folder / name).mkdir(parents=True)
        self.folder.chmod(0o755)
        shutil.chown(self.folder / "data", "postfix")
        etc = self.folder / "etc"
        for path, text in (
            (etc / "main.cf", MAIN), (etc / "master.cf", MASTER), (etc / "sasl/smtpd.conf", SASL),
        ):  # fmt: skip
            path.write_text(text.format(**self.values))
        certificates.make(self.certificate)

    def _add_user(self) -> None:
        users = self.folder / "users"
        self._run(
            ["/usr/sbin/saslpasswd2", "-p", "-c", "-f", str(users), "-u", HOST, USER],
            told=PASSWORD,
        )
        shutil.chown(users, "postfix")

    def _setting(self, name: str) -> str:
        command = ["/usr/sbin/postconf", "-c", str(self.folder / "etc"), "-h", name]
        return self._run(command).strip()

    def _run(self, command: list[str], told: str = "") -> str:
        done = subprocess.run(  # noqa: S603
            command, input=told, check=False, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


def _read(passage: Passage, program: str, words: str) -> None:
    if program == "cleanup" and words.startswith("message-id="):
        passage.message_id = words[11:].strip("<>")
    elif program == "smtpd" and "sasl_username=" in words:
        passage.user = words.partition("sasl_username=")[2].split(",")[0]
    elif program == "qmgr" and words.startswith("from="):
        passage.sender = words[6:].partition(">")[0]
    elif program == "bounce" and "non-delivery notification" in words:
        passage.notice = words.rpartition(" ")[2]
    elif program == "smtp" and words.startswith("to="):
        to = words[4:].partition(">")[0]
        passage.status[to] = words.partition("status=")[2].split(" ")[0]
