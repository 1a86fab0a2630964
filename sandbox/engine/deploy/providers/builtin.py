"""The provider `pulumi`, which is part of the engine: stack references, stashes and lookups of resources."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from sandbox.engine import urn as urns
from sandbox.engine.deploy.providers.api import (
    Changes,
    CheckCall,
    Checked,
    CheckFailure,
    CreateCall,
    Created,
    DeleteCall,
    Diff,
    DiffCall,
    Invoked,
    ProviderError,
    ReadCall,
    ReadState,
    Status,
    UpdateCall,
    Updated,
)
from sandbox.engine.deploy.providers.component_calls import ConstructCall, Constructed, MethodCall, Returned
from sandbox.engine.deploy.request import StackOutputs
from sandbox.engine.model import Resource
from sandbox.engine.properties import Computed, PropertyMap, contains_secrets, same

_REFERENCE = "pulumi:pulumi:StackReference"
_STASH = "pulumi:index:Stash"
_PROPERTY = {_REFERENCE: "name", _STASH: "input"}


class BuiltinProvider:
    """See `sandbox.engine.deploy.providers.api.Provider`. `find` looks up a resource of this operation."""

    def __init__(self, stacks: StackOutputs | None, find: Callable[[str], Resource | None]) -> None:
        self._stacks, self._find = stacks, find

    def check_config(self, urn: str, olds: PropertyMap, news: PropertyMap) -> Checked:  # noqa: ARG002
        return Checked({})

    def diff_config(self, call: DiffCall) -> Diff:  # noqa: ARG002
        return Diff(Changes.NONE)

    def configure(self, urn: str, identity: str, inputs: PropertyMap) -> None:
        """Nothing to configure."""

    def construct(self, call: ConstructCall) -> Constructed | None:  # noqa: ARG002
        raise ProviderError("builtin resources may not be constructed")

    def call(self, call: MethodCall) -> Returned:  # noqa: ARG002
        raise ProviderError("the builtin provider does not implement call")

    def cancel(self) -> None:
        """Nothing in flight."""

    def close(self) -> None:
        """Nothing to close."""

    def check(self, call: CheckCall) -> Checked:
        required = self._property(call.urn)
        for key in call.news:
            if key != required:
                return Checked(call.news, (CheckFailure(key, f'unknown property "{key}"'),))
        if required not in call.news:
            return Checked(call.news, (CheckFailure(required, f'missing required property "{required}"'),))
        name = call.news[required]
        if required == "name" and not isinstance(name, (str, Computed)):
            return Checked(call.news, (CheckFailure(required, 'property "name" must be a string'),))
        return Checked(call.news)

    def diff(self, call: DiffCall) -> Diff:
        key = self._property(call.urn)
        if same(call.old_inputs.get(key), call.new_inputs.get(key)):
            return Diff(Changes.NONE)
        if key == "name":
            return Diff(Changes.SOME, replace_keys=(key,))
        return Diff(Changes.SOME, changed_keys=(key,))

    def create(self, call: CreateCall) -> Created:
        identity = "" if call.preview else str(uuid.uuid4())
        if self._property(call.urn) == "name":
            return Created(identity, self._reference(call.inputs))
        value = call.inputs["input"]
        return Created(identity, {"input": value, "output": value})

    def update(self, call: UpdateCall) -> Updated:
        return Updated({"input": call.new_inputs["input"], "output": call.old_outputs.get("output")})

    def read(self, call: ReadCall) -> ReadState:
        if self._property(call.urn) != "name":
            if not call.inputs:
                raise ProviderError("stash can not be imported", Status.UNKNOWN)
            return ReadState(call.identity, call.state, call.inputs)
        inputs = call.inputs or {}
        if "name" not in inputs:
            raise ProviderError("stack reference can not be imported", Status.UNKNOWN)
        return ReadState(call.identity, self._reference(call.state), inputs)

    def delete(self, call: DeleteCall) -> None:
        self._property(call.urn)

    def invoke(self, token: str, arguments: PropertyMap, *, preview: bool) -> Invoked:  # noqa: ARG002
        if token == "pulumi:pulumi:readStackOutputs":  # noqa: S105 - a function's name
            return Invoked(self._reference(arguments))
        if token == "pulumi:pulumi:getResource":  # noqa: S105
            urn = str(arguments.get("urn"))
            found = self._find(urn)
            if found is None:
                raise ProviderError(f"unknown resource {urn}")
            return Invoked({"urn": urn, "id": found.id, "provider": found.provider, "state": found.outputs})
        raise ProviderError(f"unrecognized function name: '{token}'")

    def _property(self, urn: str) -> str:
        kind = urns.type_of(urn)
        if kind not in _PROPERTY:
            raise ProviderError(f"unrecognized resource type '{kind}'")
        return _PROPERTY[kind]

    def _reference(self, inputs: PropertyMap) -> PropertyMap:
        name = inputs.get("name")
        if not isinstance(name, str):
            raise ProviderError("missing required property 'name'")
        outputs = self._stacks.read(name) if self._stacks else None
        if outputs is None:
            raise ProviderError(f'unknown stack "{name}"', Status.UNKNOWN)
        secret = sorted(key for key, value in outputs.items() if contains_secrets(value))
        return {"name": name, "outputs": outputs, "secretOutputNames": secret}
