"""Asks providers for components and for calls of methods, as the protocol has it."""

from __future__ import annotations

from typing import Any

from sandbox.engine.deploy.protocol import alias_pb2, provider_pb2
from sandbox.engine.deploy.providers.abilities import Abilities
from sandbox.engine.deploy.providers.answers import call, received
from sandbox.engine.deploy.providers.api import ProviderError
from sandbox.engine.deploy.providers.component_calls import ConstructCall, Constructed, MethodCall, Returned
from sandbox.engine.deploy.request import OperationRequest
from sandbox.engine.deploy.wire import Receive, to_struct

_OUTPUTS = Receive(outputs=True)


def construct(stub: Any, can: Abilities, wanted: ConstructCall) -> Constructed:
    """Lets a provider make a component. Blocking, while the provider registers. Raises ProviderError."""
    if not can.secrets:
        raise ProviderError("plugins that can construct components must support secrets")
    operation, source = wanted.operation, wanted.registration
    request = provider_pb2.ConstructRequest(
        **_operation(operation),
        organization=operation.organization,
        configSecretKeys=sorted(operation.secret_keys),
        monitorEndpoint=wanted.monitor_address,
        type=source.type,
        name=source.name,
        parent=source.parent,
        inputs=to_struct(wanted.inputs, can.send(unknowns=True, outputs=True)),
        inputDependencies={
            key: provider_pb2.ConstructRequest.PropertyDependencies(urns=urns)
            for key, urns in wanted.property_dependencies.items()
        },
        dependencies=wanted.dependencies,
        providers=wanted.providers,
        aliases=[*(alias_pb2.Alias(urn=urn) for urn in source.aliasURNs), *source.aliases],
        additionalSecretOutputs=source.additionalSecretOutputs,
        deletedWith=source.deletedWith,
        replace_with=source.replace_with,
        ignoreChanges=source.ignoreChanges,
        replaceOnChanges=source.replaceOnChanges,
        accepts_output_values=True,
    )
    _copy_options(source, request)
    answer = call(stub.Construct, request)
    outputs = received(answer.state, _OUTPUTS)
    return Constructed(
        answer.urn, outputs, {key: tuple(value.urns) for key, value in answer.stateDependencies.items()}
    )


def call_method(stub: Any, can: Abilities, wanted: MethodCall) -> Returned:
    """Calls a method of a component or provider. Blocking. Raises ProviderError."""
    send = Abilities(True, True, byte_strings=can.byte_strings, outputs=can.outputs)
    request = provider_pb2.CallRequest(
        **_operation(wanted.operation),
        monitorEndpoint=wanted.monitor_address,
        tok=wanted.token,
        args=to_struct(wanted.arguments, send.send(unknowns=True, outputs=True)),
        argDependencies={
            key: provider_pb2.CallRequest.ArgumentDependencies(urns=urns)
            for key, urns in wanted.dependencies.items()
        },
        accepts_output_values=True,
    )
    answer = call(stub.Call, request)
    values = received(getattr(answer, "return"), _OUTPUTS)
    dependencies = {key: tuple(value.urns) for key, value in answer.returnDependencies.items()}
    refused = tuple((failure.property, failure.reason) for failure in answer.failures)
    return Returned(values, dependencies, refused)


def _operation(operation: OperationRequest) -> dict[str, Any]:
    """What both messages tell of the operation."""
    return {
        "project": operation.project,
        "stack": operation.stack,
        "config": dict(operation.config),
        "dryRun": operation.dry_run,
        "parallel": operation.options.parallel,
    }


def _copy_options(source: Any, target: Any) -> None:
    """Copies the options that tell whether they were given."""
    for name, as_named in (("protect", "protect"), ("retainOnDelete", "retain_on_delete")):
        if source.HasField(name):
            setattr(target, as_named, getattr(source, name))
    if source.deleteBeforeReplaceDefined or source.deleteBeforeReplace:
        target.deleteBeforeReplace = source.deleteBeforeReplace
    if source.HasField("replacement_trigger"):
        target.replacement_trigger.CopyFrom(source.replacement_trigger)
    if source.HasField("customTimeouts"):
        limits = source.customTimeouts
        target.customTimeouts.create = limits.create
        target.customTimeouts.update = limits.update
        target.customTimeouts.delete = limits.delete
