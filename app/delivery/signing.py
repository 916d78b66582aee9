"""The addresses of a mail: what is the same for everybody, and the token that is not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from app.core.tokens import Purpose, packed, seal_for, sign, spelled
from app.mailer import message


class HasNumber(Protocol):
    """A recipient, as far as addresses go."""

    packed: bytes
    tokens: dict[str, bytes]


@dataclass(frozen=True)
class FixedUrl:
    """The same address for everybody: in test mails, and where only sums are counted."""

    url: str
    in_body: bytes

    @classmethod
    def of(cls, head: str, purpose: Purpose, *numbers: int, tail: str = "") -> FixedUrl:
        """Signed once."""
        url = f"{head}{sign(purpose, *numbers)}{tail}"
        return cls(url, message.value(url))

    def __call__(self, reader: HasNumber) -> str:
        """As merge tags have it."""
        return self.url

    def in_header(self, reader: HasNumber) -> bytes:
        """As it stands in a header."""
        return self.url.encode()

    def slot(self, reader: HasNumber) -> bytes:
        """As it stands in a quoted-printable body."""
        return self.in_body


class SignedUrl:
    """An address of one mail. Its token needs no quoting anywhere, so it is put between finished
    bytes."""

    def __init__(self, head: str, purpose: Purpose, *behind: int, tail: str = "") -> None:
        """`behind`: numbers that stand behind the delivery's."""
        self.name = f"{purpose}{behind}"
        self.head, self.tail = head.encode(), tail.encode()
        self._seal, self._behind = seal_for(purpose), packed(*behind)
        # A soft break stands before the token and behind it, so that no line gets too long.
        self._before, self._after = message.value(head), self.tail + message.SOFT_BREAK

    def _token(self, reader: HasNumber) -> bytes:
        made = reader.tokens.get(self.name)
        if made is None:
            made = spelled(self._seal(reader.packed + self._behind))
            reader.tokens[self.name] = made
        return made

    def __call__(self, reader: HasNumber) -> str:
        """As merge tags have it."""
        return self.in_header(reader).decode()

    def in_header(self, reader: HasNumber) -> bytes:
        """As it stands in a header."""
        return self.head + self._token(reader) + self.tail

    def slot(self, reader: HasNumber) -> bytes:
        """As it stands in a quoted-printable body."""
        return self._before + self._token(reader) + self._after
