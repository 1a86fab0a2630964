"""The receipts of teardowns that the project keeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runctl_auto.leftovers.archive import stored

MOST_RECEIPTS = 200


@dataclass(frozen=True)
class ShownReceipt:
    """A receipt; each of ``deleted``, ``kept``, ``leaked`` and ``blocked`` is what, its name or id, and why
    or how to remove it.
    """

    job: str
    at: str
    nothing_left: bool
    deleted: tuple[tuple[str, str, str], ...]
    kept: tuple[tuple[str, str, str], ...]
    leaked: tuple[tuple[str, str, str], ...]
    blocked: tuple[tuple[str, str, str], ...]


def receipts(folder: Path, most: int = MOST_RECEIPTS) -> tuple[ShownReceipt, ...]:
    """The newest receipts in the project's private ``folder``, the newest first; without those that cannot be
    read."""
    return tuple(_shown(each) for each in stored(folder, most))


def _shown(receipt: Mapping[str, Any]) -> ShownReceipt:
    return ShownReceipt(
        job=str(receipt.get("job") or ""),
        at=str(receipt.get("at") or ""),
        nothing_left=receipt.get("nothing_left") is True,
        deleted=_things(receipt.get("deleted"), ("type", "name", "id")),
        kept=_things(receipt.get("kept"), ("type", "name", "why")),
        leaked=_things(receipt.get("leaked"), ("kind", "id", "remove")),
        blocked=_things(receipt.get("blocked"), ("type", "name", "why")),
    )


def _things(listed: Any, keys: Sequence[str]) -> tuple[tuple[str, str, str], ...]:
    found = [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    first, second, third = keys
    return tuple(
        (str(each.get(first, "")), str(each.get(second, "")), str(each.get(third, ""))) for each in found
    )
