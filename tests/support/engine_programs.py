"""Small programs for stacks over a cloud in memory."""

from __future__ import annotations

from support.engine_in_memory import Registrar


def chain(p: Registrar) -> None:
    a = p.thing("a", {"value": 1})
    b = p.thing("b", {"value": 1}, uses={"ref": a})
    p.thing("c", uses={"ref": b})


def nothing(p: Registrar) -> None:
    """Wants nothing."""
