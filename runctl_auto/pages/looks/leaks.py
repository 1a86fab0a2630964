"""What a search for leaks found, as pages show it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from runctl_auto.jobs.session import Session
from runctl_auto.reports.figures import moment, short_age

FindLeaks = Callable[[Session], Mapping[str, Any]]
"""Searches the account; the result as ``runctl leaks --output json`` tells it. Blocks for seconds."""
Row = tuple[str | None, ...]


@dataclass(frozen=True)
class ShownLeaks:
    """Each list has rows of texts. ``count`` are things that no stack manages, and machines over their
    limit."""

    at: str
    count: int
    summary: str
    orphans: tuple[Row, ...]
    overdue: tuple[Row, ...]
    gone: tuple[Row, ...]
    unchecked: tuple[Row, ...]


def shown_leaks(found: Mapping[str, Any]) -> ShownLeaks:
    """From the JSON of ``runctl leaks``."""
    orphans = tuple(map(_orphan, found["orphans"]))
    overdue = tuple(
        (each["kind"], each["id"], each["job"], short_age(each["limit_seconds"])) for each in found["overdue"]
    )
    unchecked = (
        *((f"{each['kind']} in {each['region']}", each["why"]) for each in found["unchecked"]),
        *((f"stack {each['job']}", each["why"]) for each in found["unread"]),
    )
    regions = ", ".join(found["regions"]) or "no region"
    count = len(orphans) + len(overdue)
    told = "Nothing is leaked" if not count else "1 leak" if count == 1 else f"{count} leaks"
    return ShownLeaks(
        at=found["at"],
        count=count,
        summary=f"{told}: {found['things']} resources of account {found['account']} in {regions} were "
        f"compared with {found['stacks']} stacks at {moment(found['at'])}.",
        orphans=orphans,
        overdue=overdue,
        gone=tuple((each["job"], str(each["resources"])) for each in found["gone"]),
        unchecked=unchecked,
    )


def _orphan(found: Mapping[str, Any]) -> Row:
    cost = found["cost_hour"]
    how = f"kept: {found['keep']}" if found["keep"] else found["remove"]
    age = None if found["age_seconds"] is None else short_age(found["age_seconds"])
    return (*_texts(found, ("kind", "id", "job", "owner")), age, None if cost is None else f"{cost:g}", how)


def _texts(found: Mapping[str, Any], keys: Iterable[str]) -> Row:
    return tuple(str(found[key]) if found[key] else None for key in keys)
