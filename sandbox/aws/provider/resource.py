"""The provider's model of a resource type: its inputs, and its create, read, update and delete operations."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from sandbox.aws.provider.cloud import Cloud
from sandbox.aws.provider.diffing import Difference
from sandbox.aws.provider.schema import Change, Field

Properties = dict[str, Any]


@dataclass(frozen=True)
class PhysicalName:
    """The input with the resource's physical name, which is generated when the program sets none.

    prefix: the input with a name prefix; the provider generates the rest.
    hashed: whether generated names end in random digits, so that a replacement can precede the deletion.
    """

    input: str
    prefix: str | None = None
    longest: int = 255
    lower: bool = False
    hashed: bool = True


@dataclass(frozen=True)
class Known:
    """The resource's state before a read; both empty on import."""

    inputs: Mapping[str, Any] = field(default_factory=dict)
    outputs: Mapping[str, Any] = field(default_factory=dict)

    def carried(self, name: str, default: Any = None) -> Any:
        """A value that the cloud does not return: the desired one or, failing that, the last recorded one."""
        value = self.inputs.get(name, self.outputs.get(name))
        return default if value is None else value


@dataclass(frozen=True)
class Problem:
    """An invalid input, and why."""

    input: str
    reason: str


class ResourceType(ABC):
    """One resource type. Instances are stateless: all methods are thread-safe.

    Properties passed to methods are checked inputs or recorded outputs, with secrets revealed. Methods raise
    CloudError, RefusedError and CancelledError; they block until the cloud has finished.
    """

    token: ClassVar[str]
    title: ClassVar[str]
    inputs: ClassVar[Mapping[str, Field]]
    outputs: ClassVar[tuple[str, ...]] = ()
    physical_name: ClassVar[PhysicalName | None] = None

    def check(self, inputs: Properties) -> Iterator[Problem]:
        """Problems that involve more than one input. Unknown values must be accepted."""
        del inputs
        yield from ()

    def default_tags(self, inputs: Mapping[str, Any], of_provider: Mapping[str, str]) -> Mapping[str, str]:
        """The provider's default tags for this resource."""
        del inputs
        return of_provider

    @abstractmethod
    def create(self, cloud: Cloud, inputs: Properties) -> str:
        """Create the resource and return its id; steps that can fail once it exists belong in `settle`."""

    def settle(self, cloud: Cloud, identifier: str, inputs: Properties) -> None:
        """Complete the creation: an error here is recorded with the resource.

        Called again after a failure, so it must be idempotent.
        """
        del cloud, identifier, inputs

    @abstractmethod
    def read(self, cloud: Cloud, identifier: str, known: Known) -> Properties | None:
        """All outputs, inputs included, as read from the cloud; None when the resource no longer exists."""

    def update(
        self, cloud: Cloud, identifier: str, state: Properties, inputs: Properties, changed: frozenset[str]
    ) -> None:
        """Apply the changed inputs. state: the recorded outputs; changed: names of inputs."""
        raise NotImplementedError(f"{self.token} is never updated in place")

    @abstractmethod
    def delete(self, cloud: Cloud, identifier: str, state: Properties) -> None:
        """Delete the resource; no error if it no longer exists."""

    def change_for(self, difference: Difference, state: Properties, inputs: Properties) -> Change:
        """The change that a difference requires, where the schema alone does not determine it."""
        del state, inputs
        return difference.change

    def unsettled(self, changed: frozenset[str]) -> frozenset[str]:
        """Outputs whose value is unknown until an update of these inputs has finished."""
        del changed
        return frozenset()
