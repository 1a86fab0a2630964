"""A plan as lines: a line for each component with its counts and what changes, or every resource."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from runctl_auto.cli.progress import is_of_interest, short_type
from runctl_auto.engine.events import Plan, PlannedChange

_SIGNS: Mapping[str, str] = {"create": "+", "update": "~", "delete": "-", "replace": "±", "import": "="}
_SHOWN_AS_ONE = ("create-replacement", "delete-replaced")
"""Steps of a replacement, which is a change of its own in the plan."""
_MOST_NAMED = 3
_NO_COMPONENT = "job"


def plan_lines(plan: Plan, *, every_resource: bool) -> list[str]:
    """The planned changes of cloud resources, then their counts."""
    shown = [
        each for each in plan.changes if is_of_interest(each.type) and each.operation not in _SHOWN_AS_ONE
    ]
    if not shown:
        return ["nothing to change"]
    if every_resource:
        return [*(_resource(each) for each in shown), _counts(shown)]
    groups: dict[str, list[PlannedChange]] = {}
    for each in shown:
        groups.setdefault(component_of(each.urn), []).append(each)
    width = max(len(name) for name in groups)
    lines = [line for name, changes in groups.items() for line in _group(name, changes, width)]
    return [*lines, *([_counts(shown)] if len(groups) > 1 else [])]


def component_of(urn: str) -> str:
    """The component that declares the resource, by the last word of its type: ``ArtifactBucket``."""
    types = urn.split("::")[2].split("$") if urn.count("::") >= 3 else []
    owners = [each for each in types[:-1] if each.startswith("runctl:")]
    return owners[-1].rpartition(":")[2] if owners else _NO_COMPONENT


def _group(name: str, changes: Sequence[PlannedChange], width: int) -> Iterator[str]:
    operations = {each.operation for each in changes}
    sign = _SIGNS.get(operations.pop(), "?") if len(operations) == 1 else "~"
    yield f"{sign} {name:<{width}}  {_counts(changes)}"
    told = [each for each in changes if each.operation not in ("create", "delete") or each.protected]
    for each in told[:_MOST_NAMED]:
        yield f"    {_resource(each)}"
    if len(told) > _MOST_NAMED:
        yield f"    and {len(told) - _MOST_NAMED} more; -v shows all"


def _counts(changes: Sequence[PlannedChange]) -> str:
    counts: dict[str, int] = {}
    for each in changes:
        counts[each.operation] = counts.get(each.operation, 0) + 1
    return ", ".join(f"{count} to {operation}" for operation, count in counts.items())


def _resource(change: PlannedChange) -> str:
    sign = _SIGNS.get(change.operation, "?")
    why = f" [{', '.join(change.changed)}]" if change.changed and change.operation != "create" else ""
    protected = " (protected)" if change.protected else ""
    return f"{sign} {change.name} ({short_type(change.type)}){why}{protected}"
