"""A notice: what people are told of a run, in the shapes that webhooks and commands get."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from runctl_auto.agent.contract import MOST_NOTE
from runctl_auto.agent.notices.notice_contract import Event, notices_prefix, watchers_prefix

SCHEMA: Final = 1
BUDGET_STEPS: Final = (50, 80, 100)
"""Percent of a budget at which it is told of."""


@dataclass(frozen=True)
class Notice:
    """One notice. `key` is the same wherever and by whomever the same thing is told: it is sent once.

    `at` is RFC 3339 in UTC. `details` are further members of the JSON shape, such as `exit_code`.
    """

    event: str
    key: str
    text: str
    at: str
    job: str | None = None
    run: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The plain shape, which commands get too."""
        return {
            "schema": SCHEMA,
            "event": self.event,
            "key": self.key,
            "at": self.at,
            "job": self.job,
            "run": self.run,
            "text": plain(self.text),
            **{
                name: plain(value) if isinstance(value, str) else value
                for name, value in self.details.items()
            },
        }

    def as_slack(self) -> dict[str, Any]:
        """Slack's shape; nothing in the text is taken for a mention or a link."""
        text = plain(self.text)
        for sign, escaped in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
            text = text.replace(sign, escaped)
        return {"text": text}

    def body(self, shape: str) -> bytes:
        """The body of a request in the shape `slack` or `json`."""
        content = self.as_slack() if shape == "slack" else self.as_json()
        return json.dumps(content).encode()


def plain(text: str) -> str:
    """The text on one line, without control characters, cut to a note's length."""
    shown = "".join(sign if sign.isprintable() else " " for sign in text)
    return shown if len(shown) <= MOST_NOTE else shown[: MOST_NOTE - 1] + "…"


def prefix_for(run: str, event: str) -> str:
    """Where the marks of the notices of an event are."""
    return watchers_prefix(run) if event == Event.SILENCE else notices_prefix(run)


def ended_key() -> str:
    return "ended"


def interrupted_key(machine: str | None) -> str:
    return f"interrupted-{machine or 'unknown'}"


def budget_key(step: int) -> str:
    return f"budget-{step}"


def silent_key(machine: str | None) -> str:
    return f"silent-{machine or 'unknown'}"
