"""A Postfix of our own on loopback, which passes everything on to another server."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Self

from tests.servers import free_port, wait_until

MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
mail_owner = postfix
setgid_group = postdrop
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
mydestination =
relayhost = [127.0.0.1]:{onward}
myhostname = relay.example
maillog_file_prefixes = {folder}
maillog_file = {folder}/log
smtpd_relay_restrictions = permit_mynetworks, reject
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


class PostfixRelay:
    """Takes mail at `url` and hands it to port `onward` of loopback."""

    def __init__(self, onward: int) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="ls-postfix-"))
        self.port = free_port()
        self.onward = onward
        self.url = f"smtp://127.0.0.1:{self.port}?tls=none"

    @staticmethod
    def missing() -> str:
        """What is needed to run it; nothing where it can run."""
        if shutil.which("postfix", path="/usr/sbin:/usr/local/sbin") is None:
            return "Postfix is not installed: apt-get install postfix"
        return "" if os.getuid() == 0 else "Postfix can only be started by root"

    def __enter__(self) -> Self:
        values = {"folder": self.folder, "port": self.port, "onward": self.onward}
        for name in ("etc", "queue", "data"):
            (self.folder / name).mkdir()
        self.folder.chmod(0o755)
        shutil.chown(self.folder / "data", "postfix")
        (self.folder / "etc" / "main.cf").write_text(MAIN.format(**values))
        (self.folder / "etc" / "master.cf").write_text(MASTER.format(**values))
        self._tell("check")
        self._tell("start")
        log = self.folder / "log"
        wait_until(lambda: log.exists() and "daemon started" in log.read_text(), what="Postfix")
        return self

    def __exit__(self, *_: object) -> None:
        self._tell("stop")

    def _tell(self, word: str) -> None:
        subprocess.run(  # noqa: S603
            ["/usr/sbin/postfix", "-c", str(self.folder / "etc"), word],
            check=True, capture_output=True, timeout=60,
        )  # fmt: skip
