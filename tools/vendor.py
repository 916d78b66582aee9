"""Fetch the works of others that pages use, and write them under static/.

Only developers run this, and only to change a version or the set of icons: what it writes is
committed. Needs npm. Each package is checked against the registry's own sha512; every file is
listed with its sha384 in static/vendor/vendor.lock.json, which a test compares.

    python tools/vendor.py
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

STATIC = Path(__file__).resolve().parent.parent / "static"
VENDOR = STATIC / "vendor"
LOCK = VENDOR / "vendor.lock.json"
SPRITE = STATIC / "img" / "icons.svg"


@dataclass(frozen=True)
class Package:
    """What is taken from one package of npm; `files` are paths inside it."""

    name: str
    version: str
    licence: str
    files: tuple[str, ...]

    @property
    def folder(self) -> Path:
        """Where its files lie, with the version in the path."""
        return VENDOR / f"{self.name.removeprefix('@').replace('/', '-')}@{self.version}"


PACKAGES = (
    Package("htmx.org", "4.0.1", "0BSD", ("dist/htmx.min.js",)),
    Package(
        "@fontsource-variable/inter",
        "5.3.0",
        "OFL-1.1",
        ("files/inter-latin-wght-normal.woff2", "files/inter-latin-ext-wght-normal.woff2"),
    ),
)
LUCIDE = Package("lucide-static", "1.62.0", "ISC", ())
NAMES = """
    archive arrow-left arrow-right ban calendar chart-column check chevron-left chevron-right
    circle-alert circle-check circle-dot circle-help circle-pause circle-x clipboard-list clock
    code copy download external-link eye file-text hourglass house image inbox info key link list
    loader lock log-out mail mail-check menu monitor moon palette pause pencil play plus printer
    receipt-text rotate-ccw rss search send server settings share-2 shield smartphone sparkles
    square-pen store sun tag text-cursor-input trash-2 triangle-alert undo-2 upload user users x
"""
ICONS = sorted(NAMES.split())


def main() -> None:
    """Fetch, check, write."""
    lock = []
    for package in (*PACKAGES, LUCIDE):
        tarball, integrity = fetch(package)
        written = [copy(package, tarball, name) for name in (*package.files, "LICENSE")]
        if package is LUCIDE:
            SPRITE.write_text(sprite(tarball))
            written.append(SPRITE)
        lock.append(entry(package, integrity, written))
    LOCK.write_text(json.dumps(lock, indent=2) + "\n")
    print(f"{sum(len(each['files']) for each in lock)} files of {len(lock)} packages")


def fetch(package: Package) -> tuple[tarfile.TarFile, str]:
    """The package as npm gives it, and the sha512 that the registry vouches for."""
    spec = f"{package.name}@{package.version}"
    promised = npm("view", spec, "dist.integrity", "--json")
    with tempfile.TemporaryDirectory() as folder:
        packed = npm("pack", spec, "--ignore-scripts", "--json", "--pack-destination", folder)
        data = (Path(folder) / packed[0]["filename"]).read_bytes()
    found = "sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode()
    if found != promised:
        raise SystemExit(f"{spec}: the file is not the one that was published")
    return tarfile.open(fileobj=io.BytesIO(data), mode="r:gz"), found


def npm(*words: str) -> Any:
    """What npm answers, as JSON."""
    done = subprocess.run(["npm", *words], check=True, capture_output=True, text=True)  # noqa: S603, S607
    return json.loads(done.stdout)


def copy(package: Package, tarball: tarfile.TarFile, name: str) -> Path:
    """Write one file of the package into its folder, without the folders of the package."""
    path = package.folder / Path(name).name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(read(tarball, name))
    return path


def read(tarball: tarfile.TarFile, name: str) -> bytes:
    """The bytes of one member."""
    member = tarball.extractfile(f"package/{name}")
    if member is None:
        raise SystemExit(f"{name} is not in the package")
    return member.read()


def sprite(tarball: tarfile.TarFile) -> str:
    """All icons in one file, each as a symbol that `<use href="…#name">` shows."""
    symbols = []
    for name in ICONS:
        source = read(tarball, f"icons/{name}.svg").decode()
        inside = re.search(r"<svg[^>]*>(.*)</svg>", source, re.DOTALL)
        if inside is None:
            raise SystemExit(f"{name} is no picture")
        shapes = re.sub(r"\s*\n\s*", "", inside.group(1))
        symbols.append(f'<symbol id="{name}" viewBox="0 0 24 24">{shapes}</symbol>')
    head = f"<!-- lucide {LUCIDE.version}, ISC licence: see static/vendor/{LUCIDE.folder.name} -->"
    return "\n".join([head, '<svg xmlns="http://www.w3.org/2000/svg">', *symbols, "</svg>", ""])


def entry(package: Package, integrity: str, paths: list[Path]) -> dict[str, Any]:
    """One package in the lock."""
    return {
        "package": package.name,
        "version": package.version,
        "licence": package.licence,
        "integrity": integrity,
        "files": {str(path.relative_to(STATIC)): sha384(path) for path in paths},
    }


def sha384(path: Path) -> str:
    """As the integrity attribute of a page wants it."""
    return "sha384-" + base64.b64encode(hashlib.sha384(path.read_bytes()).digest()).decode()


if __name__ == "__main__":
    main()
