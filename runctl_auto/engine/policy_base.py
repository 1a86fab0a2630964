"""Holds a project's policies to a base that they may tighten and not loosen.

The base is what ``policies.base`` names: another checkout of the project, such as that of the branch that a
proposal wants to change, or a file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, Literal

from policies.price import STORAGE_PRICE
from policies.rules import LATER, RULES
from runctl_auto.engine.project_policies import LEVEL, PolicyConfig

NOTHING_ALLOWED = "(none)"
"""Stands in a list of which nothing is left: an empty one allows everything."""
_STRENGTH = {"disabled": 0, "advisory": 1, "remediate": 2, "mandatory": 3}
_UNLIMITED = float("inf")

Direction = Literal["lower", "higher", "fewer"]
STRICTER: Mapping[tuple[str, str], Direction] = {
    ("allowed-regions", "regions"): "fewer",
    ("allowed-instance-types", "types"): "fewer",
    ("allowed-data-sources", "sources"): "fewer",
    ("maximum-sizes", "disk_gb"): "lower",
    ("maximum-sizes", "volume_gb"): "lower",
    ("maximum-sizes", "nodes"): "lower",
    ("cost-within-budget", "storage_price_gb_month"): "higher",
}
"""Which values of a rule's setting are stricter; every setting of a rule is here."""


def tightened(base: PolicyConfig, project: PolicyConfig) -> tuple[PolicyConfig, tuple[str, ...]]:
    """The stricter of both for every rule and setting; and a sentence for each that the project's looser
    value has not changed."""
    config: dict[str, dict[str, Any]] = {}
    notes: list[str] = []
    for rule in dict.fromkeys([*base, *project]):
        held, asked = base.get(rule, {}), project.get(rule, {})
        found: dict[str, Any] = {}
        for key, strictest, was in _settings(rule, held, asked):
            if strictest is not None:
                found[key] = strictest
            if strictest != was:
                notes.append(f"{rule}: {key} stays {_told(strictest)}: the policies' base is stricter")
        config[rule] = found
    return config, tuple(notes)


def _settings(rule: str, held: Mapping[str, Any], asked: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Each setting with its strictest value and the project's, None where nothing limits it."""
    levels = (held.get(LEVEL) or _default_level(rule), asked.get(LEVEL) or _default_level(rule))
    yield LEVEL, max(levels, key=lambda level: _STRENGTH[level]), levels[1]
    for (name, key), direction in STRICTER.items():
        if name == rule:
            yield key, *_strictest(direction, held.get(key), asked.get(key))


def _strictest(direction: Direction, held: Any, asked: Any) -> tuple[Any, Any]:
    if direction == "fewer":
        return _narrowed(held or [], asked or []) or None, asked or None
    if direction == "higher":
        project = STORAGE_PRICE if asked is None else asked
        return max(STORAGE_PRICE if held is None else held, project), project
    limit = min(_UNLIMITED if held is None else held, _UNLIMITED if asked is None else asked)
    return (None if limit == _UNLIMITED else limit), asked


def _narrowed(held: Sequence[str], asked: Sequence[str]) -> list[str]:
    """Patterns for what both lists allow, as far as one of two patterns holds all that the other does."""
    if not held or not asked:
        return list(asked or held)
    kept = [each for each in asked if _is_within(each, held)]
    kept += [each for each in held if each not in kept and _is_within(each, asked)]
    return kept or [NOTHING_ALLOWED]


def _is_within(pattern: str, others: Sequence[str]) -> bool:
    """Whether one of ``others`` surely matches everything that ``pattern`` does."""
    for other in others:
        is_word = not any(sign in pattern for sign in "*?[")
        is_simple = "[" not in pattern and not any(sign in other for sign in "?[")
        if pattern == other or ((is_word or is_simple) and fnmatchcase(pattern, other)):
            return True
    return False


def _default_level(rule: str) -> str:
    if rule == LATER:
        return "advisory"
    return next(("remediate" for each in RULES if each.name == rule and each.remedy), "mandatory")


def _told(value: Any) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value)
