"""French; see app.tracking.words."""

from __future__ import annotations

TEXTS = {
    # Leaving and coming back
    "leave_title": "Se désinscrire de {sender}\u00a0?",
    "leave_text": "Appuyez sur le bouton, et vous ne recevrez plus d'e-mails de {sender}.",
    "leave_button": "Se désinscrire",
    "leave_list": "Quitter seulement «\u00a0{list}\u00a0»",
    "choose": "Choisir ce que vous recevez",
    "out_title": "Votre désinscription est enregistrée",
    "out_text": "Dès maintenant, {sender} ne vous envoie plus d'e-mails.",
    "already_out": (
        "Votre désinscription est déjà enregistrée\u00a0: {sender} ne vous envoie plus d'e-mails."
    ),
    "undo_button": "Annuler ma désinscription",
    "undo_list": "Quitter seulement «\u00a0{list}\u00a0», garder le reste",
    "back_title": "Vous êtes de retour",
    "back_text": "{sender} peut de nouveau vous envoyer des e-mails.",
    "back_question": "Recevoir de nouveau les e-mails de {sender}\u00a0?",
    "back_button": "Recevoir de nouveau les e-mails",
    "left_list_title": "C'est fait",
    "left_list_text": (
        "Vous n'êtes plus sur la liste «\u00a0{list}\u00a0». Les autres e-mails de {sender} "
        "continuent d'arriver."
    ),
    "leave_all": "Se désinscrire de tout",
    "test": "C'était un e-mail de test\u00a0: rien n'a été modifié.",
    "test_view": "Ceci est un e-mail de test.",
    "gone": "Vos données ont été effacées ici. {sender} ne vous envoie plus d'e-mails.",
    "broken_title": "Ce lien est incomplet",
    "broken_text": "Copiez le lien entier depuis l'e-mail, du début à la fin.",
    "stopped_title": "Ce lien a été bloqué",
    "stopped_text": "Il menait à {host}. {operator} ne laisse plus passer personne\u00a0:",
    "stopped_safe": (
        "Rien n'a été ouvert. Ne saisissez ni mot de passe ni données bancaires là où l'e-mail "
        "vous en demande."
    ),
    "report": "Signaler cet e-mail comme abusif",
    "busy_title": "Cela n'a pas pu être enregistré",
    "busy_text": (
        "Notre base de données est occupée ou indisponible\u00a0: rien n'a encore changé. "
        "Réessayez dans une minute. Ou bien envoyez un e-mail vide à cette adresse\u00a0: cela "
        "suffit pour vous désinscrire."
    ),
    "busy_short": (
        "Notre base de données est occupée ou indisponible\u00a0: rien n'a encore changé. "
        "Réessayez dans une minute."
    ),
    "try_again": "Réessayer",
    "erased_mail": "Cet e-mail était destiné à une personne dont les données ont été effacées.",
    "privacy": "Confidentialité chez {sender}",
    "one_click": "Votre désinscription est enregistrée. {sender} ne vous envoie plus d'e-mails.",
    # Why a mail came, and erasing
    "months": (
        "janvier février mars avril mai juin juillet août septembre octobre novembre décembre"
    ),
    "day": "{day} {month} {year}",
    "why_title": "Pourquoi vous recevez les e-mails de {sender}",
    "why_who": "Qui vous écrit",
    "why_to": "L'e-mail a été envoyé à {address}.",
    "why_how": "Comment votre adresse est arrivée sur la liste «\u00a0{list}\u00a0»",
    "why_how_else": "Comment votre adresse est arrivée chez {sender}",
    "why_none": (
        "Rien n'indique ici comment votre adresse est arrivée chez {sender}. Posez-lui la "
        "question, ou désinscrivez-vous."
    ),
    "why_test": (
        "C'était un e-mail de test. Vos lecteurs voient ici comment ils sont arrivés sur votre "
        "liste\u00a0: quand, comment et avec quels mots."
    ),
    "why_out": (
        "Vous avez demandé à ne plus recevoir les e-mails de {sender}\u00a0: rien ne vous est "
        "envoyé."
    ),
    "why_stated_import": (
        "{sender} a importé votre adresse depuis un fichier et indique à ce sujet\u00a0:"
    ),
    "why_stated_hand": "{sender} a saisi votre adresse à la main et indique à ce sujet\u00a0:",
    "why_stated_hand_bare": "{sender} a saisi votre adresse à la main.",
    "why_stated_api": "Un programme de {sender} a enregistré votre adresse.",
    "why_stated_else": "{sender} indique que vous avez donné votre accord\u00a0:",
    "why_asked_form": (
        "Votre adresse a été saisie dans un formulaire de {sender}, avec ce texte\u00a0:"
    ),
    "why_asked_form_bare": "Votre adresse a été saisie dans un formulaire de {sender}.",
    "why_asked_else": "Un e-mail vous a demandé de confirmer.",
    "why_confirmed": "Vous avez confirmé avec le lien d'un e-mail.",
    "why_withdrawn": "Vous avez demandé votre désinscription.",
    "why_withdrawn_by_sender": "{sender} a retiré votre adresse.",
    "why_restored": "Vous avez choisi de revenir.",
    "why_page": "sur la page {page}",
    "why_leave_title": "Comment ne plus en recevoir",
    "why_erase": "Effacer ce que {sender} sait de moi",
    "erase_title": "Effacer vos données\u00a0?",
    "erase_text": (
        "Si vous appuyez sur le bouton, ceci est effacé chez {sender}, définitivement\u00a0:"
    ),
    "erase_person": "votre adresse, votre nom et tout ce que {sender} a noté d'autre sur vous",
    "erase_lists": "les listes sur lesquelles vous êtes, et comment votre adresse y est arrivée",
    "erase_mails": (
        "quels e-mails vous avez reçus et ouverts, et quels liens vous avez suivis\u00a0; les "
        "totaux restent, sans vous"
    ),
    "erase_copies": "les lignes de fichiers et les e-mails du système où figure votre adresse",
    "erase_stays": (
        "Il reste une empreinte de votre adresse, qui ne permet pas de la retrouver. Elle évite "
        "qu'un fichier vous ajoute de nouveau. Les sauvegardes plus anciennes contiennent encore "
        "vos données jusqu'à ce qu'elles soient supprimées."
    ),
    "erase_button": "Effacer mes données",
    "erase_back": "Finalement, non",
    "erased_title": "Vos données sont effacées",
    "erased_text": (
        "{sender} ne vous connaît plus et ne vous envoie plus d'e-mails. Si un jour vous en voulez "
        "de nouveau, il suffira de vous réinscrire."
    ),
    # The preference centre and its mails
    "privacy_sections": "Rubriques",
    "privacy_more": "En savoir plus sur {sender}",
    "privacy_choose": "Choisir ce que vous recevez, ou voir vos données",
    "prefs_title": "Ce que vous recevez de {sender}",
    "prefs_for": "Cette page concerne {address}.",
    "prefs_lists": "Quels e-mails",
    "prefs_lists_none": "Vous n'êtes sur aucune liste de {sender}.",
    "prefs_waiting": "pas encore confirmée\u00a0: cochez-la pour vous inscrire",
    "prefs_private": "si vous la quittez, vous ne pourrez y revenir que par {sender}",
    "prefs_often": "Fréquence maximale",
    "prefs_every": "Tous les e-mails",
    "prefs_week": "Un e-mail par semaine au maximum",
    "prefs_month": "Un e-mail par mois au maximum",
    "prefs_often_help": "Les e-mails en trop ne vous seront pas envoyés plus tard non plus.",
    "prefs_counting": "Compter mes ouvertures d'e-mails et mes clics sur les liens",
    "prefs_counting_help": (
        "Si cette case n'est pas cochée, {sender} voit qu'un e-mail a été ouvert ou un lien suivi, "
        "mais pas que c'était vous."
    ),
    "prefs_save": "Enregistrer",
    "prefs_saved": "C'est enregistré.",
    "prefs_out": (
        "Vous avez demandé à ne plus recevoir les e-mails de {sender}\u00a0: rien ne vous est "
        "envoyé."
    ),
    "pause_title": "Faire une pause",
    "pause_text": (
        "Pas d'e-mails de {sender} pendant un moment. Ensuite, ils reprennent d'eux-mêmes."
    ),
    "pause_days": "{n} jours",
    "pause_until": "jusqu'au {day}",
    "pause_on": "Vous êtes en pause jusqu'au {day}. {sender} ne vous envoie rien d'ici là.",
    "pause_end": "Terminer la pause maintenant",
    "pause_begun": "C'est fait\u00a0: pas d'e-mails avant le {day}.",
    "pause_over": "La pause est terminée\u00a0: les e-mails reprennent.",
    "pause_instead": "Faire plutôt une pause de {n} jours",
    "data_title": "Vos informations",
    "data_first_name": "Prénom",
    "data_last_name": "Nom",
    "data_company": "Entreprise",
    "data_elsewhere": "Votre numéro dans un autre système de {sender}",
    "data_kind": "Cette adresse appartient à",
    "data_person": "une personne",
    "data_organisation": "une entreprise ou une organisation",
    "data_yes": "Oui",
    "data_no": "Non",
    "data_unsaid": "Non précisé",
    "data_card": (
        "Cela ressemble à un numéro de carte. Les numéros de carte ne sont pas conservés ici."
    ),
    "data_number": "Ce n'est pas un nombre.",
    "data_date": "Ce n'est pas une date comme 2025-12-31.",
    "data_yes_no": "Ce n'est ni oui ni non.",
    "data_long": "C'est trop long.",
    "data_wrong": "Rien n'a encore été enregistré. Vérifiez ce qui est signalé.",
    "address_title": "Une autre adresse",
    "address_text": (
        "Nous envoyons un e-mail à la nouvelle adresse. Le changement prend effet dès que vous y "
        "appuyez sur le bouton."
    ),
    "address_label": "Nouvelle adresse",
    "address_button": "M'envoyer cet e-mail",
    "address_sent": (
        "Si cette adresse peut être utilisée, un e-mail est en route. Tant que vous n'avez pas "
        "confirmé, les e-mails vont à l'ancienne."
    ),
    "address_often": "Vous l'avez demandé plusieurs fois aujourd'hui. Réessayez demain.",
    "address_question": "Recevoir les e-mails de {sender} à cette adresse\u00a0?",
    "address_question_text": "Ensuite, les e-mails iront à {new} et non plus à {old}.",
    "address_confirm": "Utiliser cette adresse",
    "address_done": "{sender} vous écrit désormais à cette adresse.",
    "address_done_title": "C'est changé",
    "address_over": "Ce lien n'est plus valable, ou un plus récent l'a remplacé.",
    "address_taken": "Cette adresse ne peut pas être utilisée ici. Rien n'a été changé.",
    "own_title": "Vos données",
    "own_text": "Ce que {sender} conserve sur vous, à consulter ou à emporter.",
    "own_page": "Tout voir",
    "own_json": "Télécharger (JSON)",
    "own_by_mail": (
        "Pour qu'une personne à qui vous auriez transféré un e-mail ne voie pas ces données, nous "
        "vous envoyons d'abord un lien par e-mail."
    ),
    "own_mail_button": "M'envoyer le lien par e-mail",
    "own_erase": "Effacer mes données…",
    "own_why": "Pourquoi est-ce que je reçois cet e-mail\u00a0?",
    "ask_title": "Ce que vous recevez de {sender}",
    "ask_text": (
        "Saisissez votre adresse. Nous vous envoyons par e-mail un lien pour choisir ce que "
        "{sender} vous envoie, faire une pause, voir vos données ou vous désinscrire."
    ),
    "ask_label": "Votre adresse e-mail",
    "ask_button": "M'envoyer le lien par e-mail",
    "ask_bad": "Ce n'est pas une adresse e-mail. Vérifiez la partie autour du @.",
    "ask_done_title": "Consultez vos e-mails",
    "ask_done": (
        "Si {sender} connaît cette adresse, un e-mail avec le lien arrive dans la minute. Une "
        "adresse en reçoit trois par jour au maximum."
    ),
    "over_title": "Ce lien n'est plus valable",
    "over_text": "Il a fonctionné pendant {n} jours. Demandez-en un nouveau\u00a0:",
    "over_link": "Nouveau lien par e-mail",
    "reason_question": "Voulez-vous dire à {sender} pourquoi\u00a0?",
    "reason_help": "Votre désinscription est déjà enregistrée, que vous répondiez ou non.",
    "reason_often": "Trop d'e-mails",
    "reason_unexpected": "Ce n'est pas ce que j'attendais",
    "reason_unasked": "Je n'ai jamais rien demandé",
    "reason_useless": "Je n'en ai plus besoin",
    "reason_other": "Autre chose",
    "reason_words": "Avec vos mots (facultatif)",
    "reason_button": "Envoyer ma réponse",
    "reason_thanks": "Merci. {sender} voit combien de personnes ont donné chaque réponse.",
    "take_title": "Ce que {sender} conserve sur vous",
    "take_made": "Établi le {day}.",
    "take_person": "Vous",
    "take_address": "Adresse",
    "take_tags": "Mots-clés notés sur vous",
    "take_notes": "Notes",
    "take_counted": "Comptage à votre nom",
    "take_added": "Adresse connue depuis le",
    "take_barred": "Vous ne recevez pas d'e-mails",
    "take_barred_unsubscribed": "vous avez demandé votre désinscription",
    "take_barred_complaint": "vous avez signalé un e-mail",
    "take_barred_bounced": "les e-mails à votre adresse sont revenus",
    "take_barred_erased": "vos données ont déjà été effacées une fois",
    "take_barred_account": "{sender} en a décidé ainsi",
    "take_barred_import": "un fichier de {sender} l'indiquait",
    "take_noticed": "Remarques sur votre fiche",
    "take_noticed_typo": "l'adresse semble contenir une faute de frappe",
    "take_noticed_role": "l'adresse est celle d'un service",
    "take_noticed_disposable": "l'adresse est une adresse jetable",
    "take_noticed_bounced": "des e-mails sont revenus",
    "take_noticed_unconfirmed": "pas de confirmation depuis longtemps",
    "take_noticed_silent": "aucun signe de lecture depuis longtemps",
    "take_noticed_same_mailbox": "une autre fiche mène à la même boîte e-mail",
    "take_noticed_same_phone": "une autre fiche a le même numéro de téléphone",
    "take_noticed_same_name": "une autre fiche a le même nom",
    "take_forms": "Formulaires avec votre adresse",
    "take_lists": "Listes",
    "take_consents": "Ce que vous avez accepté et refusé",
    "take_changes": "Ce qui a été modifié",
    "take_entered": "{sender} a créé votre fiche",
    "take_before": "Conservé pour pouvoir annuler une modification",
    "take_before_help": "L'état d'avant se trouve dans le fichier que vous pouvez télécharger.",
    "take_before_file": "Un fichier de {sender}",
    "take_before_action": "Une modification de plusieurs fiches à la fois",
    "take_before_merge": "Deux fiches réunies en une",
    "take_mails": "E-mails",
    "take_events": "Ce qu'ils sont devenus",
    "take_nothing": "Rien.",
    "take_since": "depuis le {day}",
    "take_active": "sur la liste",
    "take_pending": "pas encore confirmée",
    "take_ended": "plus sur la liste",
    "take_stated": "{sender} a indiqué que vous aviez donné votre accord",
    "take_asked": "Demandé",
    "take_confirmed": "Confirmé",
    "take_withdrawn": "Retiré",
    "take_restored": "Rétabli",
    "take_paused": "Pause commencée",
    "take_resumed": "Pause terminée",
    "take_frequency": "Fréquence choisie",
    "take_changed": "Informations modifiées",
    "take_open": "ouvert",
    "take_click": "lien suivi",
    "take_unsubscribe": "désinscription",
    "take_undo": "désinscription annulée",
    "take_bounce": "revenu sans être remis",
    "take_complaint": "signalement",
    "take_sent": "remis à votre serveur de messagerie",
    "take_failed": "refusé",
    "take_skipped": "non envoyé",
    "take_uncertain": "peut-être arrivé",
    "take_waits": "en route",
    "take_machine": "par une machine",
    "why_paused": "Vous avez commencé une pause.",
    "why_resumed": "Vous avez mis fin à votre pause.",
    "why_frequency": "Vous avez choisi à quelle fréquence vous recevez des e-mails.",
    "why_changed": "Vous avez modifié vos informations.",
    "mail_subject": "Votre lien\u00a0: ce que vous recevez de {sender}",
    "mail_text": (
        "Quelqu'un, sans doute vous, a demandé à {sender} un lien vers ce que reçoit cette "
        "adresse. Ouvrez-le pour choisir quels e-mails arrivent et à quelle fréquence, faire une "
        "pause, voir vos données ou vous désinscrire."
    ),
    "mail_button": "Choisir ce que je reçois",
    "mail_life": "Le lien fonctionne pendant {n} jours. Si ce n'était pas vous, ne faites rien.",
    "mail_new_subject": "Merci de confirmer votre nouvelle adresse pour {sender}",
    "mail_new_text": (
        "Vous, ou quelqu'un qui a saisi votre adresse, avez demandé à recevoir les e-mails de "
        "{sender} à cette adresse. Si c'était vous, ouvrez la page et appuyez sur le bouton."
    ),
    "mail_new_button": "Voir et confirmer",
    "mail_new_life": (
        "Le lien fonctionne pendant {n} jours. Si ce n'était pas vous, ne faites rien\u00a0: rien "
        "ne changera."
    ),
    "mail_moved_subject": "{sender} écrit désormais à une autre de vos adresses",
    "mail_moved_text": (
        "Sur votre page de préférences, l'adresse a été changée et la nouvelle a été confirmée. "
        "Désormais, les e-mails de {sender} n'arrivent plus ici."
    ),
    "mail_moved_not_you": (
        "Si ce n'était pas vous, prévenez {sender}\u00a0: quelqu'un a l'un de vos e-mails, ou ses "
        "liens."
    ),
    "mail_goodbye_subject": "Vous ne recevrez plus d'e-mails de {sender}",
    "mail_goodbye_text": "C'était le dernier e-mail de {sender} pour vous.",
    "mail_goodbye_back": "Si c'était une erreur, annulez votre désinscription ici\u00a0:",
    "mail_sent_with": "Envoyé avec",
}
