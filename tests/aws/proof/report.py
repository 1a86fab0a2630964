"""What was proved, line by line, in the words of `docs/not-proven.md`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

Outcome = Literal["proved", "not shown", "failed"]

CALLER = "credentials"
PERMISSIONS = "IAM evaluation"
PROPAGATION = "IAM propagation"
PRICES = "price list"
SPOT = "spot price and interruption"
BOOT = "boot"
IMAGES = "images"
DISKS = "disks"
TEMPLATES = "launch templates"
SCHEDULER = "EventBridge Scheduler"
PROVIDER = "official AWS provider"
COST = "cost"
LEFTOVERS = "list calls of the leak search"

SUBJECTS = (
    PERMISSIONS,
    PROPAGATION,
    PRICES,
    SPOT,
    BOOT,
    IMAGES,
    DISKS,
    TEMPLATES,
    SCHEDULER,
    PROVIDER,
    COST,
    LEFTOVERS,
)
"""Subjects of the table in `docs/not-proven.md` about which a run says something."""


@dataclass(frozen=True)
class Line:
    """One statement. ``detail`` says what was seen, or why nothing was."""

    outcome: Outcome
    subject: str
    detail: str

    def __str__(self) -> str:
        return f"{self.outcome:9} | {self.subject} | {self.detail}"


@dataclass
class Report:
    """The lines of one run; each is printed as soon as it is known."""

    say: Callable[[str], None]
    lines: list[Line] = field(default_factory=list)

    def proved(self, subject: str, detail: str) -> None:
        self._add(Line("proved", subject, detail))

    def not_shown(self, subject: str, why: str) -> None:
        """The account, or its region, did not let the run show it. No failure."""
        self._add(Line("not shown", subject, why))

    def failed(self, subject: str, why: str) -> None:
        self._add(Line("failed", subject, why))

    def note(self, text: str) -> None:
        """Progress, which is no statement."""
        self.say(f"... {text}")

    @property
    def has_failed(self) -> bool:
        return any(line.outcome == "failed" for line in self.lines)

    def _add(self, line: Line) -> None:
        self.lines.append(line)
        self.say(str(line))
