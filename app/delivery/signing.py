"""The addresses of a mail: what is the same for everybody, and the token that is not.

Each is given in pieces, finished bytes and the token between them, so that only the token is made
for a mail, and made once, though it may stand in a header, in HTML and in text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from app.core.tokens import Purpose, packed, seal_for, sign, spelled
from app.mailer import message


class HasNumber(Protocol):
    """A recipient, as far as addresses go."""

    packed: bytes


Pieces = Sequence[bytes | Callable[[HasNumber], bytes]]


class PlainUrl:
    """An address without a token: a page for everybody, that tells nothing of who followed it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.in_header: Pieces = [url.encode()]
        self.in_body: Pieces = [message.value(url)]

    def below(self, tail: str) -> PlainUrl:
        """The address of a page behind this one."""
        return PlainUrl(self.url + tail)

    def __call__(self, reader: HasNumber) -> str:
        """As merge tags have it."""
        return self.url


class FixedUrl(PlainUrl):
    """The same address for everybody: in test mails, and where only sums are counted."""

    def __init__(self, head: str, purpose: Purpose, *numbers: int, tail: str = "") -> None:
        super().__init__(f"{head}{sign(purpose, *numbers)}{tail}")


class SignedUrl:
    """An address of one mail. Its token needs no quoting, wherever it stands."""

    def __init__(self, head: str, purpose: Purpose, *behind: int, tail: str = "") -> None:
        """`behind`: numbers that stand behind the delivery's."""
        seal, rest = seal_for(purpose), packed(*behind)

        def token(reader: HasNumber) -> bytes:
            return spelled(seal(reader.packed + rest))

        self._set(head, token, tail)

    def _set(self, head: str, token: Callable[[HasNumber], bytes], tail: str) -> None:
        self.head, self.tail, self._token = head, tail, token
        self.in_header: Pieces = [head.encode(), token, tail.encode()]
        # Quoted, with a soft break before the token and behind it, so that no line gets too long.
        self.in_body: Pieces = [message.value(head), token, tail.encode() + message.SOFT_BREAK]

    def below(self, tail: str) -> SignedUrl:
        """The address of a page behind this one: its token is made once for both."""
        made = SignedUrl.__new__(SignedUrl)
        made._set(self.head, self._token, self.tail + tail)
        return made

    def __call__(self, reader: HasNumber) -> str:
        """As merge tags have it."""
        return f"{self.head}{self._token(reader).decode()}{self.tail}"
