"""Messages about a resource, counted and kept for the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.engine.display.markup import MAGENTA, RED, RESET, YELLOW

_KINDS = {"error": "error", "warning": "warning", "info": "info", "info#err": "info", "debug": "debug"}
_WORDS = (("error", "error", RED), ("warning", "warning", YELLOW), ("info", "message", MAGENTA))


def message_text(event: Mapping[str, Any], *, with_prefix: bool = True) -> str:
    """A message without the space at its end."""
    prefix = str(event.get("prefix") or "") if with_prefix else ""
    return _right_trimmed(prefix + str(event.get("message") or ""))


def _right_trimmed(text: str) -> str:
    """The text without trailing space, also where a mark for colours follows it."""
    while True:
        shorter = text.rstrip()
        bare = shorter.removesuffix(RESET)
        if bare == shorter:
            return shorter
        if bare != bare.rstrip():
            text = bare.rstrip() + RESET
            continue
        return shorter


@dataclass
class Diagnostics:
    """The messages about one resource."""

    last: Mapping[str, Any] | None = None
    streams: dict[int, list[Mapping[str, Any]]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def errors(self) -> int:
        """How many errors there were."""
        return self.counts.get("error", 0)

    def record(self, event: Mapping[str, Any]) -> None:
        """Takes a message."""
        self.last = event
        self.streams.setdefault(int(event.get("streamID") or 0), []).append(event)
        if not event.get("ephemeral"):
            kind = _KINDS.get(str(event.get("severity")), "info")
            self.counts[kind] = self.counts.get(kind, 0) + 1

    def count_text(self) -> str:
        """How many messages of each kind there were."""
        parts = []
        for kind, word, colour in _WORDS:
            count = self.counts.get(kind, 0)
            if count:
                parts.append(f"{count} {colour}{word}{'' if count == 1 else 's'}{RESET}")
        return "; ".join(parts)

    def blocks(self, *, debug: bool) -> list[list[str]]:
        """The lines to show at the end: what belongs together in one block."""
        found = []
        for stream, events in self.streams.items():
            kept = [e for e in events if debug or e.get("severity") != "debug"]
            kept = [e for e in kept if not e.get("ephemeral")] if not stream else kept
            if stream and kept:
                merged = "".join(str(e.get("message") or "") for e in kept)
                messages = [str(kept[0].get("prefix") or "") + merged]
            else:
                messages = [message_text(e) for e in kept]
            lines = [line for message in messages for line in _lines(message)]
            if lines:
                found.append(lines)
        return found


def _lines(message: str) -> list[str]:
    lines = message.split("\n")
    while lines and not lines[-1].replace(RESET, "").strip():
        lines.pop()
    return [line.rstrip() for line in lines]
