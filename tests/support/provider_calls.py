"""What the official AWS provider calls for each resource type: `tests/contract/provider_calls.yaml`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

TABLE = Path(__file__).parents[1] / "contract" / "provider_calls.yaml"
OPERATIONS = frozenset({"configure", "create", "read", "update", "delete"})
REMARKS = frozenset({"with", "filled", "without", "when", "source"})
PROVIDER = "pulumi:providers:aws"


@dataclass(frozen=True)
class Row:
    """One call of one operation on one type; ``source`` is the provider's file that makes it."""

    type: str
    operation: str
    call: str
    source: str
    given: str | None = None
    filled: str | None = None
    absent: str | None = None
    when: str | None = None

    def is_reached_by(self, inputs: Mapping[str, Any]) -> bool:
        """Whether the provider may make this call for a resource with these inputs."""
        return (
            (self.given is None or self.given in inputs)
            and (self.filled is None or bool(inputs.get(self.filled)))
            and (self.absent is None or not inputs.get(self.absent))
        )

    @property
    def inputs(self) -> tuple[str, ...]:
        """The inputs that the call depends on."""
        return tuple(each for each in (self.given, self.filled, self.absent) if each is not None)

    def __str__(self) -> str:
        return f"{self.type} {self.operation} ({self.source}): {self.call}"


def rows() -> tuple[Row, ...]:
    """All rows of the table. Raises AssertionError for a malformed one."""
    return tuple(_rows(yaml.safe_load(TABLE.read_text(encoding="utf-8"))))


def reached(resources: Iterable[tuple[str, Mapping[str, Any]]]) -> tuple[Row, ...]:
    """The rows that resources, as types with inputs, can reach; the provider itself is always configured."""
    declared = [*resources, (PROVIDER, {})]
    return tuple(
        row
        for row in rows()
        if any(row.type == token and row.is_reached_by(inputs) for token, inputs in declared)
    )


def _rows(table: Mapping[str, Mapping[str, Any]]) -> Iterator[Row]:
    for token, described in table.items():
        operations = {key: value for key, value in described.items() if key not in ("source", "version")}
        assert operations.keys() <= OPERATIONS, token
        assert described.keys() >= {"source", "version"}, token
        for operation, calls in operations.items():
            for call, said in calls.items():
                remarks = said or {}
                assert remarks.keys() <= REMARKS, f"{token} {operation} {call}"
                yield Row(
                    token,
                    operation,
                    call,
                    remarks.get("source", described["source"]),
                    remarks.get("with"),
                    remarks.get("filled"),
                    remarks.get("without"),
                    remarks.get("when"),
                )
