"""What a resource type is to the provider: data about its inputs; how it is made, seen, changed, removed."""

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
    """The input that names the resource in the cloud, given one when the program gives none.

    prefix: the input that says how the name begins, which leaves the rest to the provider.
    hashed: whether that name ends in random digits, so that a replacement can come before the deletion.
    """

    input: str
    prefix: str | None = None
    longest: int = 255
    lower: bool = False
    hashed: bool = True


@dataclass(frozen=True)
class Known:
    """What state holds of a resource when it is read; both empty when it is imported."""

    inputs: Mapping[str, Any] = field(default_factory=dict)
    outputs: Mapping[str, Any] = field(default_factory=dict)

    def carried(self, name: str, default: Any = None) -> Any:
        """What the cloud does not tell: the value wanted or, failing that, the one last recorded."""
        value = self.inputs.get(name, self.outputs.get(name))
        return default if value is None else value


@dataclass(frozen=True)
class Problem:
    """An input that cannot be used, and why."""

    input: str
    reason: str


class ResourceType(ABC):
    """One resource type. Instances hold nothing: all methods are safe to use from many threads.

    Properties given to methods are checked inputs or recorded outputs with secrets in the clear. Methods
    raise CloudError, RefusedError and CancelledError; they block until the cloud has done the work.
    """

    token: ClassVar[str]
    title: ClassVar[str]
    inputs: ClassVar[Mapping[str, Field]]
    outputs: ClassVar[tuple[str, ...]] = ()
    physical_name: ClassVar[PhysicalName | None] = None

    def check(self, inputs: Properties) -> Iterator[Problem]:
        """Problems that no single input shows. Unknown values are to be let pass."""
        del inputs
        yield from ()

    def default_tags(self, inputs: Mapping[str, Any], of_provider: Mapping[str, str]) -> Mapping[str, str]:
        """The tags that the provider adds to those of the resource."""
        del inputs
        return of_provider

    @abstractmethod
    def create(self, cloud: Cloud, inputs: Properties) -> str:
        """Make it and return its id; what can fail once it exists belongs in `settle`."""

    def settle(self, cloud: Cloud, identifier: str, inputs: Properties) -> None:
        """Do what remains once it exists: a failure here is recorded with the resource.

        Called again after a failure, so it must not mind what is done already.
        """
        del cloud, identifier, inputs

    @abstractmethod
    def read(self, cloud: Cloud, identifier: str, known: Known) -> Properties | None:
        """All its outputs, inputs included, as the cloud has them; None when it is gone."""

    def update(
        self, cloud: Cloud, identifier: str, state: Properties, inputs: Properties, changed: frozenset[str]
    ) -> None:
        """Bring the changed inputs into force. state: its outputs as recorded; changed: names of inputs."""
        raise NotImplementedError(f"{self.token} is never updated in place")

    @abstractmethod
    def delete(self, cloud: Cloud, identifier: str, state: Properties) -> None:
        """Remove it; that it is gone already is no error."""

    def change_for(self, difference: Difference, state: Properties, inputs: Properties) -> Change:
        """What a difference asks for, where the inputs' table alone does not say."""
        del state, inputs
        return difference.change

    def unsettled(self, changed: frozenset[str]) -> frozenset[str]:
        """Outputs that an update of these inputs gives a value that is known only afterwards."""
        del changed
        return frozenset()
