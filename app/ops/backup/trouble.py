"""What goes wrong with backups, in words for the person who runs the installation."""

from __future__ import annotations


class Trouble(Exception):
    """Why it cannot be done, and what to do about it."""
