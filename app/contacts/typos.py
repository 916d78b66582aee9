"""Domains that people mistype, and what they most likely meant.

Collected by hand from the near misses of the large mailbox providers: letters swapped, doubled or
left out, the neighbouring key, a cut ending. Names that belong to a provider of their own
(ymail.com, mail.com, gmx.at) are right as typed and stand nowhere here.
"""

from __future__ import annotations

_MISTYPED = {
    "gmail.com": (
        "gmial.com gmai.com gmal.com gamil.com gnail.com gmaill.com "
        "gmail.co gmail.con gmail.cm gmail.comm gmail.vom gmali.com gmsil.com"
    ),
    "hotmail.com": (
        "hotmial.com hotmal.com hotmai.com hotamil.com "
        "hotmail.con hotmail.co htomail.com hotmaill.com"
    ),
    "yahoo.com": "yaho.com yahooo.com yhaoo.com yahoo.con yahoo.cm tahoo.com",
    "outlook.com": "outlok.com outloo.com outllok.com outlook.con otlook.com",
    "icloud.com": "iclod.com icoud.com icloud.con iclould.com",
    "aol.com": "aol.con ao.com",
    "gmx.de": "gmx.d gnx.de",
    "web.de": "wbe.de web.d",
    "live.com": "live.con lvie.com",
    "protonmail.com": "protonmial.com protonmail.con",
    "comcast.net": "comcast.ent comast.net",
    "orange.fr": "ornage.fr",
    "yahoo.co.uk": "yaho.co.uk yahoo.co.ku",
    "hotmail.co.uk": "hotmail.co.ku hotmial.co.uk",
}
MEANT = {typed: meant for meant, all_typed in _MISTYPED.items() for typed in all_typed.split()}


def meant(address: str) -> str:
    """The address that was most likely meant; empty where nothing looks wrong."""
    local, _, domain = address.rpartition("@")
    right = MEANT.get(domain.lower())
    return f"{local}@{right}" if right else ""
