"""German."""

from __future__ import annotations

TEXTS = {
    "title": "Neues von {sender}",
    "button": "Anmelden",
    "consent": "Ich möchte Mails von {sender} bekommen. In jeder Mail steht ein Link zum "
    "Abbestellen.",
    "thanks": "Sie stehen auf der Liste.",
    "email": "Mail-Adresse",
    "first_name": "Vorname",
    "last_name": "Nachname",
    "company": "Firma",
    "optional": "freiwillig",
    "lists": "Was möchten Sie bekommen?",
    "trap": "Bitte leer lassen",
    "yes": "Ja",
    "wrong": "Bitte sehen Sie das noch einmal an",
    "wrong_email": "Das ist keine ganze Mail-Adresse wie vera@example.com.",
    "wrong_domain": "Adressen dieser Domain nehmen wir hier nicht an. Bitte eine andere angeben.",
    "wrong_missing": "Bitte füllen Sie das aus.",
    "wrong_value": "Das passt hier nicht.",
    "wrong_number": "Bitte geben Sie eine Zahl ein.",
    "wrong_date": "Bitte geben Sie ein Datum ein.",
    "wrong_long": "Das ist zu lang.",
    "wrong_card": "Das sieht nach einer Kartennummer aus. Bitte geben Sie hier keine ein.",
    "wrong_lists": "Wählen Sie mindestens eines aus.",
    "wrong_consent": "Bitte kreuzen Sie das an, damit wir Ihnen schreiben dürfen.",
    "meant": "Meinten Sie {meant}?",
    "more_title": "Noch ein Klick",
    "more_text": "Damit keine Programme Leute anmelden, drücken Sie bitte noch einmal auf den "
    "Knopf.",
    "more_wait": "Der Knopf geht in {seconds} Sekunden.",
    "more_button": "Ja, ich melde mich an",
    "more_soon": "Das war zu schnell. Warten Sie einen Moment und drücken Sie dann noch einmal.",
    "look_title": "Sehen Sie in Ihre Mails",
    "look_text": "Wir haben Ihnen eine Mail mit einem Link geschickt. Öffnen Sie sie und drücken "
    "Sie dort auf den Knopf; erst dann stehen Sie auf der Liste.",
    "look_hint": "Nach einigen Minuten noch nichts da? Sehen Sie auch im Spam-Ordner nach. Wer "
    "schon auf der Liste steht oder heute gefragt wurde, bekommt keine zweite Mail.",
    "done_title": "Vielen Dank",
    "done_hint": "Falls Sie {sender} früher einmal abbestellt haben: Öffnen Sie die Mail, die wir "
    "Ihnen gerade geschickt haben, und drücken Sie dort auf den Knopf.",
    "closed_title": "Dieses Formular ist geschlossen",
    "closed_text": "{sender} nimmt hier zurzeit keine Anmeldungen an.",
    "none_title": "Hier ist kein Formular",
    "privacy": "Datenschutz bei {sender}",
    "none_text": "Sehen Sie nach, ob die Adresse vollständig ist.",
    "busy_title": "Zu viele auf einmal",
    "busy_text": "Es kommen so viele Anmeldungen an, dass wir gerade keine mehr annehmen. Es "
    "wurde nichts gespeichert. Versuchen Sie es in einer Stunde noch einmal.",
    "close": "Schließen",
    "confirm_title": "Ja, ich möchte diese Mails",
    "confirm_for": "für {email}",
    "confirm_button": "Bestätigen",
    "confirm_no": "Wenn Sie das nicht wollten, schließen Sie diese Seite. Niemand schreibt Ihnen.",
    "confirm_also": "Außerdem in Ihrem Namen bestellt:",
    "confirmed_title": "Sie stehen auf der Liste",
    "confirmed_text": "Die Mails kommen an {email}. In jeder steht ein Link zum Abbestellen.",
    "over_title": "Dieser Link gilt nicht mehr",
    "over_text": "Melden Sie sich noch einmal an, um einen neuen zu bekommen.",
    "mail_subject": "Bitte bestätigen: Mails von {sender}",
    "mail_text": "Sie, oder jemand, der Ihre Adresse eingegeben hat, möchten von {sender} Mails "
    "bekommen:",
    "mail_do": "Wenn Sie das waren, öffnen Sie die Seite und drücken Sie auf den Knopf. Der Link "
    "gilt {days} Tage.",
    "mail_button": "Ansehen und bestätigen",
    "mail_no": "Wenn Sie das nicht waren, tun Sie nichts. Ohne Ihre Antwort schreibt Ihnen "
    "niemand.",
    "mail_plain": "Wenn der Knopf nichts tut, öffnen Sie diese Adresse:",
    "mail_sent": "Verschickt mit {operator}",
}
