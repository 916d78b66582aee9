"""French."""

from __future__ import annotations

TEXTS = {
    "title": "Des nouvelles de {sender}",
    "button": "S'inscrire",
    "consent": "Je souhaite recevoir les e-mails de {sender}. Chaque e-mail contient un lien de "
    "désinscription.",
    "thanks": "Vous êtes sur la liste.",
    "email": "Adresse e-mail",
    "first_name": "Prénom",
    "last_name": "Nom",
    "company": "Entreprise",
    "optional": "facultatif",
    "lists": "Que souhaitez-vous recevoir ?",
    "trap": "Laissez ce champ vide",
    "yes": "Oui",
    "wrong": "Merci de vérifier ce point",
    "wrong_email": "Ce n'est pas une adresse e-mail complète, comme vera@example.com.",
    "wrong_domain": "Les adresses de ce domaine ne sont pas acceptées ici. Utilisez-en une autre.",
    "wrong_missing": "Merci de remplir ce champ.",
    "wrong_value": "Cela ne convient pas ici.",
    "wrong_number": "Merci de saisir un nombre.",
    "wrong_date": "Merci de saisir une date.",
    "wrong_long": "C'est trop long.",
    "wrong_card": "Cela ressemble à un numéro de carte. N'en saisissez pas ici.",
    "wrong_lists": "Choisissez au moins une proposition.",
    "wrong_consent": "Merci de cocher cette case, pour que nous puissions vous écrire.",
    "meant": "Vouliez-vous dire {meant} ?",
    "more_title": "Encore un clic",
    "more_text": "Pour qu'aucun programme n'inscrive de personnes, merci d'appuyer encore une fois "
    "sur le bouton.",
    "more_wait": "Le bouton fonctionne dans {seconds} secondes.",
    "more_button": "Oui, je m'inscris",
    "more_soon": "C'était trop rapide. Attendez un instant, puis appuyez de nouveau.",
    "look_title": "Consultez vos e-mails",
    "look_text": "Nous vous avons envoyé un e-mail avec un lien. Ouvrez-le et appuyez sur le "
    "bouton ; vous ne serez sur la liste qu'à ce moment-là.",
    "look_hint": "Rien après quelques minutes ? Regardez dans les indésirables. Qui est déjà sur "
    "la liste, ou a déjà reçu la demande aujourd'hui, ne reçoit pas de second e-mail.",
    "done_title": "Merci",
    "done_hint": "Si vous vous étiez désinscrit de {sender}, ouvrez l'e-mail que nous venons de "
    "vous envoyer et appuyez sur le bouton.",
    "closed_title": "Ce formulaire est fermé",
    "closed_text": "{sender} ne prend pas d'inscriptions ici en ce moment.",
    "none_title": "Il n'y a pas de formulaire ici",
    "privacy": "Confidentialité chez {sender}",
    "none_text": "Vérifiez que l'adresse est complète.",
    "busy_title": "Trop de demandes à la fois",
    "busy_text": "Il arrive tant d'inscriptions que nous n'en prenons plus pour l'instant. Rien "
    "n'a été enregistré. Réessayez dans une heure.",
    "close": "Fermer",
    "confirm_title": "Oui, je veux recevoir ces e-mails",
    "confirm_for": "pour {email}",
    "confirm_button": "Confirmer",
    "confirm_no": "Si vous n'avez rien demandé, fermez cette page. Personne ne vous écrira.",
    "confirm_also": "Également demandé en votre nom :",
    "confirmed_title": "Vous êtes sur la liste",
    "confirmed_text": "Les e-mails arriveront à {email}. Chacun contient un lien de "
    "désinscription.",
    "over_title": "Ce lien n'est plus valable",
    "over_text": "Inscrivez-vous de nouveau pour en recevoir un autre.",
    "mail_subject": "Merci de confirmer : les e-mails de {sender}",
    "mail_text": "Vous, ou quelqu'un qui a saisi votre adresse, avez demandé à recevoir les "
    "e-mails de {sender} :",
    "mail_do": "Si c'était vous, ouvrez la page et appuyez sur le bouton. Le lien fonctionne "
    "pendant {days} jours.",
    "mail_button": "Voir et confirmer",
    "mail_no": "Si ce n'était pas vous, ne faites rien. Personne ne vous écrira sans votre "
    "réponse.",
    "mail_plain": "Si le bouton ne fait rien, ouvrez cette adresse :",
    "mail_sent": "Envoyé avec {operator}",
}
