"""Italian."""

from __future__ import annotations

NAME = "Italiano"
TEXTS = {
    "title": "Novità da {sender}",
    "button": "Iscrivimi",
    "consent": "Desidero ricevere le e-mail di {sender}. In ogni e-mail c'è un link per "
    "cancellarsi.",
    "thanks": "Ora è nella lista.",
    "email": "Indirizzo e-mail",
    "first_name": "Nome",
    "last_name": "Cognome",
    "company": "Azienda",
    "optional": "facoltativo",
    "lists": "Che cosa desidera ricevere?",
    "trap": "Lasci vuoto questo campo",
    "yes": "Sì",
    "wrong": "Ricontrolli questo punto",
    "wrong_email": "Non è un indirizzo e-mail completo, come vera@example.com.",
    "wrong_domain": "Gli indirizzi di questo dominio non sono accettati qui. Usane un altro.",
    "wrong_missing": "Compili questo campo.",
    "wrong_value": "Questo non va bene qui.",
    "wrong_number": "Inserisca un numero.",
    "wrong_date": "Inserisca una data.",
    "wrong_long": "È troppo lungo.",
    "wrong_card": "Sembra il numero di una carta. Non ne inserisca qui.",
    "wrong_lists": "Scelga almeno una voce.",
    "wrong_consent": "Spunti questa casella, così possiamo scriverle.",
    "meant": "Intendeva {meant}?",
    "more_title": "Ancora un clic",
    "more_text": "Perché nessun programma iscriva altre persone, prema il pulsante ancora una "
    "volta.",
    "more_wait": "Il pulsante funziona tra {seconds} secondi.",
    "more_button": "Sì, mi iscrivo",
    "more_soon": "Troppo in fretta. Aspetti un momento, poi prema di nuovo.",
    "look_title": "Guardi nella sua posta",
    "look_text": "Le abbiamo inviato un'e-mail con un link. La apra e prema il pulsante; solo "
    "allora sarà nella lista.",
    "look_hint": "Ancora niente dopo qualche minuto? Guardi nella posta indesiderata. Chi è già "
    "nella lista, o ha già ricevuto oggi la richiesta, non riceve una seconda e-mail.",
    "done_title": "Grazie",
    "done_hint": "Se in passato si era cancellato da {sender}, apra l'e-mail che le abbiamo appena "
    "inviato e prema il pulsante.",
    "closed_title": "Questo modulo è chiuso",
    "closed_text": "{sender} al momento non accetta iscrizioni qui.",
    "none_title": "Qui non c'è nessun modulo",
    "privacy": "Privacy di {sender}",
    "none_text": "Controlli che l'indirizzo sia completo.",
    "busy_title": "Troppe richieste insieme",
    "busy_text": "Arrivano così tante iscrizioni che per ora non ne accettiamo altre. Non è stato "
    "salvato nulla. Riprovi tra un'ora.",
    "close": "Chiudi",
    "confirm_title": "Sì, desidero queste e-mail",
    "confirm_for": "per {email}",
    "confirm_button": "Confermo",
    "confirm_no": "Se non l'ha chiesto, chiuda questa pagina. Nessuno le scriverà.",
    "confirm_also": "Chiesto anche a suo nome:",
    "confirmed_title": "Ora è nella lista",
    "confirmed_text": "Le e-mail arriveranno a {email}. In ognuna c'è un link per cancellarsi.",
    "over_title": "Questo link non vale più",
    "over_text": "Si iscriva di nuovo per riceverne un altro.",
    "mail_subject": "Confermi, per favore: le e-mail di {sender}",
    "mail_text": "Lei, o qualcuno che ha inserito il suo indirizzo, ha chiesto le e-mail di "
    "{sender}:",
    "mail_do": "Se è stato lei, apra la pagina e prema il pulsante. Il link vale {days} giorni.",
    "mail_button": "Guardi e confermi",
    "mail_no": "Se non è stato lei, non faccia nulla. Nessuno le scriverà senza la sua risposta.",
    "mail_plain": "Se il pulsante non fa nulla, apra questo indirizzo:",
    "mail_sent": "Inviato con {operator}",
}
