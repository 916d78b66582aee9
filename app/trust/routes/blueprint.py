"""The blueprint of trust."""

from __future__ import annotations

from flask import Blueprint

bp = Blueprint("trust", __name__)
