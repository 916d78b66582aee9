"""German; see app.tracking.words."""

from __future__ import annotations

TEXTS = {
    # Leaving and coming back
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
    # Why a mail came, and erasing
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
    # The preference centre and its mails
    "privacy_sections": "Abschnitte",
    "privacy_more": "Mehr über {sender}",
    "privacy_choose": "Auswählen, was Sie bekommen, oder Ihre Daten sehen",
    "prefs_title": "Was Sie von {sender} bekommen",
    "prefs_for": "Diese Seite gilt für {address}.",
    "prefs_lists": "Welche Mails",
    "prefs_lists_none": "Sie stehen auf keiner Liste von {sender}.",
    "prefs_waiting": "noch nicht bestätigt: ankreuzen, um dabei zu sein",
    "prefs_private": "wenn Sie sie verlassen, kann nur {sender} Sie wieder darauf setzen",
    "prefs_often": "Wie oft höchstens",
    "prefs_every": "Jede Mail",
    "prefs_week": "Höchstens eine Mail in der Woche",
    "prefs_month": "Höchstens eine Mail im Monat",
    "prefs_often_help": "Was darüber ist, bekommen Sie auch später nicht.",
    "prefs_counting": "Mitzählen, ob ich Mails öffne und Links folge",
    "prefs_counting_help": (
        "Ist das ausgeschaltet, sieht {sender}, dass eine Mail geöffnet oder einem Link gefolgt "
        "wurde, aber nicht, dass Sie es waren."
    ),
    "prefs_save": "Speichern",
    "prefs_saved": "Gespeichert.",
    "prefs_out": "Sie haben {sender} abbestellt und bekommen daher nichts.",
    "pause_title": "Eine Pause machen",
    "pause_text": "Eine Weile keine Mails von {sender}. Danach kommen sie von selbst wieder.",
    "pause_days": "{n} Tage",
    "pause_until": "bis {day}",
    "pause_on": "Sie machen Pause bis {day}. Vorher schickt {sender} Ihnen nichts.",
    "pause_end": "Die Pause jetzt beenden",
    "pause_begun": "Erledigt: keine Mails vor dem {day}.",
    "pause_over": "Die Pause ist vorbei: Es kommen wieder Mails.",
    "pause_instead": "Lieber {n} Tage Pause machen",
    "data_title": "Ihre Angaben",
    "data_first_name": "Vorname",
    "data_last_name": "Nachname",
    "data_company": "Firma",
    "data_elsewhere": "Ihre Nummer in einem anderen System von {sender}",
    "data_kind": "Diese Adresse gehört",
    "data_person": "einer Person",
    "data_organisation": "einer Firma oder Organisation",
    "data_yes": "Ja",
    "data_no": "Nein",
    "data_unsaid": "Keine Angabe",
    "data_card": "Das sieht wie eine Kartennummer aus. Kartennummern werden hier nicht aufbewahrt.",
    "data_number": "Das ist keine Zahl.",
    "data_date": "Das ist kein Datum wie 2025-12-31.",
    "data_yes_no": "Das ist weder Ja noch Nein.",
    "data_long": "Das ist zu lang.",
    "data_wrong": "Es ist noch nichts gespeichert. Sehen Sie nach, was markiert ist.",
    "address_title": "Andere Adresse",
    "address_text": (
        "Wir schicken eine Mail an die neue Adresse. Die Änderung gilt, sobald Sie dort auf den "
        "Knopf drücken."
    ),
    "address_label": "Neue Adresse",
    "address_button": "Schicken Sie mir diese Mail",
    "address_sent": (
        "Wenn diese Adresse möglich ist, ist eine Mail dorthin unterwegs. Bis Sie bestätigen, "
        "gehen Mails an die alte."
    ),
    "address_often": "Darum haben Sie heute schon mehrmals gebeten. Morgen geht es wieder.",
    "address_question": "Mails von {sender} an diese Adresse?",
    "address_question_text": "Ab dann gehen Mails an {new} und nicht mehr an {old}.",
    "address_confirm": "Diese Adresse verwenden",
    "address_done": "{sender} schreibt ab jetzt an diese Adresse.",
    "address_done_title": "Geändert",
    "address_over": "Dieser Link ist abgelaufen, oder ein späterer hat ihn ersetzt.",
    "address_taken": "Diese Adresse kann hier nicht verwendet werden. Nichts wurde geändert.",
    "own_title": "Ihre Daten",
    "own_text": "Was {sender} über Sie aufbewahrt, zum Ansehen oder Mitnehmen.",
    "own_page": "Alles ansehen",
    "own_json": "Herunterladen (JSON)",
    "own_by_mail": (
        "Damit niemand sie sieht, dem Sie eine Mail weitergeleitet haben, schicken wir Ihnen "
        "zuerst einen Link."
    ),
    "own_mail_button": "Link per Mail schicken",
    "own_erase": "Meine Daten löschen …",
    "own_why": "Warum bekomme ich das?",
    "ask_title": "Was Sie von {sender} bekommen",
    "ask_text": (
        "Geben Sie Ihre Adresse ein. Wir schicken Ihnen einen Link, mit dem Sie auswählen, was "
        "{sender} Ihnen schickt, Pause machen, Ihre Daten ansehen oder sich abmelden."
    ),
    "ask_label": "Ihre Mail-Adresse",
    "ask_button": "Link per Mail schicken",
    "ask_bad": "Das ist keine Mail-Adresse. Sehen Sie sich die Stelle um das @ an.",
    "ask_done_title": "Sehen Sie in Ihre Mails",
    "ask_done": (
        "Wenn {sender} diese Adresse kennt, kommt in einer Minute eine Mail mit dem Link. An eine "
        "Adresse gehen höchstens drei am Tag."
    ),
    "over_title": "Dieser Link ist abgelaufen",
    "over_text": "Er galt {n} Tage. Hier gibt es einen neuen:",
    "over_link": "Neuer Link per Mail",
    "reason_question": "Würden Sie {sender} sagen, warum?",
    "reason_help": "Abgemeldet sind Sie schon, egal was Sie sagen oder nicht sagen.",
    "reason_often": "Zu viele Mails",
    "reason_unexpected": "Nicht, was ich erwartet habe",
    "reason_unasked": "Ich habe nie darum gebeten",
    "reason_useless": "Ich brauche es nicht mehr",
    "reason_other": "Etwas anderes",
    "reason_words": "In Ihren Worten (freiwillig)",
    "reason_button": "Mitteilen",
    "reason_thanks": "Danke. {sender} sieht, wie viele Menschen was gesagt haben.",
    "take_title": "Was {sender} über Sie aufbewahrt",
    "take_made": "Erstellt am {day}.",
    "take_person": "Sie",
    "take_address": "Adresse",
    "take_tags": "Stichworte über Sie",
    "take_notes": "Notizen",
    "take_counted": "Namentlich gezählt",
    "take_added": "Bekannt seit",
    "take_barred": "Sie bekommen keine Mails",
    "take_barred_unsubscribed": "Sie haben sich abgemeldet",
    "take_barred_complaint": "Sie haben sich beschwert",
    "take_barred_bounced": "Mails an Sie kamen zurück",
    "take_barred_erased": "Sie wurden einmal gelöscht",
    "take_barred_account": "{sender} hat es so bestimmt",
    "take_barred_import": "eine Datei von {sender} sagte es so",
    "take_noticed": "An Ihrem Eintrag aufgefallen",
    "take_noticed_typo": "die Adresse sieht nach einem Tippfehler aus",
    "take_noticed_role": "die Adresse ist die einer Stelle",
    "take_noticed_disposable": "die Adresse ist eine Wegwerfadresse",
    "take_noticed_bounced": "Mails kamen zurück",
    "take_noticed_unconfirmed": "seit Langem nicht bestätigt",
    "take_noticed_silent": "seit Langem kein Zeichen, dass gelesen wird",
    "take_noticed_same_mailbox": "ein anderer Eintrag führt in dasselbe Postfach",
    "take_noticed_same_phone": "ein anderer Eintrag hat dieselbe Telefonnummer",
    "take_noticed_same_name": "ein anderer Eintrag hat denselben Namen",
    "take_forms": "Formulare mit Ihrer Adresse",
    "take_lists": "Listen",
    "take_consents": "Worin Sie eingewilligt und was Sie abgelehnt haben",
    "take_changes": "Was geändert wurde",
    "take_entered": "{sender} hat Sie eingetragen",
    "take_before": "Aufbewahrt, damit sich eine Änderung zurücknehmen lässt",
    "take_before_help": "Wie es vorher war, steht in der Datei zum Herunterladen.",
    "take_before_file": "Eine Datei von {sender}",
    "take_before_action": "Eine Änderung an vielen auf einmal",
    "take_before_merge": "Zwei Einträge wurden einer",
    "take_mails": "Mails",
    "take_events": "Was daraus wurde",
    "take_nothing": "Nichts.",
    "take_since": "seit {day}",
    "take_active": "auf der Liste",
    "take_pending": "nicht bestätigt",
    "take_ended": "verlassen",
    "take_stated": "{sender} gab an, dass Sie zugestimmt haben",
    "take_asked": "Angefragt",
    "take_confirmed": "Bestätigt",
    "take_withdrawn": "Widerrufen",
    "take_restored": "Zurückgenommen",
    "take_paused": "Pause begonnen",
    "take_resumed": "Pause beendet",
    "take_frequency": "Häufigkeit gewählt",
    "take_changed": "Angaben geändert",
    "take_open": "geöffnet",
    "take_click": "Link gefolgt",
    "take_unsubscribe": "abgemeldet",
    "take_undo": "zurückgekommen",
    "take_bounce": "kam unzustellbar zurück",
    "take_complaint": "Beschwerde",
    "take_sent": "an Ihren Mailserver übergeben",
    "take_failed": "abgelehnt",
    "take_skipped": "nicht geschickt",
    "take_uncertain": "vielleicht angekommen",
    "take_waits": "unterwegs",
    "take_machine": "durch eine Maschine",
    "why_paused": "Sie haben eine Pause begonnen.",
    "why_resumed": "Sie haben Ihre Pause beendet.",
    "why_frequency": "Sie haben gewählt, wie oft Sie Mails bekommen.",
    "why_changed": "Sie haben Ihre Angaben geändert.",
    "mail_subject": "Ihr Link: was Sie von {sender} bekommen",
    "mail_text": (
        "Jemand, wahrscheinlich Sie, hat {sender} um einen Link zu dem gebeten, was diese Adresse "
        "bekommt. Damit wählen Sie aus, welche Mails wie oft kommen, machen Pause, sehen Ihre "
        "Daten oder melden sich ab."
    ),
    "mail_button": "Auswählen, was ich bekomme",
    "mail_life": "Der Link gilt {n} Tage. Wenn Sie es nicht waren, tun Sie nichts.",
    "mail_new_subject": "Bitte bestätigen Sie Ihre neue Adresse für {sender}",
    "mail_new_text": (
        "Sie, oder jemand, der Ihre Adresse eingegeben hat, möchte Mails von {sender} an diese "
        "Adresse. Wenn Sie es waren, öffnen Sie die Seite und drücken Sie auf den Knopf."
    ),
    "mail_new_button": "Ansehen und bestätigen",
    "mail_new_life": (
        "Der Link gilt {n} Tage. Wenn Sie es nicht waren, tun Sie nichts: Dann ändert sich nichts."
    ),
    "mail_moved_subject": "{sender} schreibt jetzt an Ihre andere Adresse",
    "mail_moved_text": (
        "Auf Ihrer Seite wurde die Adresse geändert und die neue bestätigt. Ab jetzt kommen Mails "
        "von {sender} nicht mehr hierher."
    ),
    "mail_moved_not_you": (
        "Wenn Sie das nicht waren, sagen Sie es {sender}: Jemand hat eine Ihrer Mails oder deren "
        "Links."
    ),
    "mail_goodbye_subject": "Sie erhalten keine Post mehr von {sender}",
    "mail_goodbye_text": "Das war die letzte Mail von {sender} an Sie.",
    "mail_goodbye_back": "Wenn das ein Versehen war, nehmen Sie es hier zurück:",
    "mail_sent_with": "Verschickt mit",
}
