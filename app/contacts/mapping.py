"""Which column of a file means what: guessed from titles and contents, corrected by people.

A mapping is a list with one entry per column, in the file's order: `{"name": title, "to": target}`.
Targets are those of TARGETS, `field:KEY` for a custom field and `new:LABEL` for one that is made
when its first value arrives.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from app.contacts.fields import key_for
from app.contacts.models import ContactField
from app.contacts.text import search_key, words
from app.core.errors import Invalid

Columns = list[dict[str, str]]

TARGETS = {
    "email": "Mail address",
    "first_name": "First name",
    "last_name": "Last name",
    "full_name": "Whole name",
    "company": "Company",
    "kind": "Person or organisation",
    "tags": "Tags",
    "notes": "Notes",
    "status": "Status (subscribed, unsubscribed, bounced)",
    "blocked": "Not to be mailed: yes or no",
    "unsubscribed_at": "When they unsubscribed",
    "bounced_at": "When mail bounced back",
    "skip": "Leave out",
}
ONCE = ("email", "first_name", "last_name", "full_name", "company", "kind", "notes")

#: Titles without spaces, accents and signs, as the exports of common services write them.
TITLES = {
    "email": words(
        "email emailaddress mail mailaddress emailadresse mailadresse epost epostadresse"
        " epostadress email1value email1 email1address primaryemail emailprimary subscriberemail"
        " useremail contactemail workemail correo correoelectronico direcciondecorreo courriel"
        " adresseemail adressemail adresseelectronique indirizzoemail indirizzomail enderecodeemail"
        " emailadres mailadres adres"
    ),
    "first_name": words(
        "firstname fname givenname forename first vorname prenom nombre nome primeironome voornaam"
        " fornavn fornamn imie contactfirstname"
    ),
    "last_name": words(
        "lastname lname surname familyname last nachname familienname zuname nom nomdefamille"
        " apellido apellidos cognome sobrenome apelido achternaam etternavn efternamn nazwisko"
        " contactlastname"
    ),
    "full_name": words(
        "name fullname displayname contactname subscribername kontaktname nomcomplet nombrecompleto"
        " nomecompleto nomecognome volledigenaam naam vollstandigername"
    ),
    "company": words(
        "company companyname organization organisation organizationname organisationname"
        " organization1name firma firmenname unternehmen societe entreprise raisonsociale empresa"
        " azienda societa ragionesociale bedrijf bedrijfsnaam business businessname"
        " associatedcompany"
    ),
    "kind": words("kind contactkind persontype"),
    "tags": words(
        "tags tag labels groupmembership categories schlagworte etiquetas etiquettes etichette"
        " gruppen groups"
    ),
    "notes": words(
        "notes note notizen notiz bemerkung bemerkungen comment comments kommentar notas"
        " observaciones remarques remarque opmerkingen osservazioni"
    ),
    "status": words(
        "status subscriptionstatus emailstatus memberstatus subscriberstatus emailpermissionstatus"
        " emailmarketingstatus marketingstatus statut estado stato"
    ),
    "blocked": words(
        "emailblacklisted blacklisted blocklisted unsubscribed optedout optout emailoptout"
        " hasoptedoutofemail unsubscribedfromallemail donotemail donotcontact abgemeldet"
        " desinscrit desabonne dadodebaja disiscritto descadastrado uitgeschreven"
    ),
    "unsubscribed_at": words(
        "unsubtime unsubscribedat unsubscribetime unsubscribedate dateunsubscribed optoutdate"
        " optouttime"
    ),
    "bounced_at": words("cleantime bouncedat hardbouncereason emailhardbouncereason"),
    "skip": words(
        "leid euid memberrating optinip confirmip latitude longitude gmtoff dstoff photo contactid"
        " recordid uuid subscriberid unsubcampaigntitle unsubcampaignid unsubreason"
        " unsubreasonother cleancampaigntitle cleancampaignid"
    ),
}
_BY_TITLE = {title: target for target, titles in TITLES.items() for title in titles}

#: What a status says, without spaces and accents. Everything else means: may be mailed.
STATUSES = {
    **dict.fromkeys(
        words(
            "unsubscribed unsubscribe unsub optedout optout abgemeldet desinscrit desabonne baja"
            " cancellato disiscritto descadastrado uitgeschreven blocklisted blacklisted"
        ),
        "unsubscribed",
    ),
    **dict.fromkeys(
        words("cleaned bounced bounce hardbounced hardbounce invalid undeliverable"), "bounced"
    ),
    **dict.fromkeys(
        words("complained complaint complaints abuse spam spamcomplaint reportedspam junk"),
        "complaint",
    ),
    **dict.fromkeys(
        words(
            "nonsubscribed notsubscribed neversubscribed unconfirmed pending disabled inactive"
            " archived deleted removed suppressed donotmail blocked"
        ),
        "import",
    ),
}


def fold(title: str) -> str:
    """A title or status word without what differs by taste."""
    return re.sub(r"[\W_]", "", search_key(title))


def is_header(cells: Sequence[str]) -> bool:
    """Whether a first row names columns."""
    filled = [cell for cell in cells if cell.strip()]
    if len(filled) == 1:
        return fold(filled[0]) in TITLES["email"]
    return bool(filled) and not any("@" in cell for cell in filled)


def guess(
    titles: Sequence[str], samples: Sequence[Sequence[str]], known: Mapping[str, ContactField]
) -> Columns:
    """A target for each column: by its title, by existing fields, by what is in it."""
    labels = {fold(field.label): key for key, field in known.items()}
    targets: list[str] = []
    for title in titles:
        folded = fold(title)
        target = _BY_TITLE.get(folded, "")
        if not target and (key := labels.get(folded) or key_for(title)) in known:
            target = f"field:{key}"
        if (target in ONCE or target.startswith("field:")) and target in targets:
            target = ""
        targets.append(target or _field_apart(title, targets, known))
    _find_addresses(targets, samples)
    _settle_names(targets, titles)
    return [{"name": title, "to": to} for title, to in zip(titles, targets, strict=True)]


def _field_apart(title: str, targets: Sequence[str], known: Mapping[str, ContactField]) -> str:
    """A field that no other column of the file becomes: Town, Town 2; a known one where it is."""
    taken = {key_for(target[4:]) for target in targets if target.startswith("new:")}
    taken |= {target[6:] for target in targets if target.startswith("field:")}
    labels = (f"{title} {n}" if n > 1 else title for n in range(1, len(taken) + 2))
    label = next(label for label in labels if key_for(label) not in taken)
    key = key_for(label)
    return f"field:{key}" if key in known else f"new:{label}"


def _find_addresses(targets: list[str], samples: Sequence[Sequence[str]]) -> None:
    """Without a known title, the address column is the one with the most @."""
    if "email" in targets or not targets:
        return
    hits = [
        sum("@" in row[place] for row in samples if place < len(row))
        for place in range(len(targets))
    ]
    if max(hits):
        targets[hits.index(max(hits))] = "email"


def _settle_names(targets: list[str], titles: Sequence[str]) -> None:
    """`Vorname, Name` is first and last; `Nom` or `Nome` alone is the whole name."""
    if "full_name" in targets and "first_name" in targets and "last_name" not in targets:
        targets[targets.index("full_name")] = "last_name"
    for alone, other in (("first_name", "last_name"), ("last_name", "first_name")):
        if alone in targets and other not in targets and "full_name" not in targets:
            place = targets.index(alone)
            if fold(titles[place]) in ("nome", "nombre", "nom"):
                targets[place] = "full_name"


def given(columns: Columns, wanted: Mapping[str, Any]) -> Columns:
    """A guess, corrected by `{column: target}`; a target that is no known word names a field.

    Raises Invalid for columns that the file does not have.
    """
    corrected = [dict(column) for column in columns]
    places = {column["name"]: place for place, column in enumerate(columns)}
    folded = {fold(column["name"]): place for place, column in enumerate(columns)}
    said: set[int] = set()
    for name, target in wanted.items():
        place = places.get(name, folded.get(fold(name)))
        if place is None:
            text = f"The file has no column {name}."
            raise Invalid(text, {"mapping": [text]})
        _put(corrected, place, _target(target), keep=said)
        said.add(place)
    return corrected


def _put(columns: Columns, place: int, to: str, *, keep: set[int]) -> None:
    """Say what a column becomes; a guess that it was another one gives way."""
    if to in ONCE:
        for other, column in enumerate(columns):
            if column["to"] == to and other not in keep:
                column["to"] = f"new:{column['name']}"
    columns[place]["to"] = to


def _target(target: Any) -> str:
    if target in (None, "", "skip", "ignore"):
        return "skip"
    word = str(target)
    if word in TARGETS or word.startswith(("field:", "new:")):
        return word
    for prefix in ("contact.fields.", "fields.", "contact."):
        word = word.removeprefix(prefix)
    return word if word in TARGETS else f"new:{word}"


def check(columns: Columns, known: Mapping[str, ContactField], *, most: int) -> None:
    """Raises Invalid for a mapping that cannot work."""
    targets = [column["to"] for column in columns]
    if targets.count("email") != 1:
        text = "Say which column holds the mail address: exactly one."
        raise Invalid(text, {"mapping": [text]})
    for target in targets:
        kind, _, rest = target.partition(":")
        if target in ONCE and targets.count(target) > 1:
            text = f"{TARGETS[target]} stands for two columns. Leave one of them out."
            raise Invalid(text, {"mapping": [text]})
        if (kind == "field" and rest not in known) or (
            kind not in ("field", "new") and target not in TARGETS
        ):
            raise Invalid(f"There is no field {rest or target}.")
    fresh = _fresh_keys(targets)
    if len(fresh | known.keys()) > most:
        text = f"An account can have {most} fields. Leave some columns out."
        raise Invalid(text, {"mapping": [text]})


def _fresh_keys(targets: Sequence[str]) -> set[str]:
    """Keys of the fields that are made. Raises Invalid where two columns would be one field."""
    labels = {target[6:]: target[6:] for target in targets if target.startswith("field:")}
    given = set(labels)
    for label in (target[4:] for target in targets if target.startswith("new:")):
        key = key_for(label)
        if key in labels:
            text = f"“{labels[key]}” and “{label}” would become the same field. Leave one out."
            raise Invalid(text, {"mapping": [text]})
        labels[key] = label
    return labels.keys() - given
