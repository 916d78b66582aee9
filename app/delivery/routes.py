"""HTTP of delivery."""

from __future__ import annotations

from flask import Blueprint

bp = Blueprint("delivery", __name__)
