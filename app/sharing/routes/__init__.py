"""HTTP of sharing: the archive, links for outsiders, telling a friend, ways to other sites."""

from app.sharing.routes import archive, friends, outside, outsiders, owners

__all__ = ["archive", "friends", "outside", "outsiders", "owners"]
