"""What the engine asks of a provider, whether it is a process or built in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from typing import Protocol

from sandbox.engine.deploy.providers.component_calls import ConstructCall, Constructed, MethodCall, Returned
from sandbox.engine.properties import PropertyMap


class Status(IntEnum):
    """What is known of a resource after a failed call, numbered as in Pulumi's events."""

    OK = 0
    PARTIAL_FAILURE = 1
    UNKNOWN = 2


class ProviderError(Exception):
    """A provider's call failed; the message is the provider's. `refused` are (path, reason) of inputs."""

    def __init__(
        self, message: str, status: Status = Status.OK, refused: Sequence[tuple[str, str]] = ()
    ) -> None:
        super().__init__(message)
        self.status = status
        self.refused = tuple(refused)


class InitFailed(ProviderError):
    """A resource exists, but is not as it should be yet."""

    def __init__(
        self,
        reasons: Sequence[str],
        identity: str,
        outputs: PropertyMap,
        inputs: PropertyMap | None,
        refresh_before_update: bool,
    ) -> None:
        super().__init__(_several(reasons), Status.PARTIAL_FAILURE)
        self.reasons = list(reasons)
        self.identity = identity
        self.outputs = outputs
        self.inputs = inputs
        self.refresh_before_update = refresh_before_update


def _several(reasons: Sequence[str]) -> str:
    if not reasons:
        return "resource init failed"
    noun = "error" if len(reasons) == 1 else "errors"
    return f"{len(reasons)} {noun} occurred:\n" + "".join(f"\t* {reason}\n" for reason in reasons) + "\n"


class DiffUnavailable(Exception):
    """A provider cannot tell what would change; the message says why."""


class Changes(Enum):
    """Whether a diff found changes."""

    UNKNOWN = 0
    NONE = 1
    SOME = 2


class DiffKind(str, Enum):
    """What happens to one property; the texts are those of Pulumi's events."""

    ADD = "add"
    ADD_REPLACE = "add-replace"
    DELETE = "delete"
    DELETE_REPLACE = "delete-replace"
    UPDATE = "update"
    UPDATE_REPLACE = "update-replace"

    def replacing(self) -> DiffKind:
        """The same change, made by a replacement."""
        return DiffKind(self.value if self.value.endswith("-replace") else f"{self.value}-replace")

    def inverted(self) -> DiffKind:
        """The change seen from the other side."""
        swapped = {"add": "delete", "delete": "add"}
        base, dash, replace = self.value.partition("-")
        return DiffKind(swapped.get(base, base) + dash + replace)


@dataclass(frozen=True)
class PropertyDiff:
    """A change of one property: of its input, or of its recorded output."""

    kind: DiffKind
    input_diff: bool = False


@dataclass(frozen=True)
class Diff:
    """What would change."""

    changes: Changes
    replace_keys: tuple[str, ...] = ()
    stable_keys: tuple[str, ...] = ()
    changed_keys: tuple[str, ...] = ()
    detailed: Mapping[str, PropertyDiff] | None = None
    delete_before_replace: bool = False

    @property
    def replace(self) -> bool:
        """Whether the change needs a replacement."""
        if self.replace_keys:
            return True
        return any(d.kind.value.endswith("-replace") for d in (self.detailed or {}).values())


@dataclass(frozen=True)
class CheckFailure:
    """A property that a provider refuses, "" for the resource as a whole."""

    property: str
    reason: str


@dataclass(frozen=True)
class Checked:
    """Inputs with the provider's defaults, and what is wrong with them."""

    inputs: PropertyMap
    failures: tuple[CheckFailure, ...] = ()


@dataclass(frozen=True)
class Created:
    """A resource just made; the id is "" in a preview."""

    identity: str
    outputs: PropertyMap
    refresh_before_update: bool = False


@dataclass(frozen=True)
class Updated:
    """A resource just changed."""

    outputs: PropertyMap
    refresh_before_update: bool = False


@dataclass(frozen=True)
class ReadState:
    """A resource as it is: no outputs when it is gone, no inputs when the provider cannot tell them."""

    identity: str
    outputs: PropertyMap | None
    inputs: PropertyMap | None = None
    refresh_before_update: bool = False


@dataclass(frozen=True)
class Invoked:
    """A function's result."""

    values: PropertyMap
    failures: tuple[CheckFailure, ...] = ()
    dependencies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class CheckCall:
    """Arguments of `Provider.check`; `olds` is None for a new resource."""

    urn: str
    olds: PropertyMap | None
    news: PropertyMap
    allow_unknowns: bool
    random_seed: bytes = b""


@dataclass(frozen=True)
class DiffCall:
    """Arguments of `Provider.diff`."""

    urn: str
    identity: str
    old_inputs: PropertyMap
    old_outputs: PropertyMap
    new_inputs: PropertyMap
    allow_unknowns: bool
    ignore_changes: tuple[str, ...] = ()


@dataclass(frozen=True)
class CreateCall:
    """Arguments of `Provider.create`; the timeout is in seconds, 0 for the provider's own."""

    urn: str
    inputs: PropertyMap
    timeout: float
    preview: bool


@dataclass(frozen=True)
class UpdateCall:
    """Arguments of `Provider.update`."""

    urn: str
    identity: str
    old_inputs: PropertyMap
    old_outputs: PropertyMap
    new_inputs: PropertyMap
    timeout: float
    ignore_changes: tuple[str, ...]
    preview: bool


@dataclass(frozen=True)
class ReadCall:
    """Arguments of `Provider.read`; `inputs` is None when they are not known."""

    urn: str
    identity: str
    inputs: PropertyMap | None
    state: PropertyMap


@dataclass(frozen=True)
class DeleteCall:
    """Arguments of `Provider.delete`."""

    urn: str
    identity: str
    inputs: PropertyMap
    outputs: PropertyMap
    timeout: float


class Provider(Protocol):
    """Operations on resources. All block, and raise ProviderError when the provider refuses or fails."""

    def check(self, call: CheckCall) -> Checked:
        """Inputs as the provider takes them."""

    def diff(self, call: DiffCall) -> Diff:
        """What would change. Raises DiffUnavailable as well."""

    def create(self, call: CreateCall) -> Created:
        """Makes the resource, or tells in a preview what is known of it."""

    def update(self, call: UpdateCall) -> Updated:
        """Changes the resource in place."""

    def read(self, call: ReadCall) -> ReadState:
        """The resource as it is."""

    def delete(self, call: DeleteCall) -> None:
        """Deletes the resource; one that is gone already is no error."""

    def invoke(self, token: str, arguments: PropertyMap, *, preview: bool) -> Invoked:
        """Calls a function."""


class ConfigurableProvider(Provider, Protocol):
    """A provider with a life: checked, configured, cancelled, closed."""

    def check_config(self, urn: str, olds: PropertyMap, news: PropertyMap) -> Checked:
        """The provider's own inputs as it takes them."""

    def diff_config(self, call: DiffCall) -> Diff:
        """What would change of the provider."""

    def configure(self, urn: str, identity: str, inputs: PropertyMap) -> None:
        """Configures the provider; needed before any other call but the two above."""

    def construct(self, call: ConstructCall) -> Constructed | None:
        """Makes a component; None in a preview when the provider's own configuration is not known yet."""

    def call(self, call: MethodCall) -> Returned:
        """Calls a method."""

    def cancel(self) -> None:
        """Asks the provider to stop what is in flight. Never raises."""

    def close(self) -> None:
        """Ends the connection, and the process if it was started for it. Never raises."""
