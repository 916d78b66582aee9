"""Names of lists as people write them."""

from __future__ import annotations

from collections.abc import Iterable


class Names:
    """Which list somebody means, whose file writes its name with other spaces or capitals."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._exact: set[str] = set()
        self._folded: dict[str, str] = {}
        for name in names:
            self.add(name)

    def __len__(self) -> int:
        return len(self._exact)

    def add(self, name: str) -> None:
        """Another list; of two that fold alike, the first is meant by what is neither."""
        self._exact.add(name)
        self._folded.setdefault(_fold(name), name)

    @property
    def first(self) -> Iterable[str]:
        """The first one of those that fold alike."""
        return self._folded.values()

    def of(self, name: str) -> str | None:
        """Its name as it stands here; None where there is no such list."""
        return name if name in self._exact else self._folded.get(_fold(name))


def _fold(name: str) -> str:
    return " ".join(name.split()).casefold()
