"""Spreadsheets, made by hand from the standards, so that tests need no program that writes them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape, quoteattr

Cell = str | int | float | bool | None
Grid = Sequence[Sequence[Cell]]

_MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
_REL = 'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
#: Styles by number: 0 as it is, 1 a date, 2 a date and time of our own, 3 five digits.
STYLES = (
    f"<styleSheet {_MAIN}><numFmts>"
    '<numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd&quot; at &quot;hh:mm"/>'
    '<numFmt numFmtId="165" formatCode="00000"/></numFmts>'
    '<cellStyleXfs><xf numFmtId="14"/></cellStyleXfs><cellXfs><xf numFmtId="0"/>'
    '<xf numFmtId="14"/><xf numFmtId="164"/><xf numFmtId="165"/></cellXfs></styleSheet>'
)


def packed(parts: Mapping[str, str | bytes]) -> bytes:
    """A zip file."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return out.getvalue()


def xlsx(sheets: Mapping[str, Grid], **more: str) -> bytes:
    """A workbook with shared texts; `more` are parts that replace others, / as __."""
    texts: dict[str, int] = {}
    parts = {
        "[Content_Types].xml": "<Types/>",
        "xl/workbook.xml": _workbook(list(sheets)),
        "xl/_rels/workbook.xml.rels": _links(len(sheets)),
        "xl/styles.xml": STYLES,
    }
    for place, grid in enumerate(sheets.values(), 1):
        parts[f"xl/worksheets/sheet{place}.xml"] = _sheet(grid, texts)
    shared = "".join(f'<si><t xml:space="preserve">{escape(text)}</t></si>' for text in texts)
    parts["xl/sharedStrings.xml"] = f"<sst {_MAIN}>{shared}</sst>"
    parts |= {name.replace("__", "/") + ".xml": text for name, text in more.items()}
    return packed(parts)


def _workbook(names: Sequence[str]) -> str:
    sheets = "".join(
        f'<sheet name={quoteattr(name)} sheetId="{n}" r:id="rId{n}"/>'
        for n, name in enumerate(names, 1)
    )
    return f"<workbook {_MAIN} {_REL}><sheets>{sheets}</sheets></workbook>"


def _links(count: int) -> str:
    links = "".join(
        f'<Relationship Id="rId{n}" Target="worksheets/sheet{n}.xml"/>' for n in range(1, count + 1)
    )
    return f"<Relationships>{links}</Relationships>"


def _sheet(grid: Grid, texts: dict[str, int]) -> str:
    rows = ""
    for n, row in enumerate(grid, 1):
        cells = "".join(_cell(n, place, cell, texts) for place, cell in enumerate(row))
        rows += f'<row r="{n}">{cells}</row>' if cells else ""
    return sheet(rows)


def sheet(rows: str) -> str:
    """The part of a sheet around its rows."""
    return f"<worksheet {_MAIN}><sheetData>{rows}</sheetData></worksheet>"


def _cell(row: int, place: int, cell: Cell, texts: dict[str, int]) -> str:
    at = f'r="{letters(place)}{row}"'
    if cell is None:
        return f"<c {at}/>"
    if isinstance(cell, bool):
        return f'<c {at} t="b"><v>{int(cell)}</v></c>'
    if isinstance(cell, int | float):
        return f"<c {at}><v>{cell}</v></c>"
    return f'<c {at} t="s"><v>{texts.setdefault(cell, len(texts))}</v></c>'


def letters(place: int) -> str:
    """54 → BC."""
    name, place = "", place + 1
    while place:
        place, rest = divmod(place - 1, 26)
        name = chr(65 + rest) + name
    return name


_ODF = " ".join(
    f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for name in ("office", "table", "text")
)


MANIFEST = (
    '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
    '<manifest:file-entry manifest:full-path="/" '
    'manifest:media-type="application/vnd.oasis.opendocument.spreadsheet"/></manifest:manifest>'
)


def ods(sheets: Mapping[str, Grid | str]) -> bytes:
    """An OpenDocument spreadsheet; a sheet is a grid, or the XML of its rows."""
    tables = "".join(
        f"<table:table table:name={quoteattr(name)}>{_ods_rows(grid)}</table:table>"
        for name, grid in sheets.items()
    )
    body = f"<office:body><office:spreadsheet>{tables}</office:spreadsheet></office:body>"
    return packed(
        {
            "mimetype": "application/vnd.oasis.opendocument.spreadsheet",
            "META-INF/manifest.xml": MANIFEST,
            "content.xml": f"<office:document-content {_ODF}>{body}</office:document-content>",
        }
    )


def _ods_rows(grid: Grid | str) -> str:
    if isinstance(grid, str):
        return grid
    return "".join(
        f"<table:table-row>{''.join(map(_ods_cell, row))}</table:table-row>" for row in grid
    )


def _ods_cell(cell: Cell) -> str:
    if cell is None:
        return "<table:table-cell/>"
    kind, value = "string", ""
    if isinstance(cell, bool):
        kind, value = "boolean", f'office:boolean-value="{str(cell).lower()}"'
    elif isinstance(cell, int | float):
        kind, value = "float", f'office:value="{cell}"'
    lines = "".join(f"<text:p>{escape(line)}</text:p>" for line in str(cell).split("\n"))
    return f'<table:table-cell office:value-type="{kind}" {value}>{lines}</table:table-cell>'
