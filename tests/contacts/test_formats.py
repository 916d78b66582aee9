"""Spreadsheets, address cards, zips and pasted text become rows; bombs become a plain reason."""

from __future__ import annotations

import csv
import io
import json
import resource
import struct
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.contacts.formats import cards, converting, pasted
from app.contacts.formats.limits import TooLarge, Unreadable
from tests.contacts.workbooks import letters, ods, packed, sheet, xlsx

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "contacts"


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("formats")


def turned(folder: Path, raw: bytes) -> tuple[list[list[str]], dict[str, object]]:
    """The rows of the CSV that comes of a file, and its dialect."""
    source, target = folder / "source", folder / "target.csv"
    target.unlink(missing_ok=True)
    source.write_bytes(raw)
    dialect = converting.convert(source, target)
    with target.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file)), dialect


PEOPLE = [["Email", "Name", "Zip"], ["ann@example.com", "Zoë, Ann", 1234], [], ["b@example.com"]]


@pytest.mark.parametrize("make", [xlsx, ods])
def test_a_row_has_the_number_that_the_spreadsheet_shows(
    folder: Path, make: Callable[..., bytes]
) -> None:
    rows, dialect = turned(folder, make({"People": PEOPLE}))

    assert rows[:2] == [["Email", "Name", "Zip"], ["ann@example.com", "Zoë, Ann", "1234"]]
    assert rows[2] == []
    assert rows[3][0] == "b@example.com"
    assert dialect["columns"] == ["Email", "Name", "Zip"]
    assert dialect["tables"] == ["People"]


def test_values_of_excel_are_written_as_they_are_shown(folder: Path) -> None:
    rows = (
        '<row r="2"><c r="A2" t="inlineStr"><is><r><t>an</t></r><r><t>n@example.com</t></r>'
        '<rPh><t>no</t></rPh></is></c><c r="B2" s="1"><v>45000</v></c>'
        '<c r="C2" s="2"><v>45000.75</v></c><c r="D2" s="3"><v>815</v></c>'
        '<c r="E2"><v>4.9305550115E10</v></c><c r="F2"><v>0.30000000000000004</v></c>'
        '<c r="G2" t="b"><v>1</v></c><c r="H2" t="str"><f>A1</f><v>x_x000D_y</v></c>'
        '<c r="I2" t="e"><v>#N/A</v></c><c t="d"><v>2024-02-29T00:00:00</v></c></row>'
    )
    found, _ = turned(folder, xlsx({"S": [["Email"]]}, xl__worksheets__sheet1=sheet(rows)))

    assert found == [
        [],
        ["ann@example.com", "2023-03-15", "2023-03-15 18:00:00", "00815", "49305550115", "0.3",
         "yes", "x\ny", "#N/A", "2024-02-29"],
    ]  # fmt: skip


OLD = Path(__file__).parent / "data" / "excel_2003.xls"


def test_workbooks_of_before_2007(folder: Path) -> None:
    """Written by another program: texts over the ends of records, rows left out, two sheets that
    hold nobody or are hidden."""
    rows, dialect = turned(folder, OLD.read_bytes())

    assert (dialect["kind"], dialect["tables"]) == ("xls", ["Kunden £"])
    assert dialect["left_out"] == ["Notes"]
    assert len(rows) == 204
    assert rows[1] == [
        "p1@example.com", "Zoë Ann 1", "01001", "1980-02-29", "2020-05-01 09:30:00", "yes", "0.125",
        "", "Łódź-" * 20 + "1",
    ]  # fmt: skip
    assert rows[100:103] == [[], [], []]
    people = [row for row in rows[1:] if row]
    for n, row in enumerate(people, 1):
        assert row[0] == f"p{n}@example.com"
        assert row[1] == ("Zoë Ann" if n % 2 else "Żaneta") + f" {n}"
        assert row[8] == ("Łódź-" if n % 3 else "plain ") * 20 + str(n)
    assert turned(folder, packed({"a.csv": "Email\nz@example.com\n", "b.xls": OLD.read_bytes()}))[
        1
    ]["tables"] == ["a.csv", "b.xls"]


def test_what_only_looks_like_an_old_workbook_is_named(folder: Path) -> None:
    raw = OLD.read_bytes()
    name = "Workbook".encode("utf-16-le")
    for other, words in (("EncrWord", "old office file"), ("Workbokk", "old office file")):
        with pytest.raises(Unreadable, match=words):
            turned(folder, raw.replace(name, other.encode("utf-16-le")))
    for broken in (raw[:3000], raw[:512], raw[:512] + bytes(len(raw) - 512)):
        with pytest.raises(Unreadable):
            turned(folder, broken)


def test_sheets_without_addresses_stay_out_and_the_others_become_one(folder: Path) -> None:
    book = xlsx({"Sums": [["Total"], [5]], "People": PEOPLE, "Old": [["Mail"], ["c@example.com"]]})

    rows, dialect = turned(folder, book)

    assert (dialect["tables"], dialect["left_out"]) == (["People", "Old"], ["Sums"])
    assert rows[0] == ["Email", "Name", "Zip", "Source file"]
    assert [(row[0], row[3]) for row in rows[1:]] == [
        ("ann@example.com", "People"), ("b@example.com", "People"), ("c@example.com", "Old"),
    ]  # fmt: skip


def test_repeated_cells_of_open_documents_stand_as_often_as_they_are_there(folder: Path) -> None:
    rows = (
        "<table:table-row><table:table-cell><text:p>Email</text:p></table:table-cell>"
        '<table:table-cell table:number-columns-repeated="2"><text:p>X</text:p>'
        "</table:table-cell></table:table-row>"
        '<table:table-row table:number-rows-repeated="2"><table:table-cell/></table:table-row>'
        "<table:table-row><table:table-cell><office:annotation><text:p>no</text:p>"
        "</office:annotation><text:p>ann@<text:span>example.com</text:span></text:p>"
        '</table:table-cell><table:table-cell office:value-type="date" '
        'office:date-value="2024-02-29T00:00:00"><text:p>29.2.</text:p></table:table-cell>'
        '<table:table-cell office:value-type="float" office:value="815">'
        "<text:p>00815</text:p></table:table-cell></table:table-row>"
        '<table:table-row table:number-rows-repeated="1048000"><table:table-cell/>'
        "</table:table-row>"
    )

    found, _ = turned(folder, ods({"S": rows}))

    assert found == [["Email", "X", "X"], [], [], ["ann@example.com", "2024-02-29", "00815"]]


def test_a_heading_above_the_titles_is_no_title(folder: Path) -> None:
    _, dialect = turned(folder, xlsx({"S": [["Customers 2024"], [], *PEOPLE]}))

    assert dialect["columns"] == ["Email", "Name", "Zip"]
    assert dialect["before"] == 2


def test_a_zip_of_several_files_is_one_table(folder: Path) -> None:
    rows, dialect = turned(
        folder,
        packed(
            {
                "subscribed_x.csv": "Email Address,First Name\nann@example.com,Ann\n",
                "cleaned_x.csv": "First Name;Email Address\nBen;ben@example.com\n".encode("utf-16"),
                "people.xlsx": xlsx({"S": [["E-Mail"], ["cid@example.com"]]}),
                "cards.vcf": b"BEGIN:VCARD\nEMAIL:dan@example.com\nEND:VCARD\n",
                "bare.txt": "eve@example.com\n",
                "logo.png": b"\x89PNG",
                "__MACOSX/._x.csv": "junk",
            }
        ),
    )

    places = [rows[0].index(title) for title in ("Source file", "Member status")]
    email = dialect["columns"].index("Email")  # type: ignore[attr-defined]
    assert {(row[email], row[places[0]], row[places[1]]) for row in rows[1:]} == {
        ("ann@example.com", "subscribed_x.csv", ""),
        ("ben@example.com", "cleaned_x.csv", "cleaned"),
        ("cid@example.com", "people.xlsx", ""), ("dan@example.com", "cards.vcf", ""),
        ("eve@example.com", "bare.txt", ""),
    }  # fmt: skip
    assert dialect["left_out"] == ["logo.png"]


# Address cards


@pytest.mark.parametrize("name", sorted(path.name for path in DATA.glob("vcard/*.vcf")) or ["none"])
def test_cards_of_common_programs(folder: Path, name: str) -> None:
    if name == "none":
        pytest.skip(f"no sample data in {DATA}")
    expected = json.loads((DATA / "vcard" / "expected.json").read_text())[name]

    rows, _ = turned(folder, (DATA / "vcard" / name).read_bytes())

    assert len(rows) - 1 == expected["cards"]
    addresses = [address for row in rows[1:] for address in row[0].split(" ::: ")]
    assert len(addresses) == len(expected["email_values"])
    if name != "John_Doe_EVOLUTION.vcf":  # its address is folded in two, and not the one expected
        assert addresses == expected["email_values"]


def card(folder: Path, *lines: str, encoding: str = "utf-8") -> dict[str, str]:
    text = "\r\n".join(["BEGIN:VCARD", *lines, "END:VCARD", ""])
    rows, _ = turned(folder, text.encode(encoding))
    (values,) = rows[1:]
    return {title: value for title, value in zip(cards.TITLES, values, strict=True) if value}


def test_cards_of_all_versions(folder: Path) -> None:
    old = card(
        folder, "VERSION:2.1",
        "N;CHARSET=ISO-8859-1;ENCODING=QUOTED-PRINTABLE:M=FCller;J=FCrgen",
        "EMAIL;INTERNET:b@example.com", "EMAIL;PREF;INTERNET:ann@example.com",
        "PHOTO;ENCODING=BASE64;TYPE=JPEG:", " QUJD", " REVG", "",
        "AGENT:", "BEGIN:VCARD", "FN:Somebody else", "EMAIL:else@example.com", "END:VCARD",
        "NOTE;QUOTED-PRINTABLE:one=0D=0A=", "two",
    )  # fmt: skip
    new = card(
        folder, "VERSION:4.0", "FN:Ann van Example", "item1.EMAIL;PREF=2:b@example.com",
        'EMAIL;TYPE="work,home";PREF=1:mailto:ann@example.com', "ORG:Shop\\; Co;Sales",
        "TEL;VALUE=uri:tel:+49-1;ext=5", "CATEGORIES:a\\,b,c", "BDAY:19800322", "NOTE:one\\ntwo",
    )  # fmt: skip

    assert old == {
        "E-mail": "ann@example.com ::: b@example.com", "First name": "Jürgen",
        "Last name": "Müller", "Notes": "one\ntwo",
    }  # fmt: skip
    assert new == {
        "E-mail": "ann@example.com ::: b@example.com", "First name": "Ann van",
        "Last name": "Example", "Company": "Shop; Co, Sales", "Phone": "+49-1 ext. 5",
        "Tags": "a b,c", "Birthday": "1980-03-22", "Notes": "one\ntwo",
    }  # fmt: skip


def test_letters_that_a_fold_cuts_in_two_are_put_together(folder: Path) -> None:
    raw = "BEGIN:VCARD\r\nFN:Zo\u00eb Ann\r\nEMAIL:ann@example.com\r\nEND:VCARD\r\n".encode()
    cut = raw.replace("\u00eb".encode(), b"\xc3\r\n \xab")

    rows, _ = turned(folder, cut)

    assert rows[1][1:3] == ["Zoë", "Ann"]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=90),
            st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=40),
        ),
        min_size=1,
        max_size=5,
    ),
    st.sampled_from(["2.1", "3.0"]),
    st.integers(1, 70),
)
def test_what_is_written_into_cards_comes_out_of_them(
    folder: Path, people: list[tuple[str, str]], version: str, width: int
) -> None:
    written: list[bytes] = []
    for place, (note, last) in enumerate(people):
        written += [
            b"BEGIN:VCARD", f"VERSION:{version}".encode(), f"EMAIL:p{place}@example.com".encode(),
            *_line("N", f"{_escaped(last)};First", version, width),
            *_line("NOTE", _escaped(note), version, width), b"END:VCARD",
        ]  # fmt: skip

    rows, _ = turned(folder, b"\r\n".join(written))

    assert [(row[0], row[2], row[14]) for row in rows[1:]] == [
        (f"p{place}@example.com", last.strip(), note.strip())
        for place, (note, last) in enumerate(people)
    ]


def _escaped(text: str) -> str:
    for sign in "\\;,":
        text = text.replace(sign, f"\\{sign}")
    return text


def _line(name: str, value: str, version: str, width: int) -> list[bytes]:
    """Folded as its version does it: 3.0 between bytes, 2.1 with soft ends."""
    if version == "3.0":
        raw = f"{name}:{value}".encode()
        parts = [raw[at : at + width] for at in range(0, len(raw), width)]
        return [parts[0], *(b" " + part for part in parts[1:])]
    signs = [f"={byte:02X}" for byte in value.encode()]
    parts = ["".join(signs[at : at + 20]) for at in range(0, len(signs), 20)] or [""]
    head = f"{name};CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:"
    return [line.encode() for line in [*(f"{p}=" for p in [head + parts[0], *parts[1:]][:-1]),
            [head + parts[0], *parts[1:]][-1]]]  # fmt: skip


# Pasted text


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("ann@example.com\nben@example.com", [["ann@example.com"], ["ben@example.com"]]),
        ("Email\tName\nann@example.com\tAnn", [["Email\tName"], ["ann@example.com\tAnn"]]),
        (
            'Ann A <ann@example.com>; "Doe, Ben" <ben@example.com>,\nCid, D <cid@example.com>',
            [["Email", "Name"], ["ann@example.com", "Ann A"], ["ben@example.com", "Doe, Ben"],
             ["cid@example.com", "Cid, D"]],
        ),
        (
            "a@example.com, b@example.com;nonsense\nmailto:c@example.com d@example.com",
            [["Email", "Name"], ["a@example.com", ""], ["b@example.com", ""], ["nonsense", ""],
             ["c@example.com d@example.com", ""]],
        ),
    ],
)  # fmt: skip
def test_pasted_text_is_taken_as_it_comes(text: str, rows: list[list[str]]) -> None:
    assert list(csv.reader(io.StringIO(pasted.as_csv(text).decode()))) == rows


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="ab@.<>,;\"' \n\t", max_size=60))
@example('"<a@b')
def test_nothing_that_was_pasted_is_left_out(text: str) -> None:
    found = pasted.as_csv(text).decode()

    letters_of = [sum(part.count(sign) for part in (found,)) for sign in "ab."]
    heading = "Email,Name\n"
    title = heading.count("a") if found.startswith(heading) and not text.startswith(heading) else 0
    assert letters_of == [text.count("a") + title, text.count("b"), text.count(".")]


# Bombs and broken files


def bomb_of_zeros() -> bytes:
    return packed({"xl/workbook.xml": "<a/>", "xl/sharedStrings.xml": bytes(200 << 20)})


def bomb_of_entities() -> bytes:
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    text = f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e0 "ha">{entities}]><sst>&e11;</sst>'
    return xlsx({"S": PEOPLE}, xl__sharedStrings=text)


def bomb_of_rows() -> bytes:
    cells = "<table:table-cell><text:p>" + "x" * 9_000 + "@</text:p></table:table-cell>"
    row = f'<table:table-row table:number-rows-repeated="1000000000">{cells}</table:table-row>'
    return ods({"S": row})


def bomb_of_columns() -> bytes:
    cell = '<table:table-cell table:number-columns-repeated="900000"><text:p>a@example.com</text:p>'
    return ods({"S": f"<table:table-row>{cell}</table:table-cell></table:table-row>"})


def bomb_of_blank_rows() -> bytes:
    blank = '<table:table-row table:number-rows-repeated="4000000000"/>'
    row = "<table:table-row><table:table-cell><text:p>a@example.com</text:p></table:table-cell>"
    return ods({"S": f"{row}</table:table-row>{blank}{row}</table:table-row>"})


def bomb_of_places() -> bytes:
    rows = (
        '<row r="1"><c r="A1" t="str"><v>a@example.com</v></c></row>'
        '<row r="1048576"><c r="XFD1048576" t="str"><v>x</v></c></row>'
    )
    return xlsx({"S": PEOPLE}, xl__worksheets__sheet1=sheet(rows))


def bomb_of_files() -> bytes:
    return packed({f"{n}.csv": "a@example.com" for n in range(3_000)})


def bomb_in_a_bomb() -> bytes:
    return packed({"a.csv": "a@example.com\n", "inner.zip": packed({"b.csv": "b@example.com\n"})})


def bomb_in_disguise() -> bytes:
    return packed({"a.csv": packed({"b.csv": "b@example.com\n"})})


def bomb_of_depth() -> bytes:
    return xlsx({"S": PEOPLE}, xl__worksheets__sheet1="<a>" * 100_000)


def bomb_of_an_attribute() -> bytes:
    return xlsx({"S": PEOPLE}, xl__worksheets__sheet1=f'<a b="{"x" * (20 << 20)}"/>')


def bomb_of_links() -> bytes:
    """Entries that share their bytes: each unpacks the same few again."""
    raw = packed({"a.csv": "a@example.com\n" * 300_000})
    end = raw.rfind(b"PK\x05\x06")
    start = struct.unpack("<I", raw[end + 16 : end + 20])[0]
    entry = raw[start:end]
    entries = b"".join(entry.replace(b"a.csv", b"%c.csv" % (65 + n)) for n in range(40))
    tail = bytearray(raw[end:])
    tail[8:16] = struct.pack("<HHI", 40, 40, len(entries))
    return raw[:start] + entries + bytes(tail)


def locked() -> bytes:
    raw = bytearray(packed({"a.csv": "a@example.com\n"}))
    for sign, at in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        raw[raw.find(sign) + at] |= 1
    return bytes(raw)


BOMBS = {
    bomb_of_zeros: "far larger", bomb_of_entities: "entities", bomb_of_rows: "repeated rows",
    bomb_of_columns: "500 columns", bomb_of_blank_rows: "repeated rows",
    bomb_of_places: "500 columns", bomb_of_files: "files", bomb_in_a_bomb: "packed file inside",
    bomb_in_disguise: "zip file inside", bomb_of_depth: "damaged", bomb_of_an_attribute: "damaged",
    bomb_of_links: "far larger|damaged", locked: "password",
}  # fmt: skip


@pytest.mark.parametrize("make", BOMBS, ids=lambda make: make.__name__)
def test_bombs_are_refused_in_words(folder: Path, make: Callable[[], bytes]) -> None:
    raw = make()
    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()

    with pytest.raises((Unreadable, TooLarge), match=BOMBS[make]):
        turned(folder, raw)

    assert time.monotonic() - started < 60
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 150_000, f"{grown} KB"
    assert not list(folder.glob("reading-*"))


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"word/document.xml": "<a/>"}, "text document"),
        ({"xl/workbook.bin": "x"}, "binary workbook"),
        ({"readme.md": "x"}, "no CSV file"),
        ({"a.csv": "just words\nmore words\n"}, "no mail address"),
        ({"xl/workbook.xml": "<workbook/>"}, "no sheet"),
    ],
)
def test_other_packed_files_are_named(folder: Path, parts: dict[str, str], words: str) -> None:
    with pytest.raises(Unreadable, match=words):
        turned(folder, packed(parts))


_SEEDS = [
    xlsx({"S": PEOPLE}),
    ods({"S": PEOPLE}),
    packed({"a.csv": "Email\na@example.com\n", "b.xlsx": xlsx({"S": PEOPLE})}),
    b"BEGIN:VCARD\nN;ENCODING=QUOTED-PRINTABLE:=C3=\n=87;x\nEMAIL:a@b.example\nEND:VCARD\n",
    OLD.read_bytes(),
    OLD.read_bytes(),
]


def unpacked_and_changed(raw: bytes, changes: list[tuple[int, bytes]]) -> bytes:
    """The same archive with bytes of its parts changed, so that the zip itself stays whole."""
    parts: dict[str, str | bytes] = {}
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        for name in archive.namelist():
            content = bytearray(archive.read(name))
            for at, new in changes:
                place = at % (len(content) + 1)
                content[place : place + len(new)] = new
            parts[name] = bytes(content)
    return packed(parts)


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(_SEEDS),
    st.lists(st.tuples(st.integers(0, 1 << 17), st.binary(min_size=1, max_size=6)), max_size=6),
    st.booleans(),
    st.integers(0, 1 << 16),
)
def test_any_change_of_bytes_has_a_clear_answer(
    folder: Path, raw: bytes, changes: list[tuple[int, bytes]], inside: bool, cut: int
) -> None:
    if inside and raw.startswith(b"PK"):
        content = unpacked_and_changed(raw, changes)
    else:
        whole = bytearray(raw)
        for at, new in changes:
            whole[at % len(whole) : at % len(whole) + len(new)] = new
        content = bytes(whole[: cut % len(whole) + 1] if cut % 3 == 0 else whole)

    answer = answered(folder, content)

    if isinstance(answer, str):
        assert answer.endswith(".")
    else:
        assert any("@" in cell for row in answer for cell in row)


def answered(folder: Path, content: bytes) -> list[list[str]] | str:
    """The rows, or why there are none."""
    try:
        return turned(folder, content)[0]
    except (Unreadable, TooLarge) as refused:
        return str(refused)


def test_columns_are_named_by_letters() -> None:
    from app.contacts.formats.xlsx import _column

    assert [_column(f"{letters(place)}7") for place in (0, 25, 26, 54, 16_383)] == [
        0, 25, 26, 54, 16_383,
    ]  # fmt: skip
