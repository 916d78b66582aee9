"""What can go wrong, in words for the person who must act.

Verbs raise these; `app.factory` turns them into answers in one place. `status` is the HTTP
status the edge should use; nothing here knows Flask.
"""

from __future__ import annotations


class DomainError(Exception):
    """Something a person can understand and act upon."""

    status = 400


class NotFound(DomainError):
    """Nothing of that kind in this account. Another account's row looks the same."""

    status = 404

    def __init__(self, what: str = "That") -> None:
        super().__init__(f"{what} is not here. It may have been removed.")


class Forbidden(DomainError):
    """The person's role does not allow it."""

    status = 403


class WrongState(DomainError):
    """A move that the state does not allow, for example sending twice."""

    status = 409


class Invalid(DomainError):
    """Input that breaks a rule. `errors` maps a field's name to its messages."""

    status = 422

    def __init__(self, message: str, errors: dict[str, list[str]] | None = None) -> None:
        super().__init__(message)
        self.errors = errors or {}


class TooMany(DomainError):
    """A limit was reached; the message says when to come back."""

    status = 429
