"""What the frame around every page asks: does a page exist, where am I, light or dark."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from flask import Blueprint, current_app, request, url_for

from app.site import menu

THEMES = ("light", "dark", "system")
THEME_COOKIE = "theme"
#: Pages below a section of the sidebar whose routes live in another feature.
SECTIONS = {
    "delivery": "campaigns", "auth": "accounts", "privacy": "accounts", "sharing": "campaigns",
    "trust": "accounts",
}  # fmt: skip
#: Entries of the sidebar that stand for one page, not for all of their feature.
SINGLE = {"site.home", "site.help_page", "site.palette"}


def install(blueprint: Blueprint) -> None:
    """Make the answers known to every template of the application."""
    blueprint.add_app_template_global(page_exists)
    blueprint.add_app_template_global(first_page)
    blueprint.add_app_template_global(section_of)
    blueprint.add_app_template_global(here)
    blueprint.add_app_template_global(menu.settings, "settings_menu")
    blueprint.add_app_template_global(menu.whereabouts, "settings_place")
    blueprint.app_context_processor(lambda: {"theme": theme()})
    blueprint.app_url_defaults(_add_version)


def theme() -> str:
    """light, dark or system, as this browser chose."""
    chosen = request.cookies.get(THEME_COOKIE, "")
    return chosen if chosen in THEMES else "system"


def page_exists(endpoint: str) -> bool:
    """Whether this installation has that page."""
    return endpoint in current_app.view_functions


def first_page(*endpoints: str, **values: Any) -> str:
    """The address of the first of these pages that exists; empty where none does."""
    for endpoint in endpoints:
        if page_exists(endpoint):
            return url_for(endpoint, **values)
    return ""


def section_of(endpoint: str) -> bool:
    """Whether the page being shown lies in the section that begins at `endpoint`."""
    if endpoint in SINGLE:
        return request.endpoint == endpoint
    if endpoint.startswith("staff."):
        # The console is one feature with many sections: each owns the addresses below its own.
        return f"{request.path}/".startswith(f"{url_for(endpoint)}/")
    section = endpoint.partition(".")[0]
    if request.path.startswith("/settings/"):
        # Many features have a page there; it belongs to the settings all the same.
        return section == "accounts"
    return SECTIONS.get(request.blueprint or "", request.blueprint) == section


def here(**changes: str | None) -> str:
    """The address of this page with some of its query changed; None takes a part out."""
    if request.endpoint is None:
        return request.path
    query: dict[str, Any] = request.args.to_dict(flat=False)
    query.update(changes)
    query.update(request.view_args or {})
    kept = {name: value for name, value in query.items() if value is not None}
    return url_for(request.endpoint, **kept)


def _add_version(endpoint: str, values: dict[str, Any]) -> None:
    # Browsers keep static files for a year; a changed file gets a new address. Vendored ones
    # carry their version in the path already.
    name = values.get("filename", "")
    if endpoint != "static" or not name or name.startswith("vendor/"):
        return
    path = Path(current_app.static_folder or "", name)
    if path.is_file():
        values["v"] = _version(name, path.stat().st_mtime_ns)


@lru_cache(maxsize=256)
def _version(name: str, changed: int) -> str:
    return f"{changed // 1_000_000:x}"
