"""What the list before sending says."""

from __future__ import annotations

from dataclasses import dataclass

from app.core.errors import Invalid


@dataclass(frozen=True)
class Finding:
    """`level` is block, warn or info; `fix` the page and field where one can mend it."""

    level: str
    title: str
    text: str
    fix: str = ""
    code: str = ""
    """For programs; stays the same when the words change."""


class NotReady(Invalid):
    """The pre-flight blocks; `findings` says why."""

    def __init__(self, findings: list[Finding]) -> None:
        errors: dict[str, list[str]] = {}
        for finding in findings:
            errors.setdefault(finding.code, []).append(f"{finding.title} {finding.text}".strip())
        super().__init__(
            "This campaign is not ready: " + " ".join(finding.title for finding in findings), errors
        )
        self.findings = findings
