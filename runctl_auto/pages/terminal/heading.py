"""The first line of the terminal: how many jobs there are, and what they cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runctl_auto.cost.amount import Amount
from runctl_auto.pages.looks.sorting import Shown
from runctl_auto.reports.figures import rate_text, spent_text

if TYPE_CHECKING:
    from runctl_auto.pages.looks.look import Look


def heading(look: Look | None, shown: Shown, width: int) -> str:
    """A line of at most ``width`` characters; phases that have no room are left out."""
    if look is None:
        return "runctl top: reading the jobs …"
    costs = f"{spent_text(look.spent)} so far, {rate_text(Amount(look.hour))} an hour, {look.at:%H:%M:%S}Z"
    count = len(look.rows)
    found = f"{count:,} job{'' if count == 1 else 's'}"
    if shown.text:
        found += f", those with '{shown.text}'"
    for phase, number in look.by_phase:
        longer = f"{found}, {number:,} {phase}"
        if len(longer) + len(costs) + 3 > width:
            break
        found = longer
    return f"{found}{costs.rjust(max(len(costs) + 3, width - len(found)))}"
