"""Pulumi's ResourceProvider service: decodes calls, runs the operations, and encodes the results."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from sandbox.aws.provider import operations
from sandbox.aws.provider.asset_content import AssetReader
from sandbox.aws.provider.cancellation import Cancellation, CancelledError, Clock
from sandbox.aws.provider.checking import check, inputs_as_read
from sandbox.aws.provider.clients import ClientPool
from sandbox.aws.provider.cloud import Cloud, Pace
from sandbox.aws.provider.cloud_error import CloudError, RefusedError
from sandbox.aws.provider.configuration import (
    ConfigurationError,
    parse_configuration,
    unsupported_keys,
    with_defaults,
)
from sandbox.aws.provider.diffing import Difference
from sandbox.aws.provider.partial_failure import partial_failure
from sandbox.aws.provider.registry import functions, resource_types
from sandbox.aws.provider.resource import Known, ResourceType
from sandbox.aws.provider.schema import Change
from sandbox.aws.provider.sessions import Sessions
from sandbox.aws.provider.wire import decode, encode, holds_unknown, reveal

VERSION = "7.51.1"
_LAST_LOOK_SECONDS = 10.0
_log = logging.getLogger(__name__)
_Answer = TypeVar("_Answer")


@dataclass(frozen=True)
class Machinery:
    """Dependencies of the service: the cloud clients, the clock, the environment of its process, and the
    assets that it may read."""

    clients: ClientPool
    clock: Clock
    pace: Pace
    environment: Mapping[str, str]
    assets: AssetReader


class _InitFailed(Exception):
    """The resource exists but an operation failed; carries the details for the engine."""

    def __init__(self, made: operations.Made) -> None:
        super().__init__("; ".join(made.reasons))
        self.made = made


class AwsProvider(provider_pb2_grpc.ResourceProviderServicer):
    """Serves any number of engines at once; each connection has its own state."""

    def __init__(self, machinery: Machinery) -> None:
        self._machinery = machinery
        self._sessions = Sessions(machinery.clock)

    # --- the connection -------------------------------------------------------------------------------------

    def Handshake(self, request: Any, context: Any) -> Any:
        """Begin a new connection."""
        del request
        self._sessions.begin(context.peer())
        return provider_pb2.ProviderHandshakeResponse(
            accept_secrets=True, accept_resources=False, accept_outputs=False
        )

    def Attach(self, request: Any, context: Any) -> Any:
        """Begin a new connection; the engine's address is not needed."""
        del request
        self._sessions.begin(context.peer())
        return empty_pb2.Empty()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        """The version of the official provider that this one replaces."""
        del request, context
        return plugin_pb2.PluginInfo(version=VERSION)

    def CheckConfig(self, request: Any, context: Any) -> Any:
        """The provider resource's inputs with defaults; unsupported ones are rejected by name."""
        given = decode(request.news)
        with _answering(context):
            known = {key: value for key, value in given.items() if not holds_unknown(value)}
            failures = [
                provider_pb2.CheckFailure(
                    property=key, reason=f"'{key}' is not supported by the sandbox's aws provider"
                )
                for key in unsupported_keys(known)
            ]
            inputs = with_defaults(given, self._machinery.environment)
            return provider_pb2.CheckResponse(inputs=encode(inputs), failures=failures)

    def DiffConfig(self, request: Any, context: Any) -> Any:
        """Any change of the configuration is an update: resources compare their own region."""
        del context
        before, after = reveal(decode(request.old_inputs)), reveal(decode(request.news))
        keys = sorted(
            key for key in {*before, *after} if key != "version" and before.get(key) != after.get(key)
        )
        kinds = provider_pb2.DiffResponse.DiffChanges
        return provider_pb2.DiffResponse(changes=kinds.DIFF_SOME if keys else kinds.DIFF_NONE, diffs=keys)

    def Configure(self, request: Any, context: Any) -> Any:
        """Apply the connection's configuration and check the account."""
        with _answering(context):
            session = self._sessions.begin(context.peer())
            configuration = parse_configuration(decode(request.args), self._machinery.environment)
            account = None
            if configuration.ask_account:
                with session.work() as work:
                    cloud = Cloud(
                        configuration, self._machinery.clients, work, self._machinery.pace, account=None
                    )
                    account = str(
                        cloud.call("sts", "get_caller_identity", "retrieving AWS account details")["Account"]
                    )
                configuration.check_account(account)
            session.configure(configuration, account)
            return provider_pb2.ConfigureResponse(
                acceptSecrets=True, supportsPreview=True, acceptResources=False, acceptOutputs=False
            )

    def Cancel(self, request: Any, context: Any) -> Any:
        """Cancel the work of this connection only."""
        del request
        self._sessions.of(context.peer()).cancel()
        return empty_pb2.Empty()

    # --- resources ------------------------------------------------------------------------------------------

    def Check(self, request: Any, context: Any) -> Any:
        """Checked inputs."""
        with self._resource(request, context) as (resource, cloud):
            inputs, problems = check(
                resource,
                _name(request.urn),
                given=decode(request.news),
                before=decode(request.olds),
                default_tags=cloud.configuration.default_tags,
                seed=request.randomSeed,
            )
            failures = [
                provider_pb2.CheckFailure(property=problem.input, reason=problem.reason)
                for problem in problems
            ]
            return provider_pb2.CheckResponse(inputs=encode(inputs), failures=failures)

    def Diff(self, request: Any, context: Any) -> Any:
        """The required changes, by path."""
        with self._resource(request, context) as (resource, cloud):
            state, inputs = decode(request.olds), decode(request.news)
            found = operations.plan_changes(resource, cloud, state, inputs, request.ignoreChanges)
            return _diff_response(found, operations.must_delete_first(resource, state, inputs))

    def Create(self, request: Any, context: Any) -> Any:
        """Create the resource, or preview it."""
        inputs = decode(request.properties)
        with self._resource(request, context, reveal(inputs)) as (resource, cloud):
            if request.preview:
                properties = operations.preview_create(resource, inputs)
                return provider_pb2.CreateResponse(properties=encode(properties))
            made = operations.create(resource, cloud, self._last_look(cloud), inputs)
            if made.reasons:
                raise _InitFailed(made)
            return provider_pb2.CreateResponse(id=made.identifier, properties=encode(made.outputs))

    def Read(self, request: Any, context: Any) -> Any:
        """The current resource, with its inputs; an empty response when it no longer exists."""
        state, inputs = decode(request.properties), decode(request.inputs)
        with self._resource(request, context, reveal({**state, **inputs})) as (resource, cloud):
            outputs = operations.read(resource, cloud, request.id, state, inputs)
            if outputs is None:
                return provider_pb2.ReadResponse()
            now = inputs_as_read(resource, Known(inputs, state), outputs)
            return provider_pb2.ReadResponse(id=request.id, properties=encode(outputs), inputs=encode(now))

    def Update(self, request: Any, context: Any) -> Any:
        """Update the resource in place, or preview the update."""
        state, inputs = decode(request.olds), decode(request.news)
        with self._resource(request, context, reveal(state)) as (resource, cloud):
            if request.preview:
                found = operations.plan_changes(resource, cloud, state, inputs, request.ignoreChanges)
                changed = frozenset(one.input for one in found)
                properties = operations.preview_update(resource, state, inputs, changed)
                return provider_pb2.UpdateResponse(properties=encode(properties))
            made = operations.update(
                resource,
                cloud,
                self._last_look(cloud),
                request.id,
                state=state,
                inputs=inputs,
                ignored=request.ignoreChanges,
            )
            if made.reasons:
                raise _InitFailed(made)
            return provider_pb2.UpdateResponse(properties=encode(made.outputs))

    def Delete(self, request: Any, context: Any) -> Any:
        """Delete the resource."""
        state = reveal(decode(request.properties))
        with self._resource(request, context, state) as (resource, cloud):
            resource.delete(cloud, request.id, state)
            return empty_pb2.Empty()

    # --- functions ------------------------------------------------------------------------------------------

    def Invoke(self, request: Any, context: Any) -> Any:
        """Call a function of the package."""
        arguments = reveal(decode(request.args))
        with self._cloud(context, arguments.get("region"), 0) as cloud:
            function = _known(functions(), request.tok, "function")
            return _invoke_response(function.call(cloud, arguments))

    # --- what the official provider has and this one has not ------------------------------------------------

    def GetSchema(self, request: Any, context: Any) -> Any:
        """Refused: the schema is that of the SDK's classes."""
        del request
        _refuse(context, "has no schema to give; generate code with the official provider's")

    def Call(self, request: Any, context: Any) -> Any:
        """Refused: the package has no resource methods that components use."""
        _refuse(context, f"has no method {request.tok}")

    def Construct(self, request: Any, context: Any) -> Any:
        """Refused: the package has no components."""
        _refuse(context, f"has no component {request.type}")

    def Parameterize(self, request: Any, context: Any) -> Any:
        """Refused: the package is not parameterised."""
        del request
        _refuse(context, "cannot be parameterised")

    def List(self, request: Any, context: Any) -> Any:
        """Refused: resources are read one by one."""
        _refuse(context, f"does not list resources of type {request.token}")

    # --- how calls are carried out --------------------------------------------------------------------------

    @contextmanager
    def _resource(
        self, request: Any, context: Any, properties: Mapping[str, Any] | None = None
    ) -> Iterator[tuple[ResourceType, Cloud]]:
        region = (properties or {}).get("region")
        with self._cloud(context, region, getattr(request, "timeout", 0)) as cloud:
            yield _known(resource_types(), _type(request.urn), "resource type"), cloud

    @contextmanager
    def _cloud(self, context: Any, region: Any, timeout: float) -> Iterator[Cloud]:
        """The cloud for one call of its connection; errors become the call's gRPC status."""
        with _answering(context):
            session = self._sessions.of(context.peer())
            configuration, account = session.settings
            with session.work() as work:
                if not context.add_callback(work.cancel):
                    raise CancelledError("the engine has gone")
                machinery = self._machinery
                cloud = Cloud(
                    configuration,
                    machinery.clients,
                    work,
                    machinery.pace,
                    account,
                    timeout=timeout or None,
                    assets=machinery.assets,
                )
                yield cloud.in_region(region if isinstance(region, str) else None)

    def _last_look(self, cloud: Cloud) -> Cloud:
        """The same cloud for a single read after a failure: not cancelled, with a short timeout."""
        configuration = replace(cloud.configuration, max_attempts=1)
        return replace(
            cloud,
            configuration=configuration,
            work=Cancellation(self._machinery.clock),
            timeout=_LAST_LOOK_SECONDS,
        )


@contextmanager
def _answering(context: Any) -> Iterator[None]:
    """Convert exceptions to the call's gRPC status; the provider's own errors are logged with a traceback."""
    try:
        yield
    except _InitFailed as failure:
        _abort_partial(context, failure)
    except (CloudError, RefusedError) as failure:
        context.abort(grpc.StatusCode.UNKNOWN, f"1 error occurred:\n\t* {failure}\n\n")
    except CancelledError as failure:
        context.abort(grpc.StatusCode.CANCELLED, str(failure))
    except ConfigurationError as failure:
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(failure))
    except Exception as failure:
        _log.exception("a call failed by an error of the provider itself")
        context.abort(grpc.StatusCode.INTERNAL, f"the sandbox's aws provider failed: {failure!r}")


def _refuse(context: Any, what: str) -> None:
    context.abort(grpc.StatusCode.UNIMPLEMENTED, f"the sandbox's aws provider {what}")


def _abort_partial(context: Any, failure: _InitFailed) -> None:
    made = failure.made
    message, metadata = partial_failure(made.identifier, made.outputs, made.reasons)
    context.set_trailing_metadata(metadata)
    context.abort(grpc.StatusCode.UNKNOWN, message)


def _diff_response(found: list[Difference], delete_first: bool) -> Any:
    kinds = provider_pb2.DiffResponse.DiffChanges
    replaces = sorted({one.input for one in found if one.change is Change.REPLACE})
    return provider_pb2.DiffResponse(
        changes=kinds.DIFF_SOME if found else kinds.DIFF_NONE,
        diffs=sorted({one.input for one in found}),
        replaces=replaces,
        deleteBeforeReplace=bool(replaces) and delete_first,
        detailedDiff={one.path: _property_diff(one) for one in found},
        hasDetailedDiff=True,
    )


def _property_diff(one: Difference) -> Any:
    kind = provider_pb2.PropertyDiff.Kind
    replaced = one.change is Change.REPLACE
    if one.added:
        return provider_pb2.PropertyDiff(kind=kind.ADD_REPLACE if replaced else kind.ADD)
    if one.deleted:
        return provider_pb2.PropertyDiff(kind=kind.DELETE_REPLACE if replaced else kind.DELETE)
    return provider_pb2.PropertyDiff(kind=kind.UPDATE_REPLACE if replaced else kind.UPDATE)


def _invoke_response(result: Mapping[str, Any]) -> Any:
    answer = provider_pb2.InvokeResponse()
    getattr(answer, "return").CopyFrom(encode(result))
    return answer


def _known(table: Mapping[str, _Answer], token: str, what: str) -> _Answer:
    if token not in table:
        raise RefusedError(f"the sandbox's aws provider has no {what} {token}")
    return table[token]


def _type(urn: str) -> str:
    return urn.split("::")[2].rsplit("$", maxsplit=1)[-1]


def _name(urn: str) -> str:
    return urn.split("::", 3)[3]
