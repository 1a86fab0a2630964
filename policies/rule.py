"""A rule: a plain function over a resource's inputs, with a name and the types it evaluates. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final


class _Unknown:
    """A value that is unknown in a preview."""

    def __repr__(self) -> str:
        return "(known after apply)"


UNKNOWN: Final = _Unknown()

Settings = Mapping[str, Any]
"""The settings of one rule in a project's ``policies.yaml``, defaults filled in."""


@dataclass(frozen=True, kw_only=True)
class Violation:
    """The value ``found`` and the values ``allowed``.

    ``field`` is the field of the job file to change (``volumes[0].size``); None when the cause is the
    program, not a field of the job file.
    """

    found: str
    allowed: str
    field: str | None = None

    def __str__(self) -> str:
        place = f"; job file: {self.field}" if self.field else ""
        return f"{self.found}; allowed: {self.allowed}{place}"


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A resource as seen by rules: its inputs after the provider's check, ``UNKNOWN`` where not known yet.

    ``stack`` and ``project`` are those it belongs to. ``sources`` names the resources that an input's value
    comes from, by their URNs; only set for rules about several resources.
    """

    type: str
    name: str
    urn: str
    inputs: Mapping[str, Any]
    protect: bool = False
    default_tags: Mapping[str, Any] = field(default_factory=dict)
    sources: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @property
    def stack(self) -> str:
        return self.urn.split("::")[0].rsplit(":", 1)[-1]

    @property
    def project(self) -> str:
        return self.urn.split("::")[1]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A rule about one resource.

    ``check`` yields the violations; it skips unknown values. ``types`` are the resources it evaluates, None:
    all. ``reads`` are the inputs it evaluates, or paths in them (``network.subnet``): if a preview does not
    know them, the pack reports that the rule evaluates them at `up`. ``schema`` describes the rule's own
    settings in JSON Schema. ``remedy`` gives the inputs to change in order to comply, and None when there is
    no violation.
    """

    name: str
    description: str
    reads: frozenset[str]
    check: Callable[[Judged, Settings], Iterable[Violation]]
    types: frozenset[str] | None = None
    schema: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    remedy: Callable[[Judged], Mapping[str, Any] | None] | None = None

    def concerns(self, type_token: str) -> bool:
        """Whether it evaluates resources of this type."""
        return self.types is None or type_token in self.types

    def not_known(self, resource: Judged) -> Iterator[str]:
        """Paths of the inputs that it would evaluate but that are unknown, in order."""
        if self.concerns(resource.type):
            for path in sorted(self.reads):
                yield from _unknown_below(resource.inputs, path)


@dataclass(frozen=True, kw_only=True)
class StackRule:
    """A rule about several resources. ``check`` yields the resource at fault and the violation."""

    name: str
    description: str
    check: Callable[[Sequence[Judged]], Iterable[tuple[Judged, Violation]]]


def section(inputs: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """The mapping at ``key``; empty when it is absent or unknown."""
    value = inputs.get(key)
    return value if isinstance(value, Mapping) else {}


def items(inputs: Mapping[str, Any], key: str) -> Sequence[Any]:
    """The known part of the list at ``key``; empty when it is absent or unknown."""
    value = inputs.get(key)
    return [each for each in value if each is not UNKNOWN] if isinstance(value, (list, tuple)) else ()


def mappings(inputs: Mapping[str, Any], key: str) -> Sequence[Mapping[str, Any]]:
    """The known mappings of the list at ``key``; empty when it is absent or unknown."""
    return [each for each in items(inputs, key) if isinstance(each, Mapping)]


def number(inputs: Mapping[str, Any], key: str) -> float | None:
    """The number at ``key``; None when it is absent, no number or unknown."""
    value = inputs.get(key)
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def shown(value: object) -> str:
    """A value as displayed in violations."""
    if value is None:
        return "not set"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return f"{value:.6f}".rstrip("0").rstrip(".")
    return str(value) if value != "" else '""'


def _unknown_below(inputs: Mapping[str, Any], path: str) -> Iterator[str]:
    """Unknown values at ``path`` or below, or the part of the path whose value is unknown."""
    value: Any = inputs
    walked: list[str] = []
    for key in path.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
        walked.append(key)
        if value is UNKNOWN:
            break
    yield from _unknown_paths(value, ".".join(walked))


def _unknown_paths(value: object, path: str) -> Iterator[str]:
    if value is UNKNOWN:
        yield path
    elif isinstance(value, Mapping):
        for key in value:
            yield from _unknown_paths(value[key], f"{path}.{key}")
    elif isinstance(value, (list, tuple)):
        for index, each in enumerate(value):
            yield from _unknown_paths(each, f"{path}[{index}]")
