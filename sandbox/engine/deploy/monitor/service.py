"""The resource monitor: what a running program talks to."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import grpc
from google.protobuf import empty_pb2

from sandbox.engine import urn as urns
from sandbox.engine.deploy.check_failures import described
from sandbox.engine.deploy.deployment import Deployment
from sandbox.engine.deploy.failures import Bail, GenerationError
from sandbox.engine.deploy.goal import (
    Goal,
    Outcome,
    OutputsRegistration,
    Reading,
    Registered,
    Registration,
)
from sandbox.engine.deploy.monitor.components import (
    called_package,
    called_provider,
    construct_call,
    constructed_response,
    method_call,
    method_response,
)
from sandbox.engine.deploy.monitor.default_providers import DefaultProviders
from sandbox.engine.deploy.monitor.provider_choice import ProviderChoice
from sandbox.engine.deploy.monitor.requests import (
    RequestError,
    accepted_by,
    check_three_parts,
    goal_from,
    read_goal_from,
    receiver,
)
from sandbox.engine.deploy.monitor.transforms import TransformFailed, Transforms
from sandbox.engine.deploy.monitor.waiting import MonitorClosed, Waiting
from sandbox.engine.deploy.protocol import provider_pb2, resource_pb2, resource_pb2_grpc
from sandbox.engine.deploy.providers.api import ConfigurableProvider, Invoked, ProviderError
from sandbox.engine.deploy.providers.component_calls import Constructed
from sandbox.engine.deploy.providers.default_versions import default_sources
from sandbox.engine.deploy.wire import Send, from_struct, to_struct
from sandbox.engine.properties import PropertyError, contains_unknowns

_FEATURES = {
    "secrets": "SECRETS",
    "resourceReferences": "RESOURCE_REFERENCES",
    "outputValues": "OUTPUT_VALUES",
    "aliasSpecs": "ALIAS_SPECS",
    "replacementTrigger": "REPLACEMENT_TRIGGER",
    "deletedWith": "DELETED_WITH",
    "replaceWith": "REPLACE_WITH",
    "transforms": "TRANSFORMS",
    "invokeTransforms": "INVOKE_TRANSFORMS",
}
_FEATURES_WITHOUT_ID = ("BYTE_STRING", "INVOKE_DEPENDS_ON", "INVOKE_PARENT")
_REFUSED_WHEN_USED = ("RESOURCE_HOOKS", "ERROR_HOOKS")
"""Features that programs are told are there, so that it is the engine that refuses them, by name."""
_RESULTS = {Outcome.SUCCESS: 0, Outcome.FAILED: 1, Outcome.SKIPPED: 2}


@dataclass(frozen=True)
class Surroundings:
    """Where the program is and how it reaches the engine."""

    root: Path
    folder: Path


Item = Registration | Reading | OutputsRegistration


class ResourceMonitor(resource_pb2_grpc.ResourceMonitorServicer):  # type: ignore[misc]
    """Serves a program. Requests are handed to `post`, and their threads wait for the answers.

    `finished` is called once the program says that it will register nothing more.
    """

    def __init__(
        self,
        deployment: Deployment,
        surroundings: Surroundings,
        post: Callable[[Item | Callable[[], NoReturn]], None],
        finished: Callable[[], None],
    ) -> None:
        request = deployment.request
        self._deployment, self._surroundings, self._post = deployment, surroundings, post
        self._finished = finished
        defaults = DefaultProviders(
            request.config,
            request.secret_keys,
            lambda: default_sources(request, deployment.previous.resources),
            self._ask,
        )
        self._providers = ProviderChoice(defaults)
        self._waiting = Waiting()
        self._transforms = Transforms()
        self._lock = threading.Lock()
        self._goals: dict[str, Goal] = {}
        self.address = ""
        """Where providers that make components reach the monitor."""

    def close(self) -> None:
        """Ends every request that waits. Nothing is answered afterwards."""
        self._waiting.close()

    def release(self) -> None:
        """Ends the connections to the program, which has ended."""
        self._transforms.close()

    def _ask(self, item: Item) -> Registered:
        return self._waiting.for_answer(item.answer, lambda: self._post(item))

    # What the engine can do

    def GetDeploymentInfo(self, request: Any, context: Any) -> Any:  # noqa: ARG002
        asked = self._deployment.request
        names = (*_FEATURES.values(), *_FEATURES_WITHOUT_ID, *_REFUSED_WHEN_USED)
        return resource_pb2.DeploymentInfo(
            project=asked.project,
            stack=asked.stack,
            organization=asked.organization,
            config=dict(asked.config),
            configSecretKeys=sorted(asked.secret_keys),
            dryRun=asked.dry_run,
            parallel=asked.options.parallel,
            supportedFeatures=[
                resource_pb2.ResourceMonitorFeature.Value(f"RESOURCE_MONITOR_FEATURE_{name}")
                for name in names
            ],
        )

    def SupportsFeature(self, request: Any, context: Any) -> Any:  # noqa: ARG002
        return resource_pb2.SupportsFeatureResponse(hasSupport=request.id in _FEATURES)

    def SignalAndWaitForShutdown(self, request: Any, context: Any) -> Any:  # noqa: ARG002
        self._finished()
        self._waiting.until_closed()
        return empty_pb2.Empty()

    def RegisterPackage(self, request: Any, context: Any) -> Any:
        with _errors(context):
            return resource_pb2.RegisterPackageResponse(ref=self._providers.register_package(request))

    def RegisterStackTransform(self, request: Any, context: Any) -> Any:  # noqa: ARG002
        self._transforms.add_for_stack(request)
        return empty_pb2.Empty()

    def RegisterStackInvokeTransform(self, request: Any, context: Any) -> Any:  # noqa: ARG002
        self._transforms.add_for_invokes(request)
        return empty_pb2.Empty()

    def RegisterResourceHook(self, request: Any, context: Any) -> Any:
        with _errors(context):
            self._abort(f"this engine does not support resource hooks: '{request.name}' cannot be registered")

    def RegisterErrorHook(self, request: Any, context: Any) -> Any:
        with _errors(context):
            self._abort(f"this engine does not support error hooks: '{request.name}' cannot be registered")

    # Resources

    def RegisterResource(self, request: Any, context: Any) -> Any:
        with _errors(context):
            self._refuse_unsupported(request)
            self._inherit(request)
            if request.custom or request.remote:
                check_three_parts(request.type)
            self._transforms.take_over(request)
            self._transforms.apply(request)
            provider = self._providers.for_resource(request)
            if request.remote:
                return self._construct(request, provider)
            goal = goal_from(request, provider, self._surroundings.root, self._surroundings.folder)
            if urns.is_provider_type(goal.type):
                goal = self._providers.with_plugin(goal, request)
            registered = self._ask(Registration(goal))
            if registered.outcome is not Outcome.SUCCESS and not request.supportsResultReporting:
                context.abort(grpc.StatusCode.INTERNAL, "resource registration failed")
            urn = registered.resource.urn
            self._remember(urn, request)
            with self._lock:
                self._goals[urn] = goal
            return self._registered(request, registered)

    def _registered(self, request: Any, registered: Registered) -> Any:
        resource = registered.resource
        outputs = resource.outputs if request.custom else {}
        if not request.supportsPartialValues:
            outputs = {key: value for key, value in outputs.items() if not contains_unknowns(value)}
        send = accepted_by(request)
        return resource_pb2.RegisterResourceResponse(
            urn=resource.urn,
            id=resource.id,
            object=to_struct(outputs, send),
            result=_RESULTS[registered.outcome],
            unknown=registered.unknown,
        )

    def RegisterResourceOutputs(self, request: Any, context: Any) -> Any:
        with _errors(context):
            outputs = from_struct(request.outputs, receiver(self._surroundings.folder))
            self._ask(OutputsRegistration(urns.check(request.urn), outputs))
            return empty_pb2.Empty()

    def ReadResource(self, request: Any, context: Any) -> Any:
        with _errors(context):
            check_three_parts(request.type)
            provider = request.provider or self._providers.default(request, urns.package_of(request.type))
            goal = read_goal_from(request, provider, self._surroundings.root, self._surroundings.folder)
            registered = self._ask(Reading(goal, request.id))
            send = accepted_by(request)
            return resource_pb2.ReadResourceResponse(
                urn=registered.resource.urn, properties=to_struct(registered.resource.outputs, send)
            )

    def _refuse_unsupported(self, request: Any) -> None:
        for used, what in (
            (request.HasField("hooks") and request.hooks.ByteSize() > 0, "resource hooks"),
            (len(request.state_migrations) > 0, "state migrations"),
            (len(request.envVarMappings) > 0, "environment variable mappings of providers"),
        ):
            if used:
                raise RequestError(f"this engine does not support {what}")

    def _inherit(self, request: Any) -> None:
        """Fills in what a child takes over from its parent."""
        with self._lock:
            parent = self._goals.get(request.parent) if request.parent else None
        if parent is None:
            return
        request.deletedWith = request.deletedWith or parent.deleted_with
        if not request.HasField("protect") and parent.protect is not None:
            request.protect = parent.protect
        if not request.HasField("retainOnDelete") and parent.retain_on_delete is not None:
            request.retainOnDelete = parent.retain_on_delete
        if not request.provider and parent.provider:
            kind = urns.type_of(urns.split_reference(parent.provider)[0])
            same_package = urns.provided_package(kind) == urns.package_of(request.type)
            if same_package or not (request.custom or request.remote):
                request.provider = parent.provider

    def _remember(self, urn: str, request: Any) -> None:
        self._transforms.remember(urn, request)
        self._providers.remember(urn, request)

    # Components that providers make

    def _construct(self, request: Any, reference: str) -> Any:
        operation, folder = self._deployment.request, self._surroundings.folder
        call = construct_call(request, operation, self.address, folder)
        provider = self._loaded(reference, request.type)
        try:
            made = self._waiting.for_work(lambda: provider.construct(call))
        except ProviderError as error:
            message = described(error, call.inputs)
            self._abort(f"{request.type} resource '{request.name}' has a problem: {message}")
        if made is None:
            goal = Goal(request.type, request.name, custom=False, parent=request.parent)
            made = Constructed(self._ask(Registration(goal)).resource.urn)
        self._remember(made.urn, request)
        return constructed_response(request, made)

    def Call(self, request: Any, context: Any) -> Any:
        with _errors(context):
            with self._lock:
                references = {urn: goal.provider for urn, goal in self._goals.items()}
            reference = called_provider(request, references)
            reference = reference or self._providers.default(request, called_package(request.tok))
            provider = self._loaded(reference, request.tok)
            operation, folder = self._deployment.request, self._surroundings.folder
            call = method_call(request, operation, self.address, folder)
            try:
                returned = self._waiting.for_work(lambda: provider.call(call))
            except ProviderError as error:
                self._abort(f"call to function '{call.token}' failed: {described(error, call.arguments)}")
            return method_response(request, returned)

    def _abort(self, message: str) -> NoReturn:
        """Ends the operation. Raises MonitorClosed when it is over."""
        self._deployment.report("", message)

        def fail() -> NoReturn:
            raise Bail(message)

        self._post(fail)
        self._waiting.until_closed()
        raise MonitorClosed

    # Functions

    def Invoke(self, request: Any, context: Any) -> Any:
        with _errors(context):
            self._transforms.apply_to_invoke(request)
            package = urns.package_of(request.tok)
            reference = self._providers.for_function(request, package)
            provider = self._loaded(reference, request.tok)
            if self._unresolved(request.dependsOn):
                return resource_pb2.ResourceInvokeResponse(unknown=True)
            arguments = from_struct(request.args, receiver(self._surroundings.folder))
            try:
                invoked = provider.invoke(request.tok, arguments, preview=self._deployment.dry_run)
            except ProviderError as error:
                raise ProviderError(f"invocation of {request.tok} returned an error: {error}") from error
            return _invoke_response(request, invoked)

    def _loaded(self, reference: str, token: str) -> ConfigurableProvider:
        provider = self._deployment.registry.get(reference)
        if provider is None:
            raise RequestError(f"Invoke: unknown provider '{reference}' for {token}")
        return provider

    def _unresolved(self, urn_list: Any) -> bool:
        """Whether an invoke depends on a resource that is not made yet."""
        found = (self._deployment.find(urn) for urn in urn_list)
        return any(resource is not None and resource.custom and not resource.id for resource in found)


def _invoke_response(request: Any, invoked: Invoked) -> Any:
    send = Send(
        resources=request.acceptResources or request.tok == "pulumi:pulumi:getResource",
        byte_strings=request.accepts_byte_string,
    )
    response = resource_pb2.ResourceInvokeResponse(
        failures=[
            provider_pb2.CheckFailure(property=failure.property, reason=failure.reason)
            for failure in invoked.failures
        ]
    )
    getattr(response, "return").CopyFrom(to_struct(invoked.values, send))
    return response


@contextlib.contextmanager
def _errors(context: Any) -> Iterator[None]:
    """Answers a request that fails with the fitting status."""
    try:
        yield
    except MonitorClosed as error:
        context.abort(grpc.StatusCode.UNAVAILABLE, str(error))
    except (RequestError, urns.UrnError) as error:
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
    except (ProviderError, PropertyError, GenerationError, TransformFailed) as error:
        context.abort(grpc.StatusCode.UNKNOWN, str(error))
