"""Which column of a file means what: guessed from titles and contents, corrected by people.

A mapping is a list with one entry per column, in the file's order: `{"name": title, "to": target}`,
with `"keep": true` where what is known already stays. Targets are those of TARGETS, `field:KEY` for
a custom field and `new:LABEL` for one that is made when its first value arrives. A column of JSON
objects has the names in them as `"keys"`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from app.contacts import services
from app.contacts.fields import LONGEST_KEY, NO, YES, key_for
from app.contacts.formats.limits import MOST_COLUMNS
from app.contacts.models import ContactField
from app.contacts.text import clean_line, search_key, words
from app.core.errors import Invalid

Columns = list[dict[str, Any]]

TARGETS = {
    "email": "Mail address",
    "first_name": "First name",
    "last_name": "Last name",
    "full_name": "Whole name",
    "company": "Company",
    "external_id": "Your own number or id for them",
    "kind": "Person or organisation",
    "tags": "Tags",
    "lists": "Lists (made where there are none)",
    "notes": "Notes",
    "status": "Status (subscribed, unsubscribed, bounced)",
    "blocked": "Not to be mailed: yes or no",
    "allowed": "May be mailed: yes or no",
    "post_allowed": "May be reached by post: yes or no",
    "phone_allowed": "May be phoned: yes or no",
    "unsubscribed_at": "When they unsubscribed",
    "bounced_at": "When mail bounced back",
    "consented_at": "When they signed up",
    "confirmed_at": "When they confirmed",
    "consent_ip": "Network address they signed up from",
    "attributes": "More fields (JSON, as listmonk writes it)",
    "skip": "Leave out",
}
#: Columns about other channels than mail, and which.
WAYS = {"post_allowed": "post", "phone_allowed": "phone"}
ONCE = (
    "email", "first_name", "last_name", "full_name", "company", "external_id", "kind", "attributes",
    "consented_at", "confirmed_at", *WAYS,
)  # fmt: skip
#: Of one JSON object.
MOST_KEYS = 50

#: Titles without spaces, accents and signs, as the exports of common services write them.
TITLES = {
    "email": words(
        "email emailaddress mail mailaddress emailadresse mailadresse epost epostadresse"
        " epostadress email1value email1 email1address primaryemail emailprimary subscriberemail"
        " useremail contactemail workemail correo correoelectronico direcciondecorreo courriel"
        " adresseemail adressemail adresseelectronique indirizzoemail indirizzomail enderecodeemail"
        " emailadres mailadres adres subscriber"
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
    "external_id": words("externalid extid externid foreignkey foreignid externalkey"),
    "kind": words("kind contactkind persontype"),
    "tags": words(
        "tags tag labels groupmembership categories schlagworte etiquetas etiquettes etichette"
        " gruppen groups segments"
    ),
    "lists": words(
        "lists list emaillists listmembership listname listnames mailinglist mailinglists"
        " audiences listen verteiler listes listas liste lijsten"
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
        " optouttime confirmedoptoutdate emailoptoutdate unsubscribedon"
    ),
    "consented_at": words(
        "optintime optindate optedinat optedindate subscribedat subscribedate subscriptiondate"
        " datesubscribed signupdate signuptime signedupat consentdate consentat consentedat"
        " emailoptindate anmeldedatum angemeldetam dateinscription"
    ),
    "confirmed_at": words(
        "confirmtime confirmedat confirmationtime confirmationdate optinconfirmedat"
        " doubleoptintime doubleoptindate confirmedoptindate bestatigtam"
    ),
    "consent_ip": words(
        "optinip confirmip signupip consentip subscribeip ipaddress optinipaddress confirmationip"
    ),
    "bounced_at": words("cleantime bouncedat hardbouncereason emailhardbouncereason"),
    "skip": words(
        "leid euid memberrating latitude longitude gmtoff dstoff photo contactid"
        " recordid uuid subscriberid unsubcampaigntitle unsubcampaignid unsubreason"
        " unsubreasonother cleancampaigntitle cleancampaignid sourcefile"
    ),
}
#: Titles of columns that say who may be mailed, and who reached by other channels, when they hold
#: nothing but yes and no.
ALLOWING = {
    "allowed": words(
        "subscribed optin optedin emailoptin newsletter acceptsmarketing acceptsemailmarketing"
        " emailmarketing consent angemeldet einwilligung abonne suscrito iscritto emailallowed"
        " mailallowed emailconsent"
    ),
    "post_allowed": words(
        "post postallowed postoptin postconsent postal postalallowed postaloptin postalconsent"
        " postalmail directmail directmailoptin postwerbung werbungperpost courrier correopostal"
    ),
    "phone_allowed": words(
        "phoneallowed phoneoptin phoneconsent phonecalls telephoneallowed telephoneoptin"
        " telephoneconsent calloptin callsallowed telefonwerbung werbungpertelefon"
    ),
}
_allowing = {title: target for target, titles in ALLOWING.items() for title in titles}
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
            " archived deleted removed suppressed donotmail blocked pendingconfirmation"
            " awaitingconfirmation notconfirmed notoptedin"
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
    service = services.recognise(map(fold, titles))
    theirs = service.targets if service else {}
    targets: list[str] = []
    for place, title in enumerate(titles):
        folded = fold(title)
        target = theirs.get(folded) or _BY_TITLE.get(folded) or ""
        if not target and (allows := _allowing.get(folded)) and _is_yes_or_no(samples, place):
            target = allows
        if target.startswith("new:"):
            title, target = target[4:], ""
            folded = fold(title)
        if not target and (key := labels.get(folded) or key_for(title)) in known:
            target = f"field:{key}"
        if (target in ONCE or target.startswith("field:")) and target in targets:
            target = ""
        targets.append(target or _field_apart(title, targets, known))
    _find_addresses(targets, samples)
    _settle_names(targets, titles)
    columns: Columns = [
        {"name": title, "to": to} for title, to in zip(titles, targets, strict=True)
    ]
    return with_keys(columns, samples)


def _is_yes_or_no(samples: Sequence[Sequence[str]], place: int) -> bool:
    words = {row[place].strip().casefold() for row in samples if place < len(row)} - {""}
    return bool(words) and words <= YES | NO


def with_keys(columns: Columns, samples: Sequence[Sequence[str]]) -> Columns:
    """The same; a column of JSON objects says which names are in them."""
    return [
        {**column, "keys": _keys(place, samples)} if column["to"] == "attributes" else column
        for place, column in enumerate(columns)
    ]


def _keys(place: int, samples: Sequence[Sequence[str]]) -> list[str]:
    found: dict[str, None] = {}
    for cell in (row[place] for row in samples if place < len(row)):
        try:
            names = json.loads(cell or "{}")
        except (ValueError, RecursionError):
            continue
        if isinstance(names, dict):
            found.update(dict.fromkeys(names))
    by_key = {key_for(name): name for name in found if clean_line(name) == name}
    return list(by_key.values())[:MOST_KEYS]


def _field_apart(title: str, targets: Sequence[str], known: Mapping[str, ContactField]) -> str:
    """A field that no other column of the file becomes: Town, Town 2; a known one where it is."""
    taken = {key_for(target[4:]) for target in targets if target.startswith("new:")}
    taken |= {target[6:] for target in targets if target.startswith("field:")}
    short = _with_room(title)
    labels = (f"{short} {n}" if n > 1 else title for n in range(1, len(taken) + 2))
    label = next(label for label in labels if key_for(label) not in taken)
    key = key_for(label)
    return f"field:{key}" if key in known else f"new:{label}"


def _with_room(title: str) -> str:
    """A title whose key can take a number at its end, where it would be cut off else."""
    most = LONGEST_KEY - len(f"_{MOST_COLUMNS}")
    while (size := len(key_for(title))) > most:
        title = title[: min(len(title) - 1, len(title) * most // size)]
    return title.rstrip()


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

    `{column: {"to": target, "keep": true}}` keeps what is known of a person already; without a
    target, the guess stays.

    Raises Invalid for columns that the file does not have.
    """
    corrected: Columns = [dict(column) for column in columns]
    places = {column["name"]: place for place, column in enumerate(columns)}
    folded = {fold(column["name"]): place for place, column in enumerate(columns)}
    said: set[int] = set()
    for name, target in wanted.items():
        place = places.get(name, folded.get(fold(name)))
        if place is None:
            text = f"The file has no column {name}."
            raise Invalid(text, {"mapping": [text]})
        to, keep = (
            (target.get("to"), target.get("keep")) if isinstance(target, dict) else (target, 0)
        )
        if not (isinstance(target, dict) and "to" not in target):
            _put(corrected, place, _target(to), keep=said)
        if keep is True:
            corrected[place]["keep"] = True
        said.add(place)
    return corrected


def _put(columns: Columns, place: int, to: str, *, keep: set[int]) -> None:
    """Say what a column becomes; a guess that it was another one gives way."""
    if to in ONCE:
        for other, column in enumerate(columns):
            if other != place and column["to"] == to and other not in keep:
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
    targets = [str(column["to"]) for column in columns]
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
    inside = [f"new:{key}" for column in columns for key in column.get("keys", ())]
    fresh = _fresh_keys(targets) | {key_for(to[4:]) for to in inside}
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
