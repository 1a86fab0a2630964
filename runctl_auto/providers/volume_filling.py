"""How far a volume is filled from the snapshot that it was made from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class VolumeFilling:
    """``has_rate``: at a rate that was asked for, and paid. ``percent`` of it is there, and the rest is after
    ``seconds``; both None when the provider does not tell.
    """

    volume: str
    has_rate: bool
    percent: int | None
    seconds: int | None
