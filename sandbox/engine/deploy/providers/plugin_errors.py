"""Errors of providers, as they come over gRPC."""

from __future__ import annotations

from typing import Any

import grpc

from sandbox.engine.deploy.protocol import errors_pb2, provider_pb2, status_pb2
from sandbox.engine.deploy.providers.api import InitFailed, ProviderError, Status
from sandbox.engine.deploy.wire import from_struct

_UNCERTAIN = {grpc.StatusCode.INTERNAL, grpc.StatusCode.DATA_LOSS, grpc.StatusCode.UNKNOWN}
_INIT_FAILED = "ErrorResourceInitFailed"


def lacks_configuration(error: Any) -> bool:
    """Whether a provider says, in one way or another, that it does not check or diff its configuration."""
    if error.code() is grpc.StatusCode.UNIMPLEMENTED:
        return True
    details = (error.details() or "").lower().replace(" ", "")
    return error.code() is grpc.StatusCode.UNKNOWN and (
        "notimplemented" in details or "notyetimplemented" in details
    )


def _status_details(error: Any) -> list[Any]:
    """The messages that a provider attached to its error."""
    details = []
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            details = list(status_pb2.Status.FromString(value).details)
    return details


def failure_of(error: Any) -> ProviderError:
    """What a failed call means; InitFailed for a resource that exists all the same."""
    for detail in _status_details(error):
        if detail.TypeName().endswith(_INIT_FAILED):
            content = _init_failed_content(detail)
            return InitFailed(
                list(content.reasons),
                content.id,
                from_struct(content.properties),
                from_struct(content.inputs) if content.HasField("inputs") else None,
                getattr(content, "refresh_before_update", False),
            )
    status = Status.UNKNOWN if error.code() in _UNCERTAIN else Status.OK
    refused = _refused(error)
    return ProviderError(error.details() or ("" if refused else str(error.code())), status, refused)


def _refused(error: Any) -> list[tuple[str, str]]:
    """The inputs that a component refuses."""
    for detail in _status_details(error):
        if detail.TypeName().endswith("InputPropertiesError"):
            content = errors_pb2.InputPropertiesError()
            content.ParseFromString(detail.value)
            return [(found.property_path, found.reason) for found in content.errors]
    return []


def _init_failed_content(detail: Any) -> Any:
    content = provider_pb2.ErrorResourceInitFailed()
    content.ParseFromString(detail.value)
    return content


def configure_failure_of(error: Any) -> ProviderError:
    """What a failed Configure means, with the keys that are missing."""
    for detail in _status_details(error):
        if detail.TypeName().endswith("ConfigureErrorMissingKeys"):
            content = provider_pb2.ConfigureErrorMissingKeys()
            content.ParseFromString(detail.value)
            return ProviderError(
                "\n".join(
                    f'missing required configuration key "{key.name}": {key.description}\n'
                    f"Set a value using the command `pulumi config set {key.name} <value>`."
                    for key in content.missingKeys
                )
            )
    return failure_of(error)
