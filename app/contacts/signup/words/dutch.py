"""Dutch."""

from __future__ import annotations

NAME = "Nederlands"
TEXTS = {
    "title": "Nieuws van {sender}",
    "button": "Aanmelden",
    "consent": "Ik wil graag mail van {sender} krijgen. In elke mail staat een link om u af te "
    "melden.",
    "thanks": "U staat op de lijst.",
    "email": "E-mailadres",
    "first_name": "Voornaam",
    "last_name": "Achternaam",
    "company": "Bedrijf",
    "optional": "niet verplicht",
    "lists": "Wat wilt u krijgen?",
    "trap": "Laat dit leeg",
    "yes": "Ja",
    "wrong": "Kijk hier nog eens naar",
    "wrong_email": "Dit is geen volledig e-mailadres, zoals vera@example.com.",
    "wrong_missing": "Vul dit in.",
    "wrong_value": "Dit past hier niet.",
    "wrong_number": "Vul een getal in.",
    "wrong_date": "Vul een datum in.",
    "wrong_long": "Dit is te lang.",
    "wrong_card": "Dit lijkt op een kaartnummer. Vul dat hier niet in.",
    "wrong_lists": "Kies er minstens één.",
    "wrong_consent": "Vink dit aan, zodat we u mogen schrijven.",
    "meant": "Bedoelde u {meant}?",
    "more_title": "Nog één klik",
    "more_text": "Om te zorgen dat geen programma mensen aanmeldt, drukt u nog één keer op de "
    "knop.",
    "more_wait": "De knop werkt over {seconds} seconden.",
    "more_button": "Ja, ik meld me aan",
    "more_soon": "Dat was te snel. Wacht even en druk dan nog een keer.",
    "look_title": "Kijk in uw mail",
    "look_text": "We hebben u een mail met een link gestuurd. Open die en druk daar op de knop; "
    "pas dan staat u op de lijst.",
    "look_hint": "Na enkele minuten nog niets? Kijk ook bij de ongewenste mail. Wie al op de lijst "
    "staat, of vandaag al gevraagd is, krijgt geen tweede mail.",
    "done_title": "Dank u wel",
    "done_hint": "Hebt u zich eerder afgemeld bij {sender}? Open dan de mail die we u net hebben "
    "gestuurd en druk daar op de knop.",
    "closed_title": "Dit formulier is gesloten",
    "closed_text": "{sender} neemt hier op dit moment geen aanmeldingen aan.",
    "none_title": "Hier is geen formulier",
    "none_text": "Kijk of het adres volledig is.",
    "busy_title": "Te veel tegelijk",
    "busy_text": "Er komen zo veel aanmeldingen binnen dat we er nu geen meer aannemen. Er is "
    "niets bewaard. Probeer het over een uur nog eens.",
    "close": "Sluiten",
    "confirm_title": "Ja, ik wil deze mail",
    "confirm_for": "voor {email}",
    "confirm_button": "Bevestigen",
    "confirm_no": "Hebt u hier niet om gevraagd? Sluit dan deze pagina. Niemand schrijft u.",
    "confirm_also": "Ook in uw naam gevraagd:",
    "confirmed_title": "U staat op de lijst",
    "confirmed_text": "De mail komt op {email}. In elke mail staat een link om u af te melden.",
    "over_title": "Deze link is verlopen",
    "over_text": "Meld u opnieuw aan om een nieuwe te krijgen.",
    "mail_subject": "Bevestig alstublieft: mail van {sender}",
    "mail_text": "U, of iemand die uw adres heeft ingevuld, heeft {sender} om mail gevraagd:",
    "mail_do": "Was u dat? Open dan de pagina en druk op de knop. De link werkt {days} dagen.",
    "mail_button": "Bekijken en bevestigen",
    "mail_no": "Was u het niet? Doe dan niets. Zonder uw antwoord schrijft niemand u.",
    "mail_plain": "Doet de knop niets? Open dan dit adres:",
    "mail_sent": "Verstuurd met {operator}",
}
