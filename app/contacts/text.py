"""What people type about people: cleaned, folded for searching, free of card numbers."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from app.core.errors import Invalid


def words(text: str) -> frozenset[str]:
    """A set written as a line of words."""
    return frozenset(text.split())


NAME_LENGTH = 200
NOTE_LENGTH = 20_000
TAG_LENGTH = 100
KEY_LENGTH = 64

#: Marks that turn or hide text: they make a name look like another one.
_TRICKS = dict.fromkeys(
    [
        *(0xAD, 0x200B, 0x200E, 0x200F, 0x2028, 0x2029, 0xFEFF, 0xFFFE, 0xFFFF),
        *range(0x202A, 0x202F),
        *range(0x2066, 0x206A),
        *range(0xD800, 0xE000),
    ]
)
_CONTROLS = dict.fromkeys([*range(0x20), *range(0x7F, 0xA0)], " ")
_NOTE_CONTROLS = {code: text for code, text in _CONTROLS.items() if code not in (9, 10)}

#: Digits in groups, set apart by a space or a hyphen of any width.
_GROUPS = re.compile(r"\d(?:[ \-\u00a0\u2007\u2009\u202f\u2010-\u2014]?\d){12,60}")
#: Local parts that belong to a desk, not to a person.
ROLES = words(
    """
    abuse accounting accounts admin administration administrator all anfrage anfragen auftrag
    bestellung billing booking bookings buchhaltung buero bureau comercial commande compras contact
    contacto contactus contatti contato customerservice einkauf empfang enquiries enquiry events
    facturas feedback finance hello help helpdesk hola hostmaster hr info information inkoop invoice
    invoices it jobs kontakt kundenservice kundendienst mail mailbox marketing media news newsletter
    no-reply noc noreply office orders personal post poststelle postmaster presse press privacy
    purchasing recepcion reception receptie rechnung recruiting reservation reservations root rsvp
    sales secretariat secretary sekretariat security service shop support team tech vendas ventas
    verkauf verkoop vertrieb webmaster welcome zentrale
    """
)


class CardNumber(Invalid):
    """Card numbers are refused wherever they turn up."""

    def __init__(self, where: str) -> None:
        text = f"{where} holds what looks like a card number. LeaderSend does not keep those."
        super().__init__(text)


# Names, towns and companies repeat: files of a million rows are read in half the time.
@lru_cache(maxsize=16_384)
def clean_line(text: str, limit: int = NAME_LENGTH) -> str:
    """One line as it can be shown safely: composed, without control, turning or hidden marks."""
    if text.isascii():
        if not text.isprintable():
            text = text.translate(_CONTROLS)
    else:
        text = unicodedata.normalize("NFC", text).translate(_TRICKS).translate(_CONTROLS)
    return text.strip()[:limit]


def clean_note(text: str) -> str:
    """Several lines; as `clean_line`, keeping tabs and line ends."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = unicodedata.normalize("NFC", text).translate(_TRICKS).translate(_NOTE_CONTROLS)
    return text.strip()[:NOTE_LENGTH]


@lru_cache(maxsize=16_384)
def search_key(text: str) -> str:
    """How a name is found: without case and accents, cut. Müller, MULLER and muller are one."""
    if text.isascii():
        return text.lower()[:KEY_LENGTH]
    folded = unicodedata.normalize("NFKD", text).casefold()
    return "".join(char for char in folded if not unicodedata.combining(char))[:KEY_LENGTH]


def refuse_card_number(text: str, where: str) -> None:
    """Raises CardNumber."""
    if len(text) >= 13 and has_card_number(text):
        raise CardNumber(where)


def has_card_number(text: str) -> bool:
    """Whether 13 to 19 digits stand there that a card could have (ISO/IEC 7812, Luhn)."""
    return any(_finds(text, found) is not None for found in _GROUPS.finditer(text))


def mask_card_numbers(text: str) -> str:
    """The text with the digits of card numbers hidden."""
    hits = (_finds(text, found) for found in _GROUPS.finditer(text))
    for start, end in (hit for hit in hits if hit):
        text = text[:start] + re.sub(r"\d", "•", text[start:end]) + text[end:]
    return text


def _finds(text: str, run: re.Match[str]) -> tuple[int, int] | None:
    """Where a card number stands in a run of digit groups; it begins and ends with a group."""
    if text[: run.start()].endswith("+"):
        return None  # a telephone number, written internationally
    groups = [found.span() for found in re.finditer(r"\d+", run.group())]
    for first, (start, _) in enumerate(groups):
        for _, end in groups[first:]:
            digits = _latin(re.sub(r"\D", "", run.group()[start:end]))
            if len(digits) > 19:
                break
            if len(digits) >= 13 and digits[0] in "23456" and _luhn(digits):
                return run.start() + start, run.start() + end
    return None


def _latin(digits: str) -> str:
    """Digits of other scripts, such as full-width ones, as ours."""
    return digits if digits.isascii() else "".join(str(int(digit)) for digit in digits)


def _luhn(digits: str) -> bool:
    total = 0
    for place, char in enumerate(reversed(digits)):
        value = int(char) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0
