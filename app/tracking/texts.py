"""The words on recipients' pages, in the recipient's language.

One dictionary a language with the same keys; `{sender}` and `{list}` are filled in. A test
compares the keys. To add a language, add a dictionary.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from app.tracking import preference_texts, why_texts

ENGLISH = {
    "leave_title": "Leave {sender}?",
    "leave_text": "Press the button and you get no more mail from {sender}.",
    "leave_button": "Unsubscribe",
    "leave_list": "Leave only “{list}”",
    "choose": "Choose what you get",
    "out_title": "You are out",
    "out_text": "{sender} does not send you mail any more. This counts from now on.",
    "already_out": "You left before: {sender} does not send you mail.",
    "undo_button": "Undo",
    "undo_list": "Leave only “{list}”, keep the rest",
    "back_title": "You are back",
    "back_text": "{sender} may send you mail again.",
    "back_question": "Get mail from {sender} again?",
    "back_button": "Get mail again",
    "left_list_title": "Done",
    "left_list_text": "You are not on “{list}” any more. Other mail from {sender} still comes.",
    "leave_all": "Leave everything",
    "test": "This was a test mail, so nothing was changed.",
    "test_view": "This is a test mail.",
    "gone": "Your data was erased here. {sender} does not send you mail.",
    "broken_title": "This link is not complete",
    "broken_text": "Copy the whole link from the mail, from the beginning to the end.",
    "stopped_title": "This link was stopped",
    "stopped_text": "It led to {host}. {operator} lets nobody through any more:",
    "stopped_safe": (
        "Nothing was opened. Do not enter passwords or bank data where the mail asks for them."
    ),
    "report": "Report this mail as abuse",
    "busy_title": "That could not be noted",
    "busy_text": (
        "Our database is busy or away, so nothing has changed yet. Try again in a minute. "
        "If you would rather not, send an empty mail to this address: it takes you out."
    ),
    "busy_short": (
        "Our database is busy or away, so nothing has changed yet. Try again in a minute."
    ),
    "try_again": "Try again",
    "erased_mail": "This mail was written for somebody whose data was erased.",
    "privacy": "Privacy at {sender}",
    "one_click": "You are out. {sender} does not send you mail any more.",
}

GERMAN = {
    "leave_title": "{sender} abbestellen?",
    "leave_text": "Ein Druck auf den Knopf, und {sender} schickt Ihnen keine Mails mehr.",
    "leave_button": "Abmelden",
    "leave_list": "Nur „{list}“ verlassen",
    "choose": "Auswählen, was Sie bekommen",
    "out_title": "Sie sind abgemeldet",
    "out_text": "{sender} schickt Ihnen keine Mails mehr. Das gilt ab sofort.",
    "already_out": "Sie haben sich schon abgemeldet: {sender} schickt Ihnen keine Mails.",
    "undo_button": "Rückgängig",
    "undo_list": "Nur „{list}“ verlassen, den Rest behalten",
    "back_title": "Sie sind wieder dabei",
    "back_text": "{sender} darf Ihnen wieder Mails schicken.",
    "back_question": "Wieder Mails von {sender} bekommen?",
    "back_button": "Wieder Mails bekommen",
    "left_list_title": "Erledigt",
    "left_list_text": (
        "Sie stehen nicht mehr auf „{list}“. Andere Mails von {sender} kommen weiterhin."
    ),
    "leave_all": "Alles abbestellen",
    "test": "Das war eine Test-Mail, daher wurde nichts geändert.",
    "test_view": "Das ist eine Test-Mail.",
    "gone": "Ihre Daten wurden hier gelöscht. {sender} schickt Ihnen keine Mails.",
    "broken_title": "Dieser Link ist nicht vollständig",
    "broken_text": "Kopieren Sie den ganzen Link aus der Mail, vom Anfang bis zum Ende.",
    "stopped_title": "Dieser Link wurde gesperrt",
    "stopped_text": "Er führte zu {host}. {operator} lässt niemanden mehr durch:",
    "stopped_safe": (
        "Es wurde nichts geöffnet. Geben Sie keine Passwörter oder Bankdaten ein, wo die Mail "
        "danach fragt."
    ),
    "report": "Diese Mail als Missbrauch melden",
    "busy_title": "Das konnte nicht vermerkt werden",
    "busy_text": (
        "Unsere Datenbank ist beschäftigt oder nicht erreichbar, daher ist noch nichts geändert. "
        "Versuchen Sie es in einer Minute noch einmal. Oder schicken Sie eine leere Mail an diese "
        "Adresse: Sie meldet Sie ab."
    ),
    "busy_short": (
        "Unsere Datenbank ist beschäftigt oder nicht erreichbar, daher ist noch nichts geändert. "
        "Versuchen Sie es in einer Minute noch einmal."
    ),
    "try_again": "Noch einmal versuchen",
    "erased_mail": "Diese Mail war für jemanden, dessen Daten gelöscht wurden.",
    "privacy": "Datenschutz bei {sender}",
    "one_click": "Sie sind abgemeldet. {sender} schickt Ihnen keine Mails mehr.",
}

LANGUAGES: Mapping[str, Mapping[str, str]] = {
    "en": ENGLISH | why_texts.ENGLISH | preference_texts.ENGLISH,
    "de": GERMAN | why_texts.GERMAN | preference_texts.GERMAN,
}


class Texts:
    """The words for one answer."""

    def __init__(self, language: str, **values: str) -> None:
        self.language = language if language in LANGUAGES else "en"
        self._values = {"sender": "", "list": "", **values}

    def __call__(self, key: str, **values: str) -> str:
        """One text, filled in. Templates escape the result."""
        return LANGUAGES[self.language][key].format_map({**self._values, **values})

    def day(self, at: datetime) -> str:
        """A date in words, as the language has it; `at` in the zone that counts."""
        month = self("months").split()[at.month - 1]
        return self("day", day=str(at.day), month=month, year=str(at.year))
