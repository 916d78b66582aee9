"""The words of the preference centre and its mails, as in `tracking.texts`."""

from __future__ import annotations

ENGLISH = {
    "prefs_title": "What you get from {sender}",
    "prefs_for": "This page is about {address}.",
    "prefs_lists": "Which mails",
    "prefs_lists_none": "You are on no list of {sender}.",
    "prefs_waiting": "not confirmed yet: tick it to join",
    "prefs_private": "once you leave it, only {sender} can put you on it again",
    "prefs_often": "How often at most",
    "prefs_every": "Every mail",
    "prefs_week": "At most one mail a week",
    "prefs_month": "At most one mail a month",
    "prefs_often_help": "What is over that, you do not get later either.",
    "prefs_counting": "Count whether I open mails and follow links",
    "prefs_counting_help": (
        "When this is off, {sender} sees that a mail was opened or a link was followed, "
        "but not that it was you."
    ),
    "prefs_save": "Save",
    "prefs_saved": "Saved.",
    "prefs_out": "You left {sender}, so nothing is sent to you.",
    "pause_title": "Take a break",
    "pause_text": "No mail from {sender} for a while. After that it comes again by itself.",
    "pause_days": "{n} days",
    "pause_until": "until {day}",
    "pause_on": "You are on a break until {day}. {sender} sends you nothing before then.",
    "pause_end": "End the break now",
    "pause_begun": "Done: no mail before {day}.",
    "pause_over": "The break is over: mail comes again.",
    "pause_instead": "Take a break of {n} days instead",
    "data_title": "Your details",
    "data_first_name": "First name",
    "data_last_name": "Last name",
    "data_company": "Company",
    "data_kind": "This address belongs to",
    "data_person": "a person",
    "data_organisation": "a company or an organisation",
    "data_yes": "Yes",
    "data_no": "No",
    "data_unsaid": "Not said",
    "data_card": "This looks like a card number. Card numbers are not kept here.",
    "data_number": "This is not a number.",
    "data_date": "This is not a date such as 2025-12-31.",
    "data_yes_no": "This is neither yes nor no.",
    "data_long": "This is too long.",
    "data_wrong": "Nothing was saved yet. Look at what is marked.",
    "address_title": "Another address",
    "address_text": (
        "We send a mail to the new address. The change counts once you press the button in it."
    ),
    "address_label": "New address",
    "address_button": "Send me that mail",
    "address_sent": (
        "If that address can be used, a mail is on its way to it. Until you confirm, mail goes "
        "to the old one."
    ),
    "address_often": "You asked for that several times today. Try again tomorrow.",
    "address_question": "Get mail from {sender} at this address?",
    "address_question_text": "From then on mail goes to {new} and no longer to {old}.",
    "address_confirm": "Use this address",
    "address_done": "{sender} writes to this address from now on.",
    "address_done_title": "Changed",
    "address_over": "This link is over, or a later one replaced it.",
    "address_taken": "This address cannot be used here. Nothing was changed.",
    "own_title": "Your data",
    "own_text": "What {sender} keeps about you, to look at or to take with you.",
    "own_page": "See it all",
    "own_json": "Download it (JSON)",
    "own_by_mail": (
        "So that nobody to whom you forwarded a mail sees it, we mail you a link first."
    ),
    "own_mail_button": "Mail me the link",
    "own_erase": "Erase my data…",
    "own_why": "Why do I get this?",
    "ask_title": "What you get from {sender}",
    "ask_text": (
        "Enter your address. We mail you a link by which you choose what {sender} sends you, "
        "take a break, see your data or leave."
    ),
    "ask_label": "Your mail address",
    "ask_button": "Mail me the link",
    "ask_bad": "That is not a mail address. Look at the part around the @.",
    "ask_done_title": "Look into your mail",
    "ask_done": (
        "If {sender} knows this address, a mail with the link comes within a minute. Three a day "
        "at most are sent to an address."
    ),
    "over_title": "This link is over",
    "over_text": "It worked for {n} days. Get a new one:",
    "over_link": "New link by mail",
    "reason_question": "Would you tell {sender} why?",
    "reason_help": "You are out already, whatever you say or do not say.",
    "reason_often": "Too many mails",
    "reason_unexpected": "Not what I expected",
    "reason_unasked": "I never asked for it",
    "reason_useless": "I do not need it any more",
    "reason_other": "Something else",
    "reason_words": "In your words (optional)",
    "reason_button": "Tell them",
    "reason_thanks": "Thank you. {sender} sees how many people said what.",
    "take_title": "What {sender} keeps about you",
    "take_made": "Made on {day}.",
    "take_person": "You",
    "take_address": "Address",
    "take_kind": "Kind",
    "take_tags": "Words noted about you",
    "take_notes": "Notes",
    "take_counted": "Counted by name",
    "take_added": "Known since",
    "take_lists": "Lists",
    "take_consents": "What you agreed to and refused",
    "take_changes": "What was changed",
    "take_mails": "Mails",
    "take_events": "What became of them",
    "take_nothing": "Nothing.",
    "take_since": "since {day}",
    "take_active": "on the list",
    "take_pending": "not confirmed",
    "take_ended": "left",
    "take_stated": "{sender} said that you agreed",
    "take_asked": "Asked for",
    "take_confirmed": "Confirmed",
    "take_withdrawn": "Withdrawn",
    "take_restored": "Taken back",
    "take_paused": "Break begun",
    "take_resumed": "Break ended",
    "take_frequency": "Frequency chosen",
    "take_changed": "Details changed",
    "take_open": "opened",
    "take_click": "link followed",
    "take_unsubscribe": "left",
    "take_undo": "came back",
    "take_bounce": "came back undelivered",
    "take_complaint": "complaint",
    "take_sent": "delivered to your mail server",
    "take_failed": "refused",
    "take_skipped": "not sent",
    "take_uncertain": "perhaps arrived",
    "take_waits": "on its way",
    "take_machine": "by a machine",
    "why_paused": "You began a break.",
    "why_resumed": "You ended your break.",
    "why_frequency": "You chose how often you get mail.",
    "why_changed": "You changed your details.",
    "mail_subject": "Your link: what you get from {sender}",
    "mail_text": (
        "Somebody, probably you, asked {sender} for a link to what this address gets. Open it to "
        "choose which mails come and how often, to take a break, to see your data, or to leave."
    ),
    "mail_button": "Choose what I get",
    "mail_life": "The link works for {n} days. If it was not you, do nothing.",
    "mail_new_subject": "Please confirm your new address for {sender}",
    "mail_new_text": (
        "You, or somebody who typed in your address, wants mail from {sender} at this address. "
        "If that was you, open the page and press the button."
    ),
    "mail_new_button": "Look and confirm",
    "mail_new_life": "The link works for {n} days. If it was not you, do nothing: nothing changes.",
    "mail_moved_subject": "{sender} writes to another address of yours now",
    "mail_moved_text": (
        "On your page of preferences the address was changed, and the new one was confirmed. From "
        "now on mail from {sender} does not come here any more."
    ),
    "mail_moved_not_you": (
        "If that was not you, tell {sender}: somebody has one of your mails, or its links."
    ),
    "mail_sent_with": "Sent with",
}

GERMAN = {
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
    "take_kind": "Art",
    "take_tags": "Stichworte über Sie",
    "take_notes": "Notizen",
    "take_counted": "Namentlich gezählt",
    "take_added": "Bekannt seit",
    "take_lists": "Listen",
    "take_consents": "Worin Sie eingewilligt und was Sie abgelehnt haben",
    "take_changes": "Was geändert wurde",
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
    "mail_sent_with": "Verschickt mit",
}
