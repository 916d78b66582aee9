"""Passwords that everybody tries first. Only those that are long enough to need refusing."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

LEAKED = Path(__file__).parent / "data" / "common_passwords.txt"

#: Words that stand in the commonest passwords; with digits around them they protect nothing.
WORDS = tuple(
    """password passwort passw0rd qwerty qwertyuiop qwertz azerty letmein welcome admin
    administrator iloveyou monkey dragon football baseball basketball superman batman princess
    sunshine shadow master michael jordan charlie thomas jennifer jessica ashley daniel hunter
    trustno starwars computer whatever freedom killer pepper ginger summer winter spring autumn
    flower chocolate cookie secret changeme default test testing guest login master hello google
    facebook linkedin samsung internet liverpool chelsea arsenal barcelona newsletter leadersend
    asdfgh asdfghjkl zxcvbn zxcvbnm qazwsx qazwsxedc unknown nothing lovely butterfly purple
    orange yellow silver diamond mustang ferrari mercedes porsche corvette harley yankees cowboys
    eagles steelers tigger soccer hockey andrew joshua matthew anthony robert william george
    maggie buster biteme cheese corona covid""".split()  # noqa: SIM905
)
RUNS = (
    "0123456789012345678901234567890",
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
    "azertyuiopqsdfghjklmwxcvbn",
    "1q2w3e4r5t6y7u8i9o0p",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik",
    "qazwsxedcrfvtgbyhnujmikolp",
    "zaq12wsxcde34rfvbgt5",
    "correcthorsebatterystaple",
)
_LEET = str.maketrans("013457@$!", "oieastasi")
_DECORATION = re.compile(r"[\W\d_]+")


def is_common(password: str) -> bool:
    """Whether it is among the first that somebody would try."""
    folded = password.casefold()
    return (
        folded.strip() in _leaked()
        or _repeats(folded)
        or _is_run(folded)
        or _is_decorated_word(folded)
    )


@cache
def _leaked() -> frozenset[str]:
    """The commonest of several leaks, small letters."""
    return frozenset(LEAKED.read_text("utf-8").splitlines())


def _repeats(text: str) -> bool:
    """One short piece over and over: aaaaaaaaaa, 1212121212, abcabcabcabc."""
    return any((text[:n] * len(text)).startswith(text) for n in range(1, len(text) // 2 + 1))


def _is_run(text: str) -> bool:
    """Neighbours on the keyboard, in the alphabet or in counting, in either direction."""
    plain = re.sub(r"[\W_]", "", text)
    cores = (plain, plain[:-2], plain[2:], plain[1:-1])  # 123456789a, x123456789
    return any(core in run or core in run[::-1] for run in RUNS for core in cores)


def _is_decorated_word(text: str) -> bool:
    """A common word or two with digits and signs around them: Password2024!, p@ssw0rd123."""
    core = text.strip("0123456789!?.*#$%&+-_ ").translate(_LEET)
    return _made_of_words(_DECORATION.sub("", text)) or _made_of_words(_DECORATION.sub("", core))


def _made_of_words(letters: str) -> bool:
    if not letters:
        return True
    return any(
        letters == word or (letters.startswith(word) and _made_of_words(letters[len(word) :]))
        for word in WORDS
    )
