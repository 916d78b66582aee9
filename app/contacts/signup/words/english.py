"""English, and the keys that every language has."""

from __future__ import annotations

TEXTS = {
    # What a new form begins with; owners change it.
    "title": "News from {sender}",
    "button": "Sign up",
    "consent": "I would like to get mail from {sender}. Each mail has a link to leave.",
    "thanks": "You are on the list.",
    # The form.
    "email": "Mail address",
    "first_name": "First name",
    "last_name": "Last name",
    "company": "Company",
    "optional": "optional",
    "lists": "What would you like to get?",
    "trap": "Leave this empty",
    "yes": "Yes",
    "wrong": "Please look at this again",
    "wrong_email": "This is not a whole mail address, such as vera@example.com.",
    "wrong_domain": "Addresses of this domain are not taken here. Please use another one.",
    "wrong_missing": "Please fill this in.",
    "wrong_value": "This does not fit here.",
    "wrong_number": "Please enter a number.",
    "wrong_date": "Please enter a date.",
    "wrong_long": "This is too long.",
    "wrong_card": "This looks like a card number. Please do not enter one here.",
    "wrong_lists": "Choose at least one.",
    "wrong_consent": "Please tick this, so that we may write to you.",
    "meant": "Did you mean {meant}?",
    # One step more, where a program might have filled the form in.
    "more_title": "One more press",
    "more_text": "So that no program signs people up, please press the button once more.",
    "more_wait": "The button works in {seconds} seconds.",
    "more_button": "Yes, sign me up",
    "more_soon": "That was too quick. Wait a moment, then press again.",
    # Afterwards.
    "look_title": "Look into your mail",
    "look_text": "We have sent you a mail with a link. Open it and press the button there; "
    "only then are you on the list.",
    "look_hint": "Nothing there after some minutes? Look among the junk mail. Whoever is on the "
    "list already, or was asked today, gets no second mail.",
    "done_title": "Thank you",
    "done_hint": "If you left {sender} before, open the mail that we have just sent you and "
    "press the button there.",
    "closed_title": "This form is closed",
    "closed_text": "{sender} takes no sign-ups here at the moment.",
    "none_title": "There is no form here",
    "privacy": "Privacy at {sender}",
    "none_text": "Look whether the address is complete.",
    "busy_title": "Too many at once",
    "busy_text": "So many sign-ups come in that we take no more just now. Nothing was kept. "
    "Try again in an hour.",
    "close": "Close",
    # The page behind the mail's link.
    "confirm_title": "Yes, I want this mail",
    "confirm_for": "for {email}",
    "confirm_button": "Confirm",
    "confirm_no": "If you did not ask for it, close this page. Nobody writes to you.",
    "confirm_also": "Also asked for in your name:",
    "confirmed_title": "You are on the list",
    "confirmed_text": "Your mail comes to {email}. Each mail has a link to leave again.",
    "over_title": "This link is over",
    "over_text": "Sign up again to get a new one.",
    # The mail.
    "mail_subject": "Please confirm: mail from {sender}",
    "mail_text": "You, or somebody who typed in your address, asked {sender} for mail:",
    "mail_do": "If that was you, open the page and press the button. The link works for "
    "{days} days.",
    "mail_button": "Look and confirm",
    "mail_no": "If it was not you, do nothing. Nobody writes to you without your answer.",
    "mail_plain": "If the button does nothing, open this address:",
    "mail_sent": "Sent with {operator}",
}
