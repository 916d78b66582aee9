"""One number beside its reference."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Result:
    """`value` and `reference` in the same unit; a ratio above 1 is good, unless it `is_times`."""

    name: str
    value: float
    reference: float
    unit: str
    against: str
    more_is_better: bool = True
    is_times: bool = False
    """How many times the reference it takes, where less is good."""
    wanted: str = ""
    """The ratio that is promised."""

    @property
    def ratio(self) -> float:
        """How often as good as the reference, or how many times as long."""
        ours, theirs = self.value or 1e-9, self.reference or 1e-9
        if self.is_times:
            return ours / theirs
        return ours / theirs if self.more_is_better else theirs / ours

    def line(self) -> str:
        """A row of the table."""
        numbers = f"{_short(self.value):>14}{_short(self.reference):>14}"
        ratio = f"{self.ratio:>7.2f}{' ×' if self.is_times else '  '}"  # noqa: RUF001
        return f"{self.name:<34}{numbers}  {self.unit:<12}{ratio} {self.wanted:<8}{self.against}"

    def as_dict(self) -> dict[str, Any]:
        """For the file."""
        return {**asdict(self), "ratio": round(self.ratio, 3)}


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"
