"""The provider: the whole life of each resource, for Pulumi's engine.

Names identify: a resource that an interrupted update created is found by its name, by the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.provider.experimental.provider import (
    CheckFailure,
    CheckRequest,
    CheckResponse,
    ConfigureRequest,
    ConfigureResponse,
    CreateRequest,
    CreateResponse,
    DeleteRequest,
    DiffRequest,
    DiffResponse,
    GetSchemaRequest,
    GetSchemaResponse,
    PropertyDiff,
    PropertyDiffKind,
    Provider,
    ReadRequest,
    ReadResponse,
    UpdateRequest,
    UpdateResponse,
)

from runctl_auto.errors import NotSupportedError, UnreachableError
from runctl_auto.providers.runpod.client import RunpodClient
from runctl_auto.providers.runpod.plugin.kinds import EXITED, KINDS, Kind
from runctl_auto.providers.runpod.plugin.values import (
    Properties,
    covers,
    is_unknown,
    plain,
    plain_all,
    property_of,
    sendable,
)


class RunpodPlugin(Provider):
    """Serves any number of stacks. ``client`` is made when it is first needed: a preview of what does not
    exist yet needs none."""

    def __init__(self, client: Callable[[], RunpodClient]) -> None:
        self._client = client

    async def get_schema(self, request: GetSchemaRequest) -> GetSchemaResponse:  # noqa: ARG002
        """None: the classes in ``components`` are written by hand."""
        raise NotSupportedError("This provider has no schema to give.")

    async def check_config(self, request: CheckRequest) -> CheckResponse:
        """No configuration: address and key come from the environment of this process."""
        failures = [CheckFailure(name, "is not known") for name in _own(request.new_inputs)]
        return CheckResponse(inputs=sendable(request.new_inputs), failures=failures)

    async def diff_config(self, request: DiffRequest) -> DiffResponse:  # noqa: ARG002
        return DiffResponse(changes=False)

    async def configure(self, request: ConfigureRequest) -> ConfigureResponse:  # noqa: ARG002
        return ConfigureResponse(accept_secrets=True, supports_preview=True)

    async def check(self, request: CheckRequest) -> CheckResponse:
        kind = _kind(request.urn)
        given = {name: each for name, each in request.new_inputs.items() if each.value is not None}
        failures = [CheckFailure(name, reason) for name, reason in kind.problems(given)]
        return CheckResponse(inputs=sendable(given), failures=failures)

    async def diff(self, request: DiffRequest) -> DiffResponse:
        kind = _kind(request.urn)
        changed = [
            name
            for name in sorted(kind.inputs)
            if name not in request.ignore_changes
            and _differs(request.old_state.get(name), request.new_inputs.get(name))
        ]
        if _has_exited(request.old_state):
            changed.append(EXITED)
        replaced = [name for name in changed if name not in kind.updated]
        return DiffResponse(
            changes=bool(changed),
            diffs=changed,
            replaces=replaced,
            # The new one has the name of the old one, or its volume.
            delete_before_replace=bool(replaced),
            detailed_diff={
                name: PropertyDiff(_kind_of_change(name in replaced), input_diff=True) for name in changed
            },
        )

    async def create(self, request: CreateRequest) -> CreateResponse:
        kind = _kind(request.urn)
        if request.preview:
            return CreateResponse(properties=sendable({**request.properties, **_unknown(kind.told)}))
        made = kind.create(self._client(), plain_all(request.properties))
        return CreateResponse(str(made["id"]), _outputs(kind, request.properties, made))

    async def read(self, request: ReadRequest) -> ReadResponse:
        kind = _kind(request.urn)
        found = kind.read(self._client(), request.resource_id)
        if found is None:
            return ReadResponse(resource_id="", properties={}, inputs={})
        known = request.inputs or {
            name: each for name, each in request.properties.items() if name in kind.inputs
        }
        inputs = _as_told(kind, known, found)
        return ReadResponse(request.resource_id, _outputs(kind, inputs, found), inputs)

    async def update(self, request: UpdateRequest) -> UpdateResponse:
        kind = _kind(request.urn)
        if request.preview:
            return UpdateResponse(sendable({**request.news, **_kept(kind, request.olds)}))
        changes = {
            name: plain(request.news[name])
            for name in kind.updated & request.news.keys()
            if name not in request.ignore_changes and _differs(request.olds.get(name), request.news[name])
        }
        changed = kind.update(self._client(), request.resource_id, changes)
        return UpdateResponse(_outputs(kind, request.news, changed))

    async def delete(self, request: DeleteRequest) -> None:
        _kind(request.urn).delete(self._client(), request.resource_id)

    async def cancel(self) -> None:
        """Calls in flight end by themselves: each is short."""


def _kind(urn: str) -> Kind:
    token = urn.split("::")[2].rsplit("$", maxsplit=1)[-1]
    if token not in KINDS:
        raise NotSupportedError(f"There is no resource type {token}.")
    return KINDS[token]


def _own(inputs: Properties) -> Iterable[str]:
    """What a provider resource is configured with, apart from what the engine adds."""
    return sorted(name for name in inputs if name != "version" and not name.startswith("__"))


def _has_exited(state: Properties) -> bool:
    return EXITED in state and plain(state[EXITED]) is True


def _differs(old: PropertyValue | None, new: PropertyValue | None) -> bool:
    if new is None or new.value is None:
        return old is not None and old.value is not None
    if is_unknown(new) or old is None:
        return True
    return bool(plain(old) != plain(new))


def _kind_of_change(replaces: bool) -> PropertyDiffKind:
    return PropertyDiffKind.UPDATE_REPLACE if replaces else PropertyDiffKind.UPDATE


def _unknown(names: Iterable[str]) -> dict[str, PropertyValue]:
    return {name: PropertyValue.computed() for name in names}


def _kept(kind: Kind, state: Properties) -> dict[str, PropertyValue]:
    return {name: state[name] for name in kind.told & state.keys()}


def _outputs(kind: Kind, inputs: Properties, item: Mapping[str, Any]) -> dict[str, PropertyValue]:
    """The inputs as they are, secret where they are, and what the API alone knows."""
    if not item.get("id"):
        raise UnreachableError(f"RunPod's answer about a {kind.token} has no id.")
    return {**inputs, **{name: property_of(item.get(name)) for name in kind.told}}


def _as_told(kind: Kind, inputs: Properties, item: Mapping[str, Any]) -> dict[str, PropertyValue]:
    """The inputs as the API tells them now; those that it does not tell, or tells with defaults only, as they
    were."""
    found = dict(inputs)
    for name, before in inputs.items():
        if name in kind.hidden:
            continue
        told = item.get(kind.renamed.get(name, name))
        if not covers(told, plain(before)):
            found[name] = property_of(told, secret=before.contains_secret())
    return found
