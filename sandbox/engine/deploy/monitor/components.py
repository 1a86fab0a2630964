"""Components that providers make, and calls of methods: what a program asks for, and what it gets."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sandbox.engine import urn as urns
from sandbox.engine.deploy.monitor.requests import (
    RequestError,
    accepted_by,
    output_dependencies,
    property_dependencies,
    receiver,
)
from sandbox.engine.deploy.protocol import provider_pb2, resource_pb2
from sandbox.engine.deploy.providers.component_calls import ConstructCall, Constructed, MethodCall, Returned
from sandbox.engine.deploy.request import OperationRequest
from sandbox.engine.deploy.wire import Send, from_struct, to_struct
from sandbox.engine.properties import PropertyMap, contains_unknowns, without_outputs

_SELF = "__self__"


def construct_call(
    request: Any, operation: OperationRequest, monitor_address: str, folder: Path
) -> ConstructCall:
    """The component that a registration asks a provider for."""
    inputs = from_struct(request.object, receiver(folder, outputs=True))
    dependencies = tuple(dict.fromkeys(request.dependencies))
    found = property_dependencies(request, inputs, dependencies)
    return ConstructCall(
        operation,
        monitor_address,
        request,
        inputs,
        dependencies,
        {key: tuple(listed) for key, listed in found.items()},
        dict(request.providers),
    )


def constructed_response(request: Any, made: Constructed) -> Any:
    """The answer to the registration."""
    outputs = {key: without_outputs(value) for key, value in made.outputs.items()}
    if not request.supportsPartialValues:
        outputs = {key: value for key, value in outputs.items() if not contains_unknowns(value)}
    return resource_pb2.RegisterResourceResponse(
        urn=made.urn,
        object=to_struct(outputs, accepted_by(request)),
        propertyDependencies={
            key: resource_pb2.RegisterResourceResponse.PropertyDependencies(urns=listed)
            for key, listed in _dependencies(made.outputs, made.dependencies).items()
        },
    )


def called_provider(request: Any, goals: Mapping[str, str]) -> str:
    """The reference of the provider to call, "" for the default one. `goals` has the references of resources
    that were registered. Raises RequestError."""
    of_provider = urns.is_provider_type(request.tok)
    if request.provider and not of_provider:
        return str(request.provider)
    if _SELF not in request.args.fields:
        if of_provider:
            raise RequestError("missing __self__ argument for provider method call")
        return ""
    receiver_of_call = request.args.fields[_SELF].struct_value.fields
    if "urn" not in receiver_of_call:
        raise RequestError("missing __self__.urn for method call")
    urn = receiver_of_call["urn"].string_value
    if of_provider:
        return f"{urn}::{receiver_of_call['id'].string_value}"
    if urn not in goals:
        raise RequestError(f"unknown resource {urn}")
    return goals[urn]


def called_package(token: str) -> str:
    """The package of a method's token; that of a provider's own is `pulumi:providers:PACKAGE/METHOD`."""
    if urns.is_provider_type(token):
        return urns.provided_package(token).partition("/")[0]
    return urns.package_of(token)


def method_call(request: Any, operation: OperationRequest, monitor_address: str, folder: Path) -> MethodCall:
    """The call that a request asks for."""
    arguments = from_struct(request.args, receiver(folder, outputs=True))
    told = {key: tuple(listed.urns) for key, listed in request.argDependencies.items()}
    return MethodCall(operation, monitor_address, request.tok, arguments, _dependencies(arguments, told))


def method_response(request: Any, returned: Returned) -> Any:
    """The answer to the request."""
    values = {key: without_outputs(value) for key, value in returned.values.items()}
    response = provider_pb2.CallResponse(
        returnDependencies={
            key: provider_pb2.CallResponse.ReturnDependencies(urns=listed)
            for key, listed in _dependencies(returned.values, returned.dependencies).items()
        },
        failures=[
            provider_pb2.CheckFailure(property=name, reason=reason) for name, reason in returned.failures
        ],
    )
    getattr(response, "return").CopyFrom(to_struct(values, Send(byte_strings=request.accepts_byte_string)))
    return response


def _dependencies(values: PropertyMap, told: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """What the properties depend on: as was told, and as the outputs in them say."""
    found = dict(told)
    for key, value in values.items():
        found[key] = tuple(dict.fromkeys((*found.get(key, ()), *output_dependencies(value))))
    return found
