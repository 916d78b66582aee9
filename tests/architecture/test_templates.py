"""Templates parse, keep to the content security policy, and fragments are what they promise."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path

import pytest
from flask import Flask
from jinja2 import nodes

from app.config import CHECKOUT

TEMPLATES = CHECKOUT / "templates"
STATIC = CHECKOUT / "static"
LOCK = STATIC / "vendor" / "vendor.lock.json"
#: Mails carry their styles inline, and are no pages of ours.
PAGES = sorted(
    path for path in TEMPLATES.rglob("*.html") if path.relative_to(TEMPLATES).parts[0] != "emails"
)
FRAGMENTS = [path for path in PAGES if path.name.startswith("_")]
#: Habits that the content security policy or the dialect of htmx forbids.
FORBIDDEN = {
    "an inline script": r"<script(?![^>]*\bsrc=)[^>]*>",
    "an inline style": r"<style\b|\sstyle\s*=",
    "an inline handler": r"<[a-z][^<>%{]*\son[a-z]+\s*=",
    "a javascript: address": r"javascript:",
    "something from elsewhere": r"""(?:src|srcset|<link[^>]*href)\s*=\s*["'](?:https?:)?//""",
    "hx-on": r"\bhx-on",
    "hx-boost": r"\bhx-boost",
    "a value that needs eval": r"""hx-vals\s*=\s*["']js:""",
    "a trigger filter": r"""hx-trigger\s*=\s*["'][^"']*\[""",
}
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"}


def names(paths: list[Path]) -> list[str]:
    return [str(path.relative_to(TEMPLATES)) for path in paths]


def without_remarks(source: str) -> str:
    return re.sub(r"\{#.*?#\}", "", source, flags=re.DOTALL)


@pytest.mark.parametrize("name", names(sorted(TEMPLATES.rglob("*.html"))))
def test_it_parses(whole_app: Flask, name: str) -> None:
    whole_app.jinja_env.get_template(name)


@pytest.mark.parametrize("name", names(PAGES))
def test_it_keeps_to_the_security_policy(name: str) -> None:
    source = without_remarks((TEMPLATES / name).read_text())

    found = [
        what for what, pattern in FORBIDDEN.items() if re.search(pattern, source, re.IGNORECASE)
    ]

    assert found == []


@pytest.mark.parametrize("name", names(PAGES))
def test_what_it_imports_is_used(whole_app: Flask, name: str) -> None:
    source = (TEMPLATES / name).read_text()
    tree = whole_app.jinja_env.parse(source)

    imported = [node.target for node in tree.find_all(nodes.Import)]
    for node in tree.find_all(nodes.FromImport):
        imported += [each[1] if isinstance(each, tuple) else each for each in node.names]
    # Layouts import for the pages that extend them.
    unused = [each for each in imported if len(re.findall(rf"\b{each}\b", source)) < 2]

    assert unused == []


@pytest.mark.parametrize("name", names(FRAGMENTS))
def test_a_fragment_is_one_element_with_an_id(name: str) -> None:
    source = without_remarks((TEMPLATES / name).read_text())
    if Path(name).parts[0] == "macros" or name == "partials/_keys.html":
        return
    source = re.sub(r"\{%-?\s*macro\b.*?endmacro\s*-?%\}", "", source, flags=re.DOTALL)
    roots = roots_of(source)

    assert len(roots) == 1, roots
    assert re.search(r"\bid\s*=", roots[0]), roots


def roots_of(source: str) -> list[str]:
    """Opening tags that are inside of no other; template tags are looked through."""
    source = re.sub(r"\{%.*?%\}", "", source, flags=re.DOTALL)
    source = re.sub(r"\{\{.*?\}\}", "x", source, flags=re.DOTALL)
    source = re.sub(r"<!--.*?-->", "", source, flags=re.DOTALL)
    depth, roots = 0, []
    for match in re.finditer(
        r"<(/?)([a-zA-Z][a-zA-Z0-9]*)((?:\"[^\"]*\"|'[^']*'|[^>\"'])*)>", source
    ):
        closing, tag, rest = match.groups()
        if closing:
            depth -= 1
        else:
            roots += [match.group()] if depth == 0 else []
            depth += 0 if tag.lower() in VOID or rest.endswith("/") else 1
    return roots


@pytest.mark.parametrize("name", names(FRAGMENTS))
def test_a_fragment_names_its_context_and_is_used(name: str) -> None:
    source = (TEMPLATES / name).read_text()
    places = [*PAGES, *(CHECKOUT / "app").rglob("*.py")]
    others = (path.read_text() for path in places if path != TEMPLATES / name)

    assert source.startswith("{#"), "the first line says what the fragment needs"
    assert any(name in other for other in others), "nobody includes or renders it"


def test_icons_that_templates_name_are_in_the_sprite() -> None:
    sprite = set(re.findall(r'<symbol id="([^"]+)"', (STATIC / "img" / "icons.svg").read_text()))
    used = set()
    for path in PAGES:
        used |= set(re.findall(r"""(?:icon\(|icon=)["']([a-z0-9-]+)["']""", path.read_text()))

    assert used <= sprite, used - sprite


def test_vendored_files_are_those_of_the_lock() -> None:
    listed = {
        name: digest
        for entry in json.loads(LOCK.read_text())
        for name, digest in entry["files"].items()
    }
    found = {
        str(path.relative_to(STATIC)): sha384(path)
        for path in [*STATIC.glob("vendor/*/*"), STATIC / "img" / "icons.svg"]
    }

    assert found == listed


def test_the_page_checks_the_htmx_that_it_loads() -> None:
    layout = (TEMPLATES / "layouts" / "base.html").read_text()

    name = re.search(r"vendor/htmx[^']+\.js", layout)
    assert name is not None
    assert f'integrity="{sha384(STATIC / name.group())}"' in layout


def test_each_vendored_work_comes_with_its_licence() -> None:
    folders = [path for path in (STATIC / "vendor").iterdir() if path.is_dir()]

    assert folders
    assert [folder.name for folder in folders if not (folder / "LICENSE").exists()] == []


def test_scripts_are_short() -> None:
    lengths = {path.name: len(path.read_text().splitlines()) for path in STATIC.glob("js/*.js")}

    assert {name: length for name, length in lengths.items() if length > 110} == {}


def sha384(path: Path) -> str:
    return "sha384-" + base64.b64encode(hashlib.sha384(path.read_bytes()).digest()).decode()
