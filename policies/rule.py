"""What a rule is: a plain function over a resource's inputs, with a name and the types it judges. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final


class _Unknown:
    """A value that a preview does not know yet."""

    def __repr__(self) -> str:
        return "(known after apply)"


UNKNOWN: Final = _Unknown()


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A resource as rules see it: its inputs after the provider's check, ``UNKNOWN`` where not known yet."""

    type: str
    name: str
    urn: str
    inputs: Mapping[str, Any]
    protect: bool = False


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A rule about one resource. ``check`` yields a sentence for each thing found and what is allowed."""

    name: str
    description: str
    types: frozenset[str]
    check: Callable[[Judged], Iterable[str]]


@dataclass(frozen=True, kw_only=True)
class StackRule:
    """A rule about resources together. ``check`` yields the resource at fault and the sentence."""

    name: str
    description: str
    check: Callable[[Sequence[Judged]], Iterable[tuple[Judged, str]]]


def is_known(value: object) -> bool:
    return value is not UNKNOWN


def section(inputs: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """The mapping at ``key``; empty when it is absent or not known yet."""
    value = inputs.get(key)
    return value if isinstance(value, Mapping) else {}


def items(inputs: Mapping[str, Any], key: str) -> Sequence[Any]:
    """The list at ``key``; empty when it is absent or not known yet."""
    value = inputs.get(key)
    return value if isinstance(value, (list, tuple)) else ()
