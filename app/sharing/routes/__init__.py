"""HTTP of sharing: the archive, links for outsiders, telling a friend, ways to other sites."""

from app.sharing.routes import outside

__all__ = ["outside"]
