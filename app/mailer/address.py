"""Mail addresses: one strict reading of them, for forms, files, API and envelope alike."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

from email_validator import EmailNotValidError, validate_email

LONGEST = 254
LONGEST_LOCAL = 64
#: Names that mean no place in the public internet; `.test` and `.example` are let through.
NOWHERE = ("localhost", "local", "invalid", "onion", "arpa")

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_PLAIN_LOCAL = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
_PLAIN_DOMAIN = re.compile(rf"(?:{_LABEL}\.)+{_LABEL}")
#: Encoded international names and unusual endings go the thorough way.
_UNUSUAL = re.compile(rf"(?:^|\.)..--|(?:^|\.)(?:{'|'.join(NOWHERE)}|test)$|[^a-z]$", re.IGNORECASE)


class BadAddress(ValueError):
    """No usable address; the message says why, for a person."""


class Address(NamedTuple):
    """One address."""

    email: str
    """As given, for display."""
    address: str
    """What makes two the same: lower case, NFC, the domain in its ASCII form."""
    local: str
    """Before the @, as the envelope needs it."""
    domain: str
    """Behind the @, as the envelope needs it: ASCII, lower case."""

    @property
    def envelope(self) -> str:
        """What stands between < and > in SMTP."""
        return f"{self.local}@{self.domain}"

    @property
    def is_international(self) -> bool:
        """Whether only servers with SMTPUTF8 (RFC 6531) can take it."""
        return not self.local.isascii()


def parse(text: str) -> Address:
    """Read one address; plain spaces around it are ignored. Raises BadAddress."""
    text = text.strip(" ")
    _refuse_obvious(text)
    try:
        found = validate_email(text, strict=True, check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        raise BadAddress(_reason(text, str(error))) from None
    domain = (found.ascii_domain or "").lower()
    if "." not in domain:
        raise BadAddress("The part behind the @ is not complete: a dot is missing.")
    local = found.local_part
    address = unicodedata.normalize("NFC", local.lower()) + "@" + domain
    if len(f"{local}@{domain}".encode()) > LONGEST:
        raise BadAddress(f"It is longer than {LONGEST} characters.")
    return Address(text, address, local, domain)


def quick(text: str) -> Address:
    """The same as `parse`, many times faster for ordinary addresses: for imports."""
    local, _, domain = text.partition("@")
    plain = _plain_domain(domain)
    if not plain or len(local) > LONGEST_LOCAL or len(text) > LONGEST:
        return parse(text)
    if _PLAIN_LOCAL.fullmatch(local) is None:
        return parse(text)
    return Address(text, f"{local.lower()}@{plain}", local, plain)


# Most people are at a few providers.
@lru_cache(maxsize=16_384)
def _plain_domain(domain: str) -> str:
    """In lower case; nothing where it needs the thorough way."""
    if _PLAIN_DOMAIN.fullmatch(domain) is None or _UNUSUAL.search(domain):
        return ""
    return domain.lower()


def normalise(text: str) -> str:
    """What makes two addresses the same. Raises BadAddress."""
    return quick(text).address


def envelope(email: str) -> str:
    """The form for MAIL and RCPT of an address that was accepted before."""
    return quick(email).envelope


def _refuse_obvious(text: str) -> None:
    """Reasons in our own words, before the library's."""
    if not text:
        raise BadAddress("There is no address.")
    if len(text) > 320:
        raise BadAddress(f"It is longer than {LONGEST} characters.")
    if any(unicodedata.category(char) in ("Cc", "Cf", "Zl", "Zp", "Cs", "Co") for char in text):
        raise BadAddress("It contains an invisible or control character.")
    if any(char.isspace() for char in text):
        raise BadAddress("It contains a space.")
    if "@" not in text:
        raise BadAddress("The @ is missing.")
    if text.count("@") > 1 or any(char in text for char in ',;<>()[]"\\'):
        raise BadAddress("Give exactly one plain address, such as name@example.com.")
    local = text.partition("@")[0]
    if len(local.encode()) > LONGEST_LOCAL:
        raise BadAddress(f"The part before the @ is longer than {LONGEST_LOCAL} characters.")


def _reason(text: str, words: str) -> str:
    local, _, domain = text.partition("@")
    if not local:
        return "There is nothing before the @."
    if not domain:
        return "There is nothing behind the @."
    if ".." in text or local.startswith(".") or local.endswith(".") or domain.startswith("."):
        return "A dot stands where none may be."
    if domain.endswith("."):
        return "It ends with a dot."
    if "special-use" in words:
        return f"{domain} is not a place in the public internet."
    if "period" in words or "top-level" in words:
        return "The part behind the @ is not a complete domain name."
    if "before the @" in words:
        return "The part before the @ has characters that no address may have."
    if "after the @" in words:
        return "The part behind the @ is not a domain name."
    return "It is not a mail address."
