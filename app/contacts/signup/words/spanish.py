"""Spanish."""

from __future__ import annotations

NAME = "Español"
TEXTS = {
    "title": "Novedades de {sender}",
    "button": "Suscribirme",
    "consent": "Quiero recibir los correos de {sender}. En cada correo hay un enlace para darse "
    "de baja.",
    "thanks": "Ya está en la lista.",
    "email": "Correo electrónico",
    "first_name": "Nombre",
    "last_name": "Apellidos",
    "company": "Empresa",
    "optional": "opcional",
    "lists": "¿Qué le gustaría recibir?",
    "trap": "Deje esto vacío",
    "yes": "Sí",
    "wrong": "Por favor, revise esto",
    "wrong_email": "No es una dirección de correo completa, como vera@example.com.",
    "wrong_missing": "Por favor, rellene esto.",
    "wrong_value": "Esto no encaja aquí.",
    "wrong_number": "Por favor, escriba un número.",
    "wrong_date": "Por favor, escriba una fecha.",
    "wrong_long": "Es demasiado largo.",
    "wrong_card": "Parece un número de tarjeta. No escriba ninguno aquí.",
    "wrong_lists": "Elija al menos una opción.",
    "wrong_consent": "Por favor, marque esta casilla para que podamos escribirle.",
    "meant": "¿Quería decir {meant}?",
    "more_title": "Un clic más",
    "more_text": "Para que ningún programa suscriba a nadie, pulse el botón una vez más.",
    "more_wait": "El botón funciona dentro de {seconds} segundos.",
    "more_button": "Sí, quiero suscribirme",
    "more_soon": "Ha sido demasiado rápido. Espere un momento y pulse otra vez.",
    "look_title": "Mire su correo",
    "look_text": "Le hemos enviado un correo con un enlace. Ábralo y pulse el botón; solo entonces "
    "estará en la lista.",
    "look_hint": "¿No llega nada tras unos minutos? Mire en el correo no deseado. Quien ya está en "
    "la lista, o ya recibió hoy la pregunta, no recibe un segundo correo.",
    "done_title": "Gracias",
    "done_hint": "Si se dio de baja de {sender} en otro momento, abra el correo que acabamos de "
    "enviarle y pulse el botón.",
    "closed_title": "Este formulario está cerrado",
    "closed_text": "{sender} no admite suscripciones aquí en este momento.",
    "none_title": "Aquí no hay ningún formulario",
    "none_text": "Compruebe que la dirección está completa.",
    "busy_title": "Demasiadas a la vez",
    "busy_text": "Llegan tantas suscripciones que ahora no admitimos más. No se ha guardado nada. "
    "Inténtelo de nuevo dentro de una hora.",
    "close": "Cerrar",
    "confirm_title": "Sí, quiero estos correos",
    "confirm_for": "para {email}",
    "confirm_button": "Confirmar",
    "confirm_no": "Si no lo ha pedido, cierre esta página. Nadie le escribirá.",
    "confirm_also": "También se pidió en su nombre:",
    "confirmed_title": "Ya está en la lista",
    "confirmed_text": "Los correos llegarán a {email}. Cada uno tiene un enlace para darse de "
    "baja.",
    "over_title": "Este enlace ya no vale",
    "over_text": "Suscríbase otra vez para recibir uno nuevo.",
    "mail_subject": "Por favor, confirme: correos de {sender}",
    "mail_text": "Usted, o alguien que escribió su dirección, ha pedido correos a {sender}:",
    "mail_do": "Si fue usted, abra la página y pulse el botón. El enlace vale {days} días.",
    "mail_button": "Ver y confirmar",
    "mail_no": "Si no fue usted, no haga nada. Nadie le escribirá sin su respuesta.",
    "mail_plain": "Si el botón no hace nada, abra esta dirección:",
    "mail_sent": "Enviado con {operator}",
}
