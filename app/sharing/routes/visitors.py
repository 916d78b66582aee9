"""Pages for everybody: no cookie proves anything here, nobody signs in."""

from __future__ import annotations

from app.auth.current import View, public
from app.extensions import csrf


def for_visitors(view: View) -> View:
    """A POST that everybody may send; what it does is judged by itself."""
    marked: View = csrf.exempt(public(view))
    return marked
