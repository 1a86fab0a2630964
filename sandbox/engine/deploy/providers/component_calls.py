"""Components that providers make, and calls of methods: what is asked and what comes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.engine.deploy.request import OperationRequest
from sandbox.engine.properties import PropertyMap

Dependencies = Mapping[str, tuple[str, ...]]
"""URNs by the property that depends on them."""


@dataclass(frozen=True)
class ConstructCall:
    """A component to make. `registration` is the program's request for it, whose options go with it;
    `providers` are references by package. The provider registers at `monitor_address`."""

    operation: OperationRequest
    monitor_address: str
    registration: Any
    inputs: PropertyMap
    dependencies: tuple[str, ...]
    property_dependencies: Dependencies
    providers: Mapping[str, str]


@dataclass(frozen=True)
class Constructed:
    """A component just made."""

    urn: str
    outputs: PropertyMap = field(default_factory=dict)
    dependencies: Dependencies = field(default_factory=dict)


@dataclass(frozen=True)
class MethodCall:
    """A call of a method. The provider may register at `monitor_address`."""

    operation: OperationRequest
    monitor_address: str
    token: str
    arguments: PropertyMap
    dependencies: Dependencies


@dataclass(frozen=True)
class Returned:
    """What a method returned; `failures` are (property, reason) of refused arguments."""

    values: PropertyMap = field(default_factory=dict)
    dependencies: Dependencies = field(default_factory=dict)
    failures: tuple[tuple[str, str], ...] = ()
