"""The tick of the staff console."""

from __future__ import annotations

from app.core.db import transaction
from app.staff import answering, following, house, looking


def close_looks() -> None:
    """Write into the books which looks were over by time."""
    if looking.are_over():
        with transaction():
            looking.close_over()


def follow_customers() -> None:
    """What customers said about mailings, on their page or through a mail."""
    while following.has_news():
        with transaction():
            following.follow_news()


def walk_customers() -> None:
    """A slice of all customers: what is known of them, and who is one no more."""
    if following.is_due():
        with transaction():
            house.send_home()
            following.walk()


def answer_people() -> int:
    """What people confirmed that they want, account by account; returns in how many."""
    return answering.answer_confirmed()
