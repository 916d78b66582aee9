"""Spanish; see app.tracking.words."""

from __future__ import annotations

TEXTS = {
    # Leaving and coming back
    "leave_title": "¿Darse de baja de {sender}?",
    "leave_text": "Pulse el botón y no recibirá más correos de {sender}.",
    "leave_button": "Darme de baja",
    "leave_list": "Darme de baja solo de «{list}»",
    "choose": "Elegir qué quiere recibir",
    "out_title": "Se ha dado de baja",
    "out_text": "{sender} no le enviará más correos. Vale desde este momento.",
    "already_out": "Ya se había dado de baja: {sender} no le envía correos.",
    "undo_button": "Deshacer",
    "undo_list": "Darme de baja solo de «{list}» y conservar el resto",
    "back_title": "Ya está de vuelta",
    "back_text": "{sender} puede volver a enviarle correos.",
    "back_question": "¿Volver a recibir correos de {sender}?",
    "back_button": "Volver a recibir correos",
    "left_list_title": "Listo",
    "left_list_text": "Ya no está en «{list}». Los demás correos de {sender} seguirán llegando.",
    "leave_all": "Darme de baja de todo",
    "test": "Era un correo de prueba, así que no ha cambiado nada.",
    "test_view": "Es un correo de prueba.",
    "gone": "Sus datos se borraron aquí. {sender} no le envía correos.",
    "broken_title": "Este enlace no está completo",
    "broken_text": "Copie el enlace entero del correo, de principio a fin.",
    "stopped_title": "Este enlace está bloqueado",
    "stopped_text": "Llevaba a {host}. {operator} ya no deja pasar a nadie:",
    "stopped_safe": (
        "No se ha abierto nada. No escriba contraseñas ni datos bancarios donde el correo se los "
        "pida."
    ),
    "report": "Denunciar este correo como abuso",
    "busy_title": "No se ha podido anotar",
    "busy_text": (
        "Nuestra base de datos está ocupada o no responde, así que aún no ha cambiado nada. "
        "Inténtelo de nuevo dentro de un minuto. Si lo prefiere, envíe un correo vacío a esta "
        "dirección: con eso se da de baja."
    ),
    "busy_short": (
        "Nuestra base de datos está ocupada o no responde, así que aún no ha cambiado nada. "
        "Inténtelo de nuevo dentro de un minuto."
    ),
    "try_again": "Intentarlo de nuevo",
    "erased_mail": "Este correo era para alguien cuyos datos se borraron.",
    "privacy": "Privacidad de {sender}",
    "one_click": "Se ha dado de baja. {sender} no le enviará más correos.",
    # Why a mail came, and erasing
    "months": (
        "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre"
    ),
    "day": "{day} de {month} de {year}",
    "why_title": "Por qué recibe correos de {sender}",
    "why_who": "Quién le escribe",
    "why_to": "El correo se envió a {address}.",
    "why_how": "Cómo llegó a «{list}»",
    "why_how_else": "Cómo llegó a {sender}",
    "why_none": "Aquí no consta cómo llegó a {sender}. Pregunte allí o dese de baja.",
    "why_test": (
        "Era un correo de prueba. Sus lectores ven aquí cómo llegaron a la lista: cuándo, de qué "
        "manera y con qué palabras."
    ),
    "why_out": "Se dio de baja de {sender}, así que no se le envía nada.",
    "why_stated_import": "{sender} incorporó su dirección desde un archivo y dice al respecto:",
    "why_stated_hand": "{sender} anotó su dirección a mano y dice al respecto:",
    "why_stated_hand_bare": "{sender} anotó su dirección a mano.",
    "why_stated_api": "Un programa de {sender} anotó su dirección.",
    "why_stated_else": "{sender} dice que usted aceptó:",
    "why_asked_form": "Su dirección se escribió en un formulario de {sender}, con estas palabras:",
    "why_asked_form_bare": "Su dirección se escribió en un formulario de {sender}.",
    "why_asked_else": "Se le pidió por correo que confirmara.",
    "why_confirmed": "Lo confirmó con el enlace de un correo.",
    "why_withdrawn": "Se dio de baja.",
    "why_withdrawn_by_sender": "{sender} le dio de baja.",
    "why_restored": "Volvió.",
    "why_page": "en la página {page}",
    "why_leave_title": "Cómo dejar de recibirlos",
    "why_erase": "Borrar lo que {sender} sabe de mí",
    "erase_title": "¿Borrar sus datos?",
    "erase_text": "Al pulsar el botón, en {sender} se borra para siempre:",
    "erase_person": "su dirección, su nombre y todo lo demás que {sender} anotó sobre usted",
    "erase_lists": "las listas en las que está y cómo llegó a ellas",
    "erase_mails": (
        "qué correos recibió y abrió, y qué enlaces siguió; los totales quedan, sin usted en ellos"
    ),
    "erase_copies": "filas de archivos y correos del sistema en los que figura su dirección",
    "erase_stays": (
        "Queda una huella de su dirección que no permite volver a leerla. Evita que un archivo "
        "vuelva a añadirle. Las copias de seguridad anteriores conservan sus datos hasta que se "
        "eliminen."
    ),
    "erase_button": "Borrar mis datos",
    "erase_back": "Mejor no",
    "erased_title": "Sus datos se han borrado",
    "erased_text": (
        "{sender} ya no le conoce y no le envía correos. Si algún día quiere volver a recibirlos, "
        "suscríbase de nuevo."
    ),
    # The preference centre and its mails
    "privacy_sections": "Apartados",
    "privacy_more": "Más sobre {sender}",
    "privacy_choose": "Elegir qué quiere recibir o ver sus datos",
    "prefs_title": "Lo que recibe de {sender}",
    "prefs_for": "Esta página se refiere a {address}.",
    "prefs_lists": "Qué correos",
    "prefs_lists_none": "No está en ninguna lista de {sender}.",
    "prefs_waiting": "aún sin confirmar: márquela para suscribirse",
    "prefs_private": "si se da de baja de ella, solo {sender} puede volver a incluirle",
    "prefs_often": "Cada cuánto, como máximo",
    "prefs_every": "Todos los correos",
    "prefs_week": "Como máximo, un correo a la semana",
    "prefs_month": "Como máximo, un correo al mes",
    "prefs_often_help": "Lo que pase de ahí tampoco lo recibirá más tarde.",
    "prefs_counting": "Contar si abro los correos y sigo los enlaces",
    "prefs_counting_help": (
        "Si lo desactiva, {sender} ve que se abrió un correo o se siguió un enlace, pero no que "
        "fue usted."
    ),
    "prefs_save": "Guardar",
    "prefs_saved": "Guardado.",
    "prefs_out": "Se dio de baja de {sender}, así que no se le envía nada.",
    "pause_title": "Hacer una pausa",
    "pause_text": (
        "Durante un tiempo, ningún correo de {sender}. Después vuelven a llegar por sí solos."
    ),
    "pause_days": "{n} días",
    "pause_until": "hasta el {day}",
    "pause_on": "Está en pausa hasta el {day}. Antes, {sender} no le envía nada.",
    "pause_end": "Terminar la pausa ahora",
    "pause_begun": "Listo: ningún correo antes del {day}.",
    "pause_over": "La pausa ha terminado: vuelven a llegar correos.",
    "pause_instead": "Mejor hacer una pausa de {n} días",
    "data_title": "Su ficha",
    "data_first_name": "Nombre",
    "data_last_name": "Apellidos",
    "data_company": "Empresa",
    "data_elsewhere": "Su número en otro sistema de {sender}",
    "data_kind": "Esta dirección pertenece a",
    "data_person": "una persona",
    "data_organisation": "una empresa u organización",
    "data_yes": "Sí",
    "data_no": "No",
    "data_unsaid": "Sin indicar",
    "data_card": "Parece un número de tarjeta. Aquí no se guardan números de tarjeta.",
    "data_number": "No es un número.",
    "data_date": "No es una fecha como 2025-12-31.",
    "data_yes_no": "No es ni sí ni no.",
    "data_long": "Es demasiado largo.",
    "data_wrong": "Aún no se ha guardado nada. Revise lo que está marcado.",
    "address_title": "Otra dirección",
    "address_text": (
        "Enviamos un correo a la nueva dirección. El cambio vale en cuanto pulse allí el botón."
    ),
    "address_label": "Nueva dirección",
    "address_button": "Enviarme ese correo",
    "address_sent": (
        "Si esa dirección se puede usar, ya hay un correo en camino. Hasta que confirme, los "
        "correos llegarán a la anterior."
    ),
    "address_often": "Hoy ya lo ha pedido varias veces. Inténtelo de nuevo mañana.",
    "address_question": "¿Recibir los correos de {sender} en esta dirección?",
    "address_question_text": "Desde entonces, los correos llegarán a {new} y ya no a {old}.",
    "address_confirm": "Usar esta dirección",
    "address_done": "Desde ahora, {sender} escribe a esta dirección.",
    "address_done_title": "Cambio hecho",
    "address_over": "Este enlace ya no vale, o lo ha sustituido otro posterior.",
    "address_taken": "Esta dirección no se puede usar aquí. No se ha cambiado nada.",
    "own_title": "Sus datos",
    "own_text": "Lo que {sender} guarda sobre usted, para verlo o llevárselo.",
    "own_page": "Verlo todo",
    "own_json": "Descargarlo (JSON)",
    "own_by_mail": (
        "Para que no lo vea nadie a quien haya reenviado un correo, antes le enviamos un enlace "
        "por correo."
    ),
    "own_mail_button": "Enviarme el enlace",
    "own_erase": "Borrar mis datos…",
    "own_why": "¿Por qué recibo esto?",
    "ask_title": "Lo que recibe de {sender}",
    "ask_text": (
        "Escriba su dirección. Le enviaremos por correo un enlace con el que puede elegir qué le "
        "envía {sender}, hacer una pausa, ver sus datos o darse de baja."
    ),
    "ask_label": "Su correo electrónico",
    "ask_button": "Enviarme el enlace",
    "ask_bad": "No es una dirección de correo. Mire la parte de alrededor de la @.",
    "ask_done_title": "Mire su correo",
    "ask_done": (
        "Si {sender} conoce esta dirección, en un minuto llegará un correo con el enlace. A cada "
        "dirección se envían como máximo tres al día."
    ),
    "over_title": "Este enlace ya no vale",
    "over_text": "Valía {n} días. Pida uno nuevo:",
    "over_link": "Nuevo enlace por correo",
    "reason_question": "¿Le diría a {sender} por qué?",
    "reason_help": "Ya se ha dado de baja, diga lo que diga y aunque no diga nada.",
    "reason_often": "Demasiados correos",
    "reason_unexpected": "No es lo que esperaba",
    "reason_unasked": "Nunca lo pedí",
    "reason_useless": "Ya no lo necesito",
    "reason_other": "Otra cosa",
    "reason_words": "Con sus palabras (opcional)",
    "reason_button": "Decírselo",
    "reason_thanks": "Gracias. {sender} ve cuántas personas dijeron cada cosa.",
    "take_title": "Lo que {sender} guarda sobre usted",
    "take_made": "Preparado el {day}.",
    "take_person": "Usted",
    "take_address": "Dirección",
    "take_tags": "Etiquetas sobre usted",
    "take_notes": "Notas",
    "take_counted": "Recuento con su nombre",
    "take_added": "Consta desde",
    "take_barred": "No recibe correos",
    "take_barred_unsubscribed": "se dio de baja",
    "take_barred_complaint": "se quejó",
    "take_barred_bounced": "los correos que se le enviaron vinieron devueltos",
    "take_barred_erased": "sus datos se borraron una vez",
    "take_barred_account": "así lo decidió {sender}",
    "take_barred_import": "así lo indicaba un archivo de {sender}",
    "take_noticed": "Observado en su ficha",
    "take_noticed_typo": "la dirección parece mal escrita",
    "take_noticed_role": "la dirección es de un departamento",
    "take_noticed_disposable": "la dirección es de usar y tirar",
    "take_noticed_bounced": "hubo correos devueltos",
    "take_noticed_unconfirmed": "sin confirmar desde hace mucho",
    "take_noticed_silent": "sin señales de lectura desde hace mucho",
    "take_noticed_same_mailbox": "otra ficha lleva al mismo buzón",
    "take_noticed_same_phone": "otra ficha tiene el mismo número de teléfono",
    "take_noticed_same_name": "otra ficha tiene el mismo nombre",
    "take_forms": "Formularios con su dirección",
    "take_lists": "Listas",
    "take_consents": "Lo que aceptó y lo que rechazó",
    "take_changes": "Lo que se cambió",
    "take_entered": "{sender} le dio de alta",
    "take_before": "Guardado para poder deshacer un cambio",
    "take_before_help": "Lo que había antes está en el archivo que puede descargar.",
    "take_before_file": "Un archivo de {sender}",
    "take_before_action": "Un cambio en muchas fichas a la vez",
    "take_before_merge": "Dos fichas se unieron en una",
    "take_mails": "Correos",
    "take_events": "Qué fue de ellos",
    "take_nothing": "Nada.",
    "take_since": "desde el {day}",
    "take_active": "en la lista",
    "take_pending": "sin confirmar",
    "take_ended": "de baja",
    "take_stated": "{sender} indicó que usted aceptó",
    "take_asked": "Solicitado",
    "take_confirmed": "Confirmado",
    "take_withdrawn": "Retirado",
    "take_restored": "Restablecido",
    "take_paused": "Pausa iniciada",
    "take_resumed": "Pausa terminada",
    "take_frequency": "Frecuencia elegida",
    "take_changed": "Ficha modificada",
    "take_open": "abierto",
    "take_click": "enlace seguido",
    "take_unsubscribe": "se dio de baja",
    "take_undo": "volvió",
    "take_bounce": "devuelto sin entregar",
    "take_complaint": "queja",
    "take_sent": "entregado a su servidor de correo",
    "take_failed": "rechazado",
    "take_skipped": "no enviado",
    "take_uncertain": "quizá haya llegado",
    "take_waits": "en camino",
    "take_machine": "por una máquina",
    "why_paused": "Empezó una pausa.",
    "why_resumed": "Terminó su pausa.",
    "why_frequency": "Eligió cada cuánto recibe correos.",
    "why_changed": "Modificó su ficha.",
    "mail_subject": "Su enlace: lo que recibe de {sender}",
    "mail_text": (
        "Alguien, probablemente usted, ha pedido a {sender} un enlace a lo que recibe esta "
        "dirección. Ábralo para elegir qué correos llegan y cada cuánto, hacer una pausa, ver sus "
        "datos o darse de baja."
    ),
    "mail_button": "Elegir qué recibo",
    "mail_life": "El enlace vale {n} días. Si no fue usted, no haga nada.",
    "mail_new_subject": "Por favor, confirme su nueva dirección para {sender}",
    "mail_new_text": (
        "Usted, o alguien que escribió su dirección, quiere recibir los correos de {sender} en "
        "esta dirección. Si fue usted, abra la página y pulse el botón."
    ),
    "mail_new_button": "Ver y confirmar",
    "mail_new_life": (
        "El enlace vale {n} días. Si no fue usted, no haga nada: así no cambia nada."
    ),
    "mail_moved_subject": "{sender} le escribe ahora a otra dirección suya",
    "mail_moved_text": (
        "En su página de preferencias se cambió la dirección y se confirmó la nueva. Desde ahora, "
        "los correos de {sender} ya no llegan aquí."
    ),
    "mail_moved_not_you": (
        "Si no fue usted, dígaselo a {sender}: alguien tiene uno de sus correos, o sus enlaces."
    ),
    "mail_goodbye_subject": "Ya no recibirá más correos de {sender}",
    "mail_goodbye_text": "Este ha sido el último correo de {sender} para usted.",
    "mail_goodbye_back": "Si fue un error, deshágalo aquí:",
    "mail_sent_with": "Enviado con",
}
