"""The blueprint of auth."""

from __future__ import annotations

from flask import Blueprint, request

from app.core import networks

bp = Blueprint("auth", __name__)


def network() -> str:
    """Where the request comes from, shortened."""
    return networks.shortened(request.remote_addr)
