"""Budgets by name, as the setting ``cost.budgets`` lists them: ``owner:ann=50``, ``tag:team:nlp=300``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

FORM = "owner:NAME=USD, project:NAME=USD or tag:KEY:VALUE=USD"
_TAG = "tag"


@dataclass(frozen=True)
class NamedBudget:
    """USD a month for one owner, project or value of a tag. ``by`` is a grouping of the ledger, ``key`` its
    group.
    """

    by: str
    key: str
    usd: float

    @property
    def of(self) -> str:
        """How it is called: ``owner ann``, ``tag team: nlp``."""
        kind, _, tag = self.by.partition(":")
        return f"{kind} {tag}: {self.key}" if tag else f"{kind} {self.key}"


def parse_named_budget(text: str) -> NamedBudget:
    """Raises ValueError for a text of another form."""
    name, equals, amount = text.rpartition("=")
    kind, _, rest = name.partition(":")
    tag, _, value = rest.partition(":")
    usd = _usd(amount)
    by, key = (f"{_TAG}:{tag}", value) if kind == _TAG else (kind, rest)
    if not equals or usd is None or kind not in ("owner", "project", _TAG) or not key or by == f"{_TAG}:":
        raise ValueError(f"is not of the form {FORM}")
    return NamedBudget(by, key, usd)


def named_budgets(texts: Sequence[str]) -> tuple[NamedBudget, ...]:
    """The budgets that are listed; of two for the same name, the last."""
    found = {(each.by, each.key): each for each in map(parse_named_budget, texts)}
    return tuple(found.values())


def _usd(text: str) -> float | None:
    try:
        usd = float(text)
    except ValueError:
        return None
    return usd if usd > 0 and math.isfinite(usd) else None
