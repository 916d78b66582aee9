"""The words of the pages that say why a mail came and that erase, as in `tracking.texts`."""

from __future__ import annotations

ENGLISH = {
    "months": (
        "January February March April May June July August September October November December"
    ),
    "day": "{day} {month} {year}",
    "why_title": "Why you get mail from {sender}",
    "why_who": "Who writes to you",
    "why_to": "The mail went to {address}.",
    "why_how": "How you came onto “{list}”",
    "why_how_else": "How you came to {sender}",
    "why_none": "Nothing is recorded here about how you came to {sender}. Ask them, or leave.",
    "why_test": (
        "This was a test mail. Your readers see here how they came onto your list: when, how and "
        "with which words."
    ),
    "why_out": "You left {sender}, so nothing is sent to you.",
    "why_stated_import": "{sender} brought your address in with a file, and says about it:",
    "why_stated_hand": "{sender} entered your address by hand, and says about it:",
    "why_stated_hand_bare": "{sender} entered your address by hand.",
    "why_stated_api": "A program of {sender} entered your address.",
    "why_stated_else": "{sender} says that you agreed:",
    "why_asked_form": "Your address was entered in a form of {sender}, under these words:",
    "why_asked_form_bare": "Your address was entered in a form of {sender}.",
    "why_asked_else": "You were asked by mail to confirm.",
    "why_confirmed": "You confirmed it with the link of a mail.",
    "why_withdrawn": "You left.",
    "why_withdrawn_by_sender": "{sender} took you off.",
    "why_restored": "You came back.",
    "why_page": "on the page {page}",
    "why_leave_title": "How to stop it",
    "why_erase": "Erase what {sender} knows about me",
    "erase_title": "Erase your data?",
    "erase_text": "When you press the button, this is erased at {sender}, for good:",
    "erase_person": "your address, your name and whatever else {sender} noted about you",
    "erase_lists": "the lists you are on, and how you came onto them",
    "erase_mails": "which mails you got, opened and followed; the sums stay, without you in them",
    "erase_copies": "rows of files and system mails in which your address stands",
    "erase_stays": (
        "What stays is a fingerprint of your address that cannot be read back. It keeps you from "
        "being added again by a file. Backups made before still hold your data until they are "
        "thrown away."
    ),
    "erase_button": "Erase my data",
    "erase_back": "Rather not",
    "erased_title": "Your data is erased",
    "erased_text": (
        "{sender} does not know you any more and sends you no mail. If you ever want mail again, "
        "sign up anew."
    ),
}

GERMAN = {
    "months": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "day": "{day}. {month} {year}",
    "why_title": "Warum Sie Mails von {sender} bekommen",
    "why_who": "Wer Ihnen schreibt",
    "why_to": "Die Mail ging an {address}.",
    "why_how": "Wie Sie auf „{list}“ gekommen sind",
    "why_how_else": "Wie Sie zu {sender} gekommen sind",
    "why_none": (
        "Hier steht nicht, wie Sie zu {sender} gekommen sind. Fragen Sie dort nach oder melden Sie "
        "sich ab."
    ),
    "why_test": (
        "Das war eine Test-Mail. Ihre Leser sehen hier, wie sie auf Ihre Liste gekommen sind: "
        "wann, wie und mit welchen Worten."
    ),
    "why_out": "Sie haben {sender} abbestellt und bekommen daher nichts.",
    "why_stated_import": "{sender} hat Ihre Adresse aus einer Datei übernommen und sagt dazu:",
    "why_stated_hand": "{sender} hat Ihre Adresse von Hand eingetragen und sagt dazu:",
    "why_stated_hand_bare": "{sender} hat Ihre Adresse von Hand eingetragen.",
    "why_stated_api": "Ein Programm von {sender} hat Ihre Adresse eingetragen.",
    "why_stated_else": "{sender} sagt, dass Sie zugestimmt haben:",
    "why_asked_form": (
        "Ihre Adresse wurde in ein Formular von {sender} eingetragen, mit den Worten:"
    ),
    "why_asked_form_bare": "Ihre Adresse wurde in ein Formular von {sender} eingetragen.",
    "why_asked_else": "Sie wurden per Mail um Bestätigung gebeten.",
    "why_confirmed": "Sie haben mit dem Link einer Mail bestätigt.",
    "why_withdrawn": "Sie haben sich abgemeldet.",
    "why_withdrawn_by_sender": "{sender} hat Sie ausgetragen.",
    "why_restored": "Sie sind zurückgekommen.",
    "why_page": "auf der Seite {page}",
    "why_leave_title": "Wie Sie das beenden",
    "why_erase": "Löschen, was {sender} über mich weiß",
    "erase_title": "Ihre Daten löschen?",
    "erase_text": "Ein Druck auf den Knopf, und bei {sender} ist endgültig gelöscht:",
    "erase_person": "Ihre Adresse, Ihr Name und was {sender} sonst über Sie notiert hat",
    "erase_lists": "die Listen, auf denen Sie stehen, und wie Sie darauf gekommen sind",
    "erase_mails": (
        "welche Mails Sie bekommen, geöffnet und angeklickt haben; die Summen bleiben, ohne Sie"
    ),
    "erase_copies": "Zeilen von Dateien und System-Mails, in denen Ihre Adresse steht",
    "erase_stays": (
        "Es bleibt ein Fingerabdruck Ihrer Adresse, der sich nicht zurücklesen lässt. Er "
        "verhindert, dass eine Datei Sie wieder hineinbringt. Ältere Sicherungen enthalten Ihre "
        "Daten noch, bis sie weggeworfen werden."
    ),
    "erase_button": "Meine Daten löschen",
    "erase_back": "Lieber nicht",
    "erased_title": "Ihre Daten sind gelöscht",
    "erased_text": (
        "{sender} kennt Sie nicht mehr und schickt Ihnen keine Mails. Wenn Sie je wieder Mails "
        "möchten, melden Sie sich neu an."
    ),
}
