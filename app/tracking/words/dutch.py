"""Dutch; see app.tracking.words."""

from __future__ import annotations

TEXTS = {
    # Leaving and coming back
    "leave_title": "Afmelden bij {sender}?",
    "leave_text": "Druk op de knop en u krijgt geen mail meer van {sender}.",
    "leave_button": "Afmelden",
    "leave_list": "Alleen afmelden voor “{list}”",
    "choose": "Kiezen wat u krijgt",
    "out_title": "U bent afgemeld",
    "out_text": "{sender} stuurt u geen mail meer. Dat geldt vanaf nu.",
    "already_out": "U had zich al afgemeld: {sender} stuurt u geen mail.",
    "undo_button": "Ongedaan maken",
    "undo_list": "Alleen afmelden voor “{list}”, de rest houden",
    "back_title": "U bent er weer bij",
    "back_text": "{sender} mag u weer mail sturen.",
    "back_question": "Weer mail van {sender} krijgen?",
    "back_button": "Weer mail krijgen",
    "left_list_title": "Gelukt",
    "left_list_text": "U staat niet meer op “{list}”. Andere mail van {sender} blijft komen.",
    "leave_all": "Voor alles afmelden",
    "test": "Dit was een testmail, dus er is niets gewijzigd.",
    "test_view": "Dit is een testmail.",
    "gone": "Uw gegevens zijn hier gewist. {sender} stuurt u geen mail.",
    "broken_title": "Deze link is niet volledig",
    "broken_text": "Kopieer de hele link uit de mail, van het begin tot het einde.",
    "stopped_title": "Deze link is geblokkeerd",
    "stopped_text": "Hij leidde naar {host}. {operator} laat niemand meer door:",
    "stopped_safe": (
        "Er is niets geopend. Vul geen wachtwoorden of bankgegevens in waar de mail erom vraagt."
    ),
    "report": "Deze mail melden als misbruik",
    "busy_title": "Dat kon niet worden vastgelegd",
    "busy_text": (
        "Onze database is bezet of niet bereikbaar, dus er is nog niets gewijzigd. Probeer het "
        "over een minuut nog eens. Doet u dat liever niet? Stuur dan een lege mail naar dit "
        "adres: die meldt u af."
    ),
    "busy_short": (
        "Onze database is bezet of niet bereikbaar, dus er is nog niets gewijzigd. Probeer het "
        "over een minuut nog eens."
    ),
    "try_again": "Nog eens proberen",
    "erased_mail": "Deze mail was voor iemand van wie de gegevens zijn gewist.",
    "privacy": "Privacy bij {sender}",
    "one_click": "U bent afgemeld. {sender} stuurt u geen mail meer.",
    # Why a mail came, and erasing
    "months": (
        "januari februari maart april mei juni juli augustus september oktober november december"
    ),
    "day": "{day} {month} {year}",
    "why_title": "Waarom u mail krijgt van {sender}",
    "why_who": "Van wie de mail komt",
    "why_to": "De mail ging naar {address}.",
    "why_how": "Hoe u op “{list}” bent gekomen",
    "why_how_else": "Hoe u bij {sender} bent gekomen",
    "why_none": ("Hier staat niet hoe u bij {sender} bent gekomen. Vraag het daar, of meld u af."),
    "why_test": (
        "Dit was een testmail. Uw lezers zien hier hoe ze op uw lijst zijn gekomen: wanneer, hoe "
        "en met welke woorden."
    ),
    "why_out": "U hebt zich afgemeld bij {sender}, dus u krijgt niets.",
    "why_stated_import": "{sender} heeft uw adres uit een bestand ingelezen en zegt daarover:",
    "why_stated_hand": "{sender} heeft uw adres met de hand ingevoerd en zegt daarover:",
    "why_stated_hand_bare": "{sender} heeft uw adres met de hand ingevoerd.",
    "why_stated_api": "Een programma van {sender} heeft uw adres ingevoerd.",
    "why_stated_else": "{sender} zegt dat u toestemming hebt gegeven:",
    "why_asked_form": "Uw adres is ingevuld in een formulier van {sender}, bij deze woorden:",
    "why_asked_form_bare": "Uw adres is ingevuld in een formulier van {sender}.",
    "why_asked_else": "U bent per mail om een bevestiging gevraagd.",
    "why_confirmed": "U hebt het bevestigd met de link in een mail.",
    "why_withdrawn": "U hebt zich afgemeld.",
    "why_withdrawn_by_sender": "{sender} heeft u van de lijst gehaald.",
    "why_restored": "U bent teruggekomen.",
    "why_page": "op de pagina {page}",
    "why_leave_title": "Hoe u dit stopt",
    "why_erase": "Wissen wat {sender} over mij weet",
    "erase_title": "Uw gegevens wissen?",
    "erase_text": "Als u op de knop drukt, wordt dit bij {sender} voorgoed gewist:",
    "erase_person": "uw adres, uw naam en wat {sender} verder over u heeft genoteerd",
    "erase_lists": "de lijsten waarop u staat, en hoe u daarop bent gekomen",
    "erase_mails": (
        "welke mails u hebt gekregen, geopend en aangeklikt; de totalen blijven, zonder u erin"
    ),
    "erase_copies": "regels uit bestanden en systeemmails waarin uw adres staat",
    "erase_stays": (
        "Wat blijft, is een vingerafdruk van uw adres die niet terug te lezen is. Die voorkomt dat "
        "u via een bestand opnieuw wordt toegevoegd. Eerder gemaakte back-ups bevatten uw gegevens "
        "nog tot ze worden weggegooid."
    ),
    "erase_button": "Mijn gegevens wissen",
    "erase_back": "Liever niet",
    "erased_title": "Uw gegevens zijn gewist",
    "erased_text": (
        "{sender} kent u niet meer en stuurt u geen mail. Wilt u ooit weer mail? Meld u dan "
        "opnieuw aan."
    ),
    # The preference centre and its mails
    "privacy_sections": "Onderdelen",
    "privacy_more": "Meer over {sender}",
    "privacy_choose": "Kiezen wat u krijgt, of uw gegevens bekijken",
    "prefs_title": "Wat u van {sender} krijgt",
    "prefs_for": "Deze pagina gaat over {address}.",
    "prefs_lists": "Welke mails",
    "prefs_lists_none": "U staat op geen enkele lijst van {sender}.",
    "prefs_waiting": "nog niet bevestigd: vink aan om mee te doen",
    "prefs_private": "als u deze lijst verlaat, kan alleen {sender} u er weer op zetten",
    "prefs_often": "Hoe vaak hoogstens",
    "prefs_every": "Elke mail",
    "prefs_week": "Hoogstens één mail per week",
    "prefs_month": "Hoogstens één mail per maand",
    "prefs_often_help": "Wat daarboven komt, krijgt u ook later niet.",
    "prefs_counting": "Tellen of ik mails open en op links klik",
    "prefs_counting_help": (
        "Staat dit uit, dan ziet {sender} wel dat een mail is geopend of op een link is geklikt, "
        "maar niet dat u het was."
    ),
    "prefs_save": "Opslaan",
    "prefs_saved": "Opgeslagen.",
    "prefs_out": "U hebt zich afgemeld bij {sender}, dus u krijgt niets.",
    "pause_title": "Een pauze nemen",
    "pause_text": "Een tijdje geen mail van {sender}. Daarna komt die vanzelf weer.",
    "pause_days": "{n} dagen",
    "pause_until": "tot {day}",
    "pause_on": "U hebt pauze tot {day}. Voor die tijd stuurt {sender} u niets.",
    "pause_end": "De pauze nu beëindigen",
    "pause_begun": "Gelukt: geen mail vóór {day}.",
    "pause_over": "De pauze is voorbij: er komt weer mail.",
    "pause_instead": "Liever {n} dagen pauze nemen",
    "data_title": "Uw gegevens",
    "data_first_name": "Voornaam",
    "data_last_name": "Achternaam",
    "data_company": "Bedrijf",
    "data_elsewhere": "Uw nummer in een ander systeem van {sender}",
    "data_kind": "Dit adres is van",
    "data_person": "een persoon",
    "data_organisation": "een bedrijf of organisatie",
    "data_yes": "Ja",
    "data_no": "Nee",
    "data_unsaid": "Niet ingevuld",
    "data_card": "Dit lijkt op een kaartnummer. Kaartnummers worden hier niet bewaard.",
    "data_number": "Dit is geen getal.",
    "data_date": "Dit is geen datum zoals 2025-12-31.",
    "data_yes_no": "Dit is geen ja en geen nee.",
    "data_long": "Dit is te lang.",
    "data_wrong": "Er is nog niets opgeslagen. Kijk naar wat gemarkeerd is.",
    "address_title": "Ander adres",
    "address_text": (
        "We sturen een mail naar het nieuwe adres. De wijziging geldt zodra u daarin op de knop "
        "drukt."
    ),
    "address_label": "Nieuw adres",
    "address_button": "Stuur me die mail",
    "address_sent": (
        "Als dat adres gebruikt kan worden, is er een mail naar onderweg. Tot u bevestigt, gaat "
        "de mail naar het oude adres."
    ),
    "address_often": "U hebt dat vandaag al een paar keer gevraagd. Probeer het morgen weer.",
    "address_question": "Mail van {sender} op dit adres krijgen?",
    "address_question_text": "Vanaf dan gaat de mail naar {new} en niet meer naar {old}.",
    "address_confirm": "Dit adres gebruiken",
    "address_done": "{sender} schrijft u vanaf nu op dit adres.",
    "address_done_title": "Gewijzigd",
    "address_over": "Deze link is verlopen, of een latere is ervoor in de plaats gekomen.",
    "address_taken": "Dit adres kan hier niet worden gebruikt. Er is niets gewijzigd.",
    "own_title": "Al uw gegevens",
    "own_text": "Wat {sender} over u bewaart, om te bekijken of mee te nemen.",
    "own_page": "Alles bekijken",
    "own_json": "Downloaden (JSON)",
    "own_by_mail": (
        "We mailen u eerst een link, zodat niemand aan wie u een mail hebt doorgestuurd uw "
        "gegevens ziet."
    ),
    "own_mail_button": "Mail me de link",
    "own_erase": "Mijn gegevens wissen…",
    "own_why": "Waarom krijg ik dit?",
    "ask_title": "Wat u van {sender} krijgt",
    "ask_text": (
        "Vul uw adres in. We mailen u een link waarmee u kiest wat {sender} u stuurt, een pauze "
        "neemt, uw gegevens bekijkt of u afmeldt."
    ),
    "ask_label": "Uw e-mailadres",
    "ask_button": "Mail me de link",
    "ask_bad": "Dit is geen e-mailadres. Kijk naar het deel rond de @.",
    "ask_done_title": "Kijk in uw mail",
    "ask_done": (
        "Als {sender} dit adres kent, komt er binnen een minuut een mail met de link. Naar één "
        "adres gaan er hoogstens drie per dag."
    ),
    "over_title": "Deze link is verlopen",
    "over_text": "Hij werkte {n} dagen. Vraag een nieuwe aan:",
    "over_link": "Nieuwe link per mail",
    "reason_question": "Wilt u {sender} vertellen waarom?",
    "reason_help": "U bent al afgemeld, wat u ook wel of niet zegt.",
    "reason_often": "Te veel mails",
    "reason_unexpected": "Niet wat ik verwachtte",
    "reason_unasked": "Ik heb er nooit om gevraagd",
    "reason_useless": "Ik heb het niet meer nodig",
    "reason_other": "Iets anders",
    "reason_words": "In uw eigen woorden (niet verplicht)",
    "reason_button": "Doorgeven",
    "reason_thanks": "Dank u wel. {sender} ziet hoeveel mensen wat hebben gezegd.",
    "take_title": "Wat {sender} over u bewaart",
    "take_made": "Gemaakt op {day}.",
    "take_person": "U",
    "take_address": "Adres",
    "take_tags": "Trefwoorden over u",
    "take_notes": "Notities",
    "take_counted": "Op naam geteld",
    "take_added": "Bekend sinds",
    "take_barred": "U krijgt geen mail",
    "take_barred_unsubscribed": "u hebt zich afgemeld",
    "take_barred_complaint": "u hebt geklaagd",
    "take_barred_bounced": "mail aan u kwam terug",
    "take_barred_erased": "u bent ooit gewist",
    "take_barred_account": "{sender} heeft dat besloten",
    "take_barred_import": "dat stond in een bestand van {sender}",
    "take_noticed": "Opgevallen aan uw vermelding",
    "take_noticed_typo": "er lijkt een tikfout in het adres te staan",
    "take_noticed_role": "het adres is dat van een afdeling",
    "take_noticed_disposable": "het adres is een wegwerpadres",
    "take_noticed_bounced": "mail kwam terug",
    "take_noticed_unconfirmed": "al lang niet bevestigd",
    "take_noticed_silent": "al lang geen teken dat er gelezen wordt",
    "take_noticed_same_mailbox": "een andere vermelding leidt naar dezelfde mailbox",
    "take_noticed_same_phone": "een andere vermelding heeft hetzelfde telefoonnummer",
    "take_noticed_same_name": "een andere vermelding heeft dezelfde naam",
    "take_forms": "Formulieren met uw adres",
    "take_lists": "Lijsten",
    "take_consents": "Wat u hebt toegestaan en geweigerd",
    "take_changes": "Wat er is gewijzigd",
    "take_entered": "{sender} heeft u ingevoerd",
    "take_before": "Bewaard om een wijziging te kunnen terugdraaien",
    "take_before_help": "Hoe het eerst was, staat in het bestand dat u kunt downloaden.",
    "take_before_file": "Een bestand van {sender}",
    "take_before_action": "Een wijziging bij veel mensen tegelijk",
    "take_before_merge": "Twee vermeldingen werden er één",
    "take_mails": "Mails",
    "take_events": "Wat ervan geworden is",
    "take_nothing": "Niets.",
    "take_since": "sinds {day}",
    "take_active": "op de lijst",
    "take_pending": "niet bevestigd",
    "take_ended": "afgemeld",
    "take_stated": "{sender} zei dat u toestemming hebt gegeven",
    "take_asked": "Gevraagd",
    "take_confirmed": "Bevestigd",
    "take_withdrawn": "Ingetrokken",
    "take_restored": "Teruggedraaid",
    "take_paused": "Pauze begonnen",
    "take_resumed": "Pauze beëindigd",
    "take_frequency": "Frequentie gekozen",
    "take_changed": "Gegevens gewijzigd",
    "take_open": "geopend",
    "take_click": "op link geklikt",
    "take_unsubscribe": "afgemeld",
    "take_undo": "teruggekomen",
    "take_bounce": "kwam onbestelbaar terug",
    "take_complaint": "klacht",
    "take_sent": "afgeleverd bij uw mailserver",
    "take_failed": "geweigerd",
    "take_skipped": "niet verstuurd",
    "take_uncertain": "misschien aangekomen",
    "take_waits": "onderweg",
    "take_machine": "door een machine",
    "why_paused": "U hebt een pauze genomen.",
    "why_resumed": "U hebt uw pauze beëindigd.",
    "why_frequency": "U hebt gekozen hoe vaak u mail krijgt.",
    "why_changed": "U hebt uw gegevens gewijzigd.",
    "mail_subject": "Uw link: wat u van {sender} krijgt",
    "mail_text": (
        "Iemand, waarschijnlijk u, heeft {sender} gevraagd om een link naar wat dit adres krijgt. "
        "Open die om te kiezen welke mails komen en hoe vaak, een pauze te nemen, uw gegevens te "
        "bekijken of u af te melden."
    ),
    "mail_button": "Kiezen wat ik krijg",
    "mail_life": "De link werkt {n} dagen. Was u het niet? Doe dan niets.",
    "mail_new_subject": "Bevestig alstublieft uw nieuwe adres voor {sender}",
    "mail_new_text": (
        "U, of iemand die uw adres heeft ingevuld, wil op dit adres mail van {sender} krijgen. "
        "Was u dat? Open dan de pagina en druk op de knop."
    ),
    "mail_new_button": "Bekijken en bevestigen",
    "mail_new_life": (
        "De link werkt {n} dagen. Was u het niet? Doe dan niets: er verandert niets."
    ),
    "mail_moved_subject": "{sender} schrijft u nu op een ander adres",
    "mail_moved_text": (
        "Op de pagina met uw voorkeuren is het adres gewijzigd, en het nieuwe is bevestigd. Vanaf "
        "nu komt mail van {sender} hier niet meer binnen."
    ),
    "mail_moved_not_you": (
        "Was u dat niet? Vertel het {sender}: iemand heeft een van uw mails, of de links eruit."
    ),
    "mail_goodbye_subject": "U krijgt geen mail meer van {sender}",
    "mail_goodbye_text": "Dit was de laatste mail van {sender} aan u.",
    "mail_goodbye_back": "Was dat een vergissing? Maak het hier ongedaan:",
    "mail_sent_with": "Verstuurd met",
}
