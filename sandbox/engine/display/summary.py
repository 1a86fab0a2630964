"""The summary at the end of an operation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.engine.display.markup import BOLD, HEADLINE, RED, RESET
from sandbox.engine.display.op_text import OPS

_NOT_COUNTED = ("same", "read", "discard", "read-replacement")


def summary_text(event: Mapping[str, Any], errored: int, packs: str = "") -> str:
    """What a summary event tells; `errored` resources are counted apart, `packs` is said after the counts."""
    preview = bool(event.get("isPreview"))
    changes: Mapping[str, int] = event.get("resourceChanges") or {}
    lines = [f"{HEADLINE}Resources:{RESET}"]
    counted = [(op, changes[op]) for op in OPS if op not in _NOT_COUNTED and changes.get(op)]
    for op, count in counted:
        told = f"to {op}" if preview else OPS[op].counted
        lines.append(f"    {OPS[op].colour}{OPS[op].sign}{count} {told}{RESET}")
    total = sum(count for _, count in counted)
    pieces = [f"{BOLD}{total} {'change' if total == 1 else 'changes'}{RESET}"] if len(counted) > 1 else []
    if changes.get("same"):
        pieces.append(f"{changes['same']} unchanged")
    if pieces:
        lines.append("    " + ". ".join(pieces))
    if errored:
        lines.append(f"    {RED}{errored} errored{RESET}")
    lines += packs.splitlines()
    if not preview:
        lines += ["", f"{HEADLINE}Duration:{RESET} {duration_text(int(event.get('durationSeconds') or 0))}"]
    return "\n".join(lines) + "\n"


def duration_text(seconds: int) -> str:
    """A duration as `1h2m3s`, parts that are zero at the beginning left out."""
    hours, rest = divmod(seconds, 3600)
    minutes, left = divmod(rest, 60)
    if hours:
        return f"{hours}h{minutes}m{left}s"
    return f"{minutes}m{left}s" if minutes else f"{left}s"
