"""Zip files with files of contacts in them, such as the exports of Mailchimp."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

from app.contacts.formats.archives import Archive, told
from app.contacts.formats.limits import Source, Table, Unreadable

MOST_FILES = 100
_JUNK = re.compile(r"(^|/)(__MACOSX/|\.|Thumbs\.db$|desktop\.ini$)", re.IGNORECASE)
_ENDINGS = (".csv", ".tsv", ".tab", ".txt", ".vcf", ".vcard", ".xlsx", ".xlsm", ".xls", ".ods")
_PACKED = (".zip", ".gz", ".7z", ".rar", ".bz2", ".xz", ".tar", ".tgz")

#: Reads one unpacked file, which has its own name and encoding.
Reader = Callable[[Path, str], Source]


def source(archive: Archive, scratch: Path, read: Reader) -> Source:
    """The tables of all files; each is unpacked into the scratch folder while it is read."""
    names = [name for name in sorted(archive.names) if not _JUNK.search(name)]
    for name in names:
        if name.lower().endswith(_PACKED):
            text = f"There is another packed file inside ({_short(name)})."
            raise Unreadable(f"{text} Unpack it and upload what is in it.")
    wanted = [name for name in names if name.lower().endswith(_ENDINGS)]
    if not wanted:
        raise Unreadable("There is no CSV file, spreadsheet or vCard file in this zip file.")
    if len(wanted) > MOST_FILES:
        raise Unreadable(f"There are more than {MOST_FILES} files in this zip file.")
    found: list[Table] = []
    left = [_short(name) for name in names if name not in wanted]
    for place, name in enumerate(wanted):
        part = _unpacked(archive, name, scratch, place)
        try:
            inside = read(part, name)
        except Unreadable as error:
            if len(wanted) == 1:
                raise
            left.append(f"{_short(name)} ({str(error).rstrip('.')})")
            continue
        left.extend(inside.left_out)
        found += [Table(_short(name), table.rows) for table in inside.tables]
    if not found:
        raise Unreadable("None of the files in this zip file holds mail addresses.")
    return Source("zip", found, tuple(left))


def _short(name: str) -> str:
    return name.rpartition("/")[2][:100]


def _unpacked(archive: Archive, name: str, scratch: Path, place: int) -> Path:
    path = scratch / f"part-{place}"
    with told(), archive.open(name) as packed, path.open("xb") as target:
        shutil.copyfileobj(packed, target, 1 << 20)
    return path
