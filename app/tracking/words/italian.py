"""Italian; see app.tracking.words."""

from __future__ import annotations

TEXTS = {
    # Leaving and coming back
    "leave_title": "Cancellarsi da {sender}?",
    "leave_text": "Prema il pulsante e non riceverà più e-mail da {sender}.",
    "leave_button": "Cancellami",
    "leave_list": "Cancellami solo da «{list}»",
    "choose": "Scelga che cosa ricevere",
    "out_title": "Iscrizione cancellata",
    "out_text": "{sender} non le invia più e-mail. Vale da subito.",
    "already_out": "Ha già cancellato l'iscrizione: {sender} non le invia e-mail.",
    "undo_button": "Annulla",
    "undo_list": "Cancellami solo da «{list}», tieni il resto",
    "back_title": "Iscrizione riattivata",
    "back_text": "{sender} può di nuovo inviarle e-mail.",
    "back_question": "Ricevere di nuovo le e-mail di {sender}?",
    "back_button": "Riattiva le e-mail",
    "left_list_title": "Fatto",
    "left_list_text": (
        "Non è più nella lista «{list}». Le altre e-mail di {sender} continuano ad arrivare."
    ),
    "leave_all": "Cancellami da tutto",
    "test": "Era un'e-mail di prova, quindi non è cambiato nulla.",
    "test_view": "Questa è un'e-mail di prova.",
    "gone": "I suoi dati qui sono stati eliminati. {sender} non le invia e-mail.",
    "broken_title": "Questo link non è completo",
    "broken_text": "Copi tutto il link dall'e-mail, dall'inizio alla fine.",
    "stopped_title": "Questo link è stato bloccato",
    "stopped_text": "Portava a {host}. {operator} non lascia più passare nessuno:",
    "stopped_safe": (
        "Non è stato aperto nulla. Non inserisca password o dati bancari dove l'e-mail li chiede."
    ),
    "report": "Segnala questa e-mail come abuso",
    "busy_title": "Non siamo riusciti a registrarlo",
    "busy_text": (
        "Il nostro database è occupato o non raggiungibile, quindi non è ancora cambiato nulla. "
        "Riprovi tra un minuto. Se preferisce, invii un'e-mail vuota a questo indirizzo: basta "
        "per cancellarsi."
    ),
    "busy_short": (
        "Il nostro database è occupato o non raggiungibile, quindi non è ancora cambiato nulla. "
        "Riprovi tra un minuto."
    ),
    "try_again": "Riprova",
    "erased_mail": "Questa e-mail era per una persona i cui dati sono stati eliminati.",
    "privacy": "Privacy di {sender}",
    "one_click": "Iscrizione cancellata. {sender} non le invia più e-mail.",
    # Why a mail came, and erasing
    "months": (
        "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre "
        "dicembre"
    ),
    "day": "{day} {month} {year}",
    "why_title": "Perché riceve le e-mail di {sender}",
    "why_who": "Chi le scrive",
    "why_to": "L'e-mail è stata inviata a {address}.",
    "why_how": "Come il suo indirizzo è arrivato nella lista «{list}»",
    "why_how_else": "Come il suo indirizzo è arrivato a {sender}",
    "why_none": (
        "Qui non risulta come il suo indirizzo sia arrivato a {sender}. Può chiederlo a loro o "
        "cancellarsi."
    ),
    "why_test": (
        "Era un'e-mail di prova. I suoi lettori vedono qui come sono arrivati nella sua lista: "
        "quando, come e con quali parole."
    ),
    "why_out": "Ha cancellato l'iscrizione a {sender}, quindi non riceve nulla.",
    "why_stated_import": (
        "{sender} ha inserito il suo indirizzo da un file e al riguardo dichiara:"
    ),
    "why_stated_hand": "{sender} ha inserito il suo indirizzo a mano e al riguardo dichiara:",
    "why_stated_hand_bare": "{sender} ha inserito il suo indirizzo a mano.",
    "why_stated_api": "Un programma di {sender} ha inserito il suo indirizzo.",
    "why_stated_else": "{sender} dichiara che lei ha acconsentito:",
    "why_asked_form": (
        "Il suo indirizzo è stato inserito in un modulo di {sender}, sotto queste parole:"
    ),
    "why_asked_form_bare": "Il suo indirizzo è stato inserito in un modulo di {sender}.",
    "why_asked_else": "Le è stato chiesto per e-mail di confermare.",
    "why_confirmed": "Ha confermato con il link di un'e-mail.",
    "why_withdrawn": "Ha cancellato l'iscrizione.",
    "why_withdrawn_by_sender": "{sender} ha tolto il suo indirizzo.",
    "why_restored": "Ha riattivato l'iscrizione.",
    "why_page": "nella pagina {page}",
    "why_leave_title": "Come non ricevere più e-mail",
    "why_erase": "Elimina quello che {sender} sa di me",
    "erase_title": "Eliminare i suoi dati?",
    "erase_text": "Se preme il pulsante, {sender} elimina per sempre:",
    "erase_person": "il suo indirizzo, il suo nome e tutto ciò che {sender} ha annotato su di lei",
    "erase_lists": "le liste in cui si trova e come il suo indirizzo ci è arrivato",
    "erase_mails": (
        "quali e-mail ha ricevuto e aperto e quali link ha seguito; restano i totali, senza di lei"
    ),
    "erase_copies": "le righe di file e di e-mail di sistema in cui compare il suo indirizzo",
    "erase_stays": (
        "Resta un'impronta del suo indirizzo, che non si può rileggere. Evita che un file la "
        "inserisca di nuovo. Le copie di sicurezza già fatte contengono ancora i suoi dati, finché "
        "non vengono eliminate."
    ),
    "erase_button": "Elimina i miei dati",
    "erase_back": "Meglio di no",
    "erased_title": "I suoi dati sono stati eliminati",
    "erased_text": (
        "{sender} non la conosce più e non le invia e-mail. Se un giorno vorrà riceverne ancora, "
        "si iscriva di nuovo."
    ),
    # The preference centre and its mails
    "privacy_sections": "Sezioni",
    "privacy_more": "Altro su {sender}",
    "privacy_choose": "Scelga che cosa ricevere, o veda i suoi dati",
    "prefs_title": "Che cosa riceve da {sender}",
    "prefs_for": "Questa pagina riguarda {address}.",
    "prefs_lists": "Quali e-mail",
    "prefs_lists_none": "Non è in nessuna lista di {sender}.",
    "prefs_waiting": "non ancora confermata: spunti la casella per iscriversi",
    "prefs_private": "se si cancella, solo {sender} può iscriverla di nuovo",
    "prefs_often": "Quanto spesso al massimo",
    "prefs_every": "Tutte le e-mail",
    "prefs_week": "Al massimo un'e-mail alla settimana",
    "prefs_month": "Al massimo un'e-mail al mese",
    "prefs_often_help": "Le e-mail in più non arrivano nemmeno in seguito.",
    "prefs_counting": "Conta se apro le e-mail e seguo i link",
    "prefs_counting_help": (
        "Se è disattivato, {sender} vede che un'e-mail è stata aperta o che un link è stato "
        "seguito, ma non che si tratta di lei."
    ),
    "prefs_save": "Salva",
    "prefs_saved": "Salvato.",
    "prefs_out": "Ha cancellato l'iscrizione a {sender}, quindi non riceve nulla.",
    "pause_title": "Fare una pausa",
    "pause_text": "Per un po' nessuna e-mail da {sender}. Poi riprendono da sole.",
    "pause_days": "{n} giorni",
    "pause_until": "fino al giorno {day}",
    "pause_on": "È in pausa fino al giorno {day}. Prima di allora {sender} non le invia nulla.",
    "pause_end": "Termina subito la pausa",
    "pause_begun": "Fatto: nessuna e-mail prima del giorno {day}.",
    "pause_over": "La pausa è finita: le e-mail arrivano di nuovo.",
    "pause_instead": "Meglio una pausa di {n} giorni",
    "data_title": "Le sue informazioni",
    "data_first_name": "Nome",
    "data_last_name": "Cognome",
    "data_company": "Azienda",
    "data_elsewhere": "Il suo numero in un altro sistema di {sender}",
    "data_kind": "Questo indirizzo è di",
    "data_person": "una persona",
    "data_organisation": "un'azienda o un'organizzazione",
    "data_yes": "Sì",
    "data_no": "No",
    "data_unsaid": "Non indicato",
    "data_card": "Sembra il numero di una carta. Qui i numeri di carta non si conservano.",
    "data_number": "Non è un numero.",
    "data_date": "Non è una data come 2025-12-31.",
    "data_yes_no": "Non è né sì né no.",
    "data_long": "È troppo lungo.",
    "data_wrong": "Non è stato ancora salvato nulla. Guardi i punti evidenziati.",
    "address_title": "Un altro indirizzo",
    "address_text": (
        "Inviamo un'e-mail al nuovo indirizzo. La modifica vale da quando preme il pulsante "
        "in quell'e-mail."
    ),
    "address_label": "Nuovo indirizzo",
    "address_button": "Inviami questa e-mail",
    "address_sent": (
        "Se quell'indirizzo si può usare, un'e-mail è in viaggio. Finché non conferma, le e-mail "
        "arrivano a quello vecchio."
    ),
    "address_often": "Oggi l'ha già chiesto più volte. Riprovi domani.",
    "address_question": "Ricevere le e-mail di {sender} a questo indirizzo?",
    "address_question_text": "Da quel momento le e-mail andranno a {new} e non più a {old}.",
    "address_confirm": "Usa questo indirizzo",
    "address_done": "D'ora in poi {sender} scrive a questo indirizzo.",
    "address_done_title": "Indirizzo cambiato",
    "address_over": "Questo link non vale più, o un altro più recente l'ha sostituito.",
    "address_taken": "Questo indirizzo non si può usare qui. Non è cambiato nulla.",
    "own_title": "I suoi dati",
    "own_text": "Quello che {sender} conserva su di lei, da vedere o da portare con sé.",
    "own_page": "Vedi tutto",
    "own_json": "Scarica tutto (JSON)",
    "own_by_mail": (
        "Perché non li veda qualcuno a cui ha inoltrato un'e-mail, prima le inviamo un link."
    ),
    "own_mail_button": "Inviami il link",
    "own_erase": "Elimina i miei dati…",
    "own_why": "Perché ricevo questa e-mail?",
    "ask_title": "Che cosa riceve da {sender}",
    "ask_text": (
        "Inserisca il suo indirizzo. Le inviamo un link con cui scegliere che cosa {sender} le "
        "invia, fare una pausa, vedere i suoi dati o cancellarsi."
    ),
    "ask_label": "Il suo indirizzo e-mail",
    "ask_button": "Inviami il link",
    "ask_bad": "Non è un indirizzo e-mail. Controlli la parte intorno alla @.",
    "ask_done_title": "Guardi nella sua posta",
    "ask_done": (
        "Se {sender} conosce questo indirizzo, entro un minuto arriva un'e-mail con il link. A "
        "ogni indirizzo ne inviamo al massimo tre al giorno."
    ),
    "over_title": "Questo link non vale più",
    "over_text": "Valeva {n} giorni. Ne chieda uno nuovo:",
    "over_link": "Nuovo link per e-mail",
    "reason_question": "Vuole dire a {sender} perché?",
    "reason_help": "L'iscrizione è già cancellata, qualunque cosa dica o non dica.",
    "reason_often": "Troppe e-mail",
    "reason_unexpected": "Non è quello che mi aspettavo",
    "reason_unasked": "Non le ho mai chieste",
    "reason_useless": "Non mi servono più",
    "reason_other": "Altro",
    "reason_words": "Con parole sue (facoltativo)",
    "reason_button": "Invia la risposta",
    "reason_thanks": "Grazie. {sender} vede quante persone hanno detto che cosa.",
    "take_title": "Che cosa conserva {sender} su di lei",
    "take_made": "Data di creazione: {day}.",
    "take_person": "Lei",
    "take_address": "Indirizzo",
    "take_tags": "Parole annotate su di lei",
    "take_notes": "Note",
    "take_counted": "Conteggio con il suo nome",
    "take_added": "Primo inserimento",
    "take_barred": "Non riceve e-mail",
    "take_barred_unsubscribed": "ha cancellato l'iscrizione",
    "take_barred_complaint": "ha fatto una segnalazione",
    "take_barred_bounced": "le e-mail per lei sono tornate indietro",
    "take_barred_erased": "i suoi dati sono già stati eliminati una volta",
    "take_barred_account": "così ha deciso {sender}",
    "take_barred_import": "così diceva un file di {sender}",
    "take_noticed": "Notato nella sua scheda",
    "take_noticed_typo": "l'indirizzo sembra contenere un errore di battitura",
    "take_noticed_role": "l'indirizzo è quello di un ufficio",
    "take_noticed_disposable": "l'indirizzo è usa e getta",
    "take_noticed_bounced": "le e-mail sono tornate indietro",
    "take_noticed_unconfirmed": "senza conferma da molto tempo",
    "take_noticed_silent": "nessun segno di lettura da molto tempo",
    "take_noticed_same_mailbox": "un'altra scheda porta alla stessa casella di posta",
    "take_noticed_same_phone": "un'altra scheda ha lo stesso numero di telefono",
    "take_noticed_same_name": "un'altra scheda ha lo stesso nome",
    "take_forms": "Moduli con il suo indirizzo",
    "take_lists": "Liste",
    "take_consents": "A che cosa ha acconsentito e che cosa ha rifiutato",
    "take_changes": "Che cosa è stato modificato",
    "take_entered": "{sender} ha inserito i suoi dati",
    "take_before": "Conservato per poter annullare una modifica",
    "take_before_help": "Com'era prima si legge nel file che può scaricare.",
    "take_before_file": "Un file di {sender}",
    "take_before_action": "Una modifica di molte schede insieme",
    "take_before_merge": "Due schede unite in una",
    "take_mails": "E-mail",
    "take_events": "Che cosa ne è stato",
    "take_nothing": "Niente.",
    "take_since": "dal giorno {day}",
    "take_active": "nella lista",
    "take_pending": "non confermata",
    "take_ended": "non più nella lista",
    "take_stated": "{sender} ha dichiarato che lei ha acconsentito",
    "take_asked": "Richiesto",
    "take_confirmed": "Confermato",
    "take_withdrawn": "Revocato",
    "take_restored": "Ripristinato",
    "take_paused": "Pausa iniziata",
    "take_resumed": "Pausa terminata",
    "take_frequency": "Frequenza scelta",
    "take_changed": "Informazioni modificate",
    "take_open": "aperta",
    "take_click": "link seguito",
    "take_unsubscribe": "iscrizione cancellata",
    "take_undo": "iscrizione riattivata",
    "take_bounce": "tornata indietro, non recapitata",
    "take_complaint": "segnalazione",
    "take_sent": "consegnata al suo server di posta",
    "take_failed": "rifiutata",
    "take_skipped": "non inviata",
    "take_uncertain": "forse arrivata",
    "take_waits": "in viaggio",
    "take_machine": "da un programma automatico",
    "why_paused": "Ha iniziato una pausa.",
    "why_resumed": "Ha terminato la pausa.",
    "why_frequency": "Ha scelto quanto spesso ricevere e-mail.",
    "why_changed": "Ha modificato le sue informazioni.",
    "mail_subject": "Il suo link: che cosa riceve da {sender}",
    "mail_text": (
        "Qualcuno, probabilmente lei, ha chiesto a {sender} un link a ciò che riceve questo "
        "indirizzo. Lo apra per scegliere quali e-mail arrivano e quanto spesso, fare una pausa, "
        "vedere i suoi dati o cancellarsi."
    ),
    "mail_button": "Scelgo che cosa ricevere",
    "mail_life": "Il link vale {n} giorni. Se non è stato lei, non faccia nulla.",
    "mail_new_subject": "Confermi, per favore: il suo nuovo indirizzo per {sender}",
    "mail_new_text": (
        "Lei, o qualcuno che ha inserito il suo indirizzo, desidera ricevere le e-mail di {sender} "
        "a questo indirizzo. Se è stato lei, apra la pagina e prema il pulsante."
    ),
    "mail_new_button": "Guardi e confermi",
    "mail_new_life": (
        "Il link vale {n} giorni. Se non è stato lei, non faccia nulla: non cambierà niente."
    ),
    "mail_moved_subject": "{sender} ora scrive a un altro suo indirizzo",
    "mail_moved_text": (
        "Nella sua pagina delle preferenze l'indirizzo è stato cambiato e quello nuovo è stato "
        "confermato. D'ora in poi le e-mail di {sender} non arrivano più qui."
    ),
    "mail_moved_not_you": (
        "Se non è stato lei, lo dica a {sender}: qualcuno ha una delle sue e-mail o i link che "
        "contiene."
    ),
    "mail_goodbye_subject": "Non riceverà più e-mail da {sender}",
    "mail_goodbye_text": "Questa era l'ultima e-mail di {sender} per lei.",
    "mail_goodbye_back": "Se è stato un errore, può annullare qui:",
    "mail_sent_with": "Inviato con",
}
