"""What stands at the end of every mail, in the language of an account's mails.

The same keys in each language; a test compares them. {account} and {lists} are filled in; `lists`
has the quotation marks and the last word between several of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

LANGUAGES: Mapping[str, Mapping[str, str]] = {
    "en": {
        "unsubscribe": "Unsubscribe",
        "preferences": "Change what you get",
        "browser": "View in browser",
        "why": "Why do I get this?",
        "signup": "Get the next one by mail",
        "reason": "You get this because you signed up at {account}.",
        "reason_lists": "You get this because you signed up to {lists} at {account}.",
        "or": "or",
        "quoted": "“{}”",
    },
    "de": {
        "unsubscribe": "Abmelden",
        "preferences": "Auswählen, was Sie bekommen",
        "browser": "Im Browser ansehen",
        "why": "Warum bekomme ich das?",
        "signup": "Die nächste Mail bekommen",
        "reason": "Sie bekommen diese Mail, weil Sie sich bei {account} angemeldet haben.",
        "reason_lists": (
            "Sie bekommen diese Mail, weil Sie sich bei {account} für {lists} angemeldet haben."
        ),
        "or": "oder",
        "quoted": "„{}“",
    },
    "fr": {
        "unsubscribe": "Se désinscrire",
        "preferences": "Choisir ce que vous recevez",
        "browser": "Voir dans le navigateur",
        "why": "Pourquoi est-ce que je reçois cela\u00a0?",
        "signup": "Recevoir le prochain par e-mail",
        "reason": "Vous recevez cet e-mail à la suite de votre inscription auprès de {account}.",
        "reason_lists": (
            "Vous recevez cet e-mail à la suite de votre inscription à {lists} auprès de {account}."
        ),
        "or": "ou",
        "quoted": "«\u00a0{}\u00a0»",
    },
    "es": {
        "unsubscribe": "Darse de baja",
        "preferences": "Elegir qué quiere recibir",
        "browser": "Ver en el navegador",
        "why": "¿Por qué recibo esto?",
        "signup": "Recibir el próximo por correo",
        "reason": "Recibe este correo porque se suscribió en {account}.",
        "reason_lists": "Recibe este correo porque se suscribió a {lists} en {account}.",
        "or": "o",
        "quoted": "«{}»",
    },
    "it": {
        "unsubscribe": "Cancellarsi",
        "preferences": "Scegliere che cosa ricevere",
        "browser": "Aprire nel browser",
        "why": "Perché ricevo questa e-mail?",
        "signup": "Ricevere la prossima via e-mail",
        "reason": "Riceve questa e-mail in seguito alla Sua iscrizione presso {account}.",
        "reason_lists": (
            "Riceve questa e-mail in seguito alla Sua iscrizione a {lists} presso {account}."
        ),
        "or": "o",
        "quoted": "«{}»",
    },
    "nl": {
        "unsubscribe": "Afmelden",
        "preferences": "Kiezen wat u krijgt",
        "browser": "In de browser bekijken",
        "why": "Waarom krijg ik dit?",
        "signup": "De volgende mail krijgen",
        "reason": "U krijgt deze mail omdat u zich bij {account} hebt aangemeld.",
        "reason_lists": (
            "U krijgt deze mail omdat u zich bij {account} voor {lists} hebt aangemeld."
        ),
        "or": "of",
        "quoted": "“{}”",
    },
}


def reason(language: str, account: str, lists: Sequence[str]) -> str:
    """Why the mail came. What is filled in stands as it is."""
    words = LANGUAGES[language]
    if not lists:
        return words["reason"].replace("{account}", account)
    quoted = [words["quoted"].replace("{}", name) for name in lists]
    *others, last = quoted
    named = f"{', '.join(others)} {words['or']} {last}" if others else last
    # The account last: its name, or a merge tag, is no place to fill in.
    before, after = words["reason_lists"].split("{lists}")
    return f"{before.replace('{account}', account)}{named}{after.replace('{account}', account)}"
