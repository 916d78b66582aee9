"""Kept counters of public pages: sums by page and day, and nothing about who looked.

No column here names a person, an account, an address or a network, and no row stands for one
visit: there is nothing that could be joined to anybody. A test reads the schema and proves it.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Id

KINDS = ("site", "archive", "form")


class PublicPage(Base):
    """A page that anybody may see, by the name under which it is counted."""

    __tablename__ = "public_page"
    __table_args__ = (sa.UniqueConstraint("kind", "key"),)

    id: Mapped[Id]
    kind: Mapped[str] = mapped_column(sa.String(8))
    """One of KINDS."""
    key: Mapped[str] = mapped_column(sa.String(80))
    """Of the site: which page; of an archive page or a form: its number."""


class PageDay(Base):
    """What happened on one page on one day (UTC)."""

    __tablename__ = "page_day"
    __table_args__ = (sa.Index("ix_page_day_day", "day", "page_id"),)

    page_id: Mapped[int] = mapped_column(
        sa.ForeignKey("public_page.id", ondelete="CASCADE"), primary_key=True
    )
    day: Mapped[int] = mapped_column(primary_key=True)
    """Days since 1970."""
    views: Mapped[int] = mapped_column(default=0)
    visits: Mapped[int] = mapped_column(default=0)
    """Visits that began here."""
    bounces: Mapped[int] = mapped_column(default=0)
    """Those of them that saw no second page."""
    fresh: Mapped[int] = mapped_column(default=0)
    """Those of them that were the first of the day from their browser."""
    seconds: Mapped[int] = mapped_column(default=0)
    """Time spent here, over the views of which it is known."""
    timed: Mapped[int] = mapped_column(default=0)
    """The views of which it is known."""
    clicks: Mapped[int] = mapped_column(default=0)
    """How often the page's call to action was followed."""
    signups: Mapped[int] = mapped_column(default=0)
    """How often somebody went as far as to sign up: where their visit began, or by this form."""


class PageSource(Base):
    """From which hosts visits came that began on a page: the name of the host, never an address."""

    __tablename__ = "page_source"

    page_id: Mapped[int] = mapped_column(
        sa.ForeignKey("public_page.id", ondelete="CASCADE"), primary_key=True
    )
    day: Mapped[int] = mapped_column(primary_key=True)
    host: Mapped[str] = mapped_column(sa.String(100), primary_key=True)
    visits: Mapped[int] = mapped_column(default=0)


class PageLink(Base):
    """How often the links or blocks of a page were followed, by their place on it."""

    __tablename__ = "page_link"

    page_id: Mapped[int] = mapped_column(
        sa.ForeignKey("public_page.id", ondelete="CASCADE"), primary_key=True
    )
    day: Mapped[int] = mapped_column(primary_key=True)
    place: Mapped[int] = mapped_column(primary_key=True)
    clicks: Mapped[int] = mapped_column(default=0)
