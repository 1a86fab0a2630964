"""A provider behind gRPC."""

from __future__ import annotations

import contextlib
import json
import threading
from typing import Any

import grpc
from google.protobuf import empty_pb2

from sandbox.engine import urn as urns
from sandbox.engine.deploy.assets import restored
from sandbox.engine.deploy.protocol import plugin_pb2, provider_pb2, provider_pb2_grpc
from sandbox.engine.deploy.providers import answers, components
from sandbox.engine.deploy.providers.abilities import Abilities, marked_secret
from sandbox.engine.deploy.providers.api import (
    Changes,
    CheckCall,
    Checked,
    CreateCall,
    Created,
    DeleteCall,
    Diff,
    DiffCall,
    DiffUnavailable,
    InitFailed,
    Invoked,
    ProviderError,
    ReadCall,
    ReadState,
    Status,
    UpdateCall,
    Updated,
)
from sandbox.engine.deploy.providers.component_calls import ConstructCall, Constructed, MethodCall, Returned
from sandbox.engine.deploy.providers.default_versions import age
from sandbox.engine.deploy.providers.plugin_errors import (
    configure_failure_of,
    failure_of,
    lacks_configuration,
)
from sandbox.engine.deploy.providers.process import Connection
from sandbox.engine.deploy.wire import Receive, Send, from_struct, to_struct
from sandbox.engine.properties import (
    PropertyMap,
    Secret,
    contains_secrets,
    contains_unknowns,
    plain,
    to_json,
)

_CONFIG = Send(secrets=False)
_NO_UNKNOWNS = Receive(reject_unknowns=True)


class PluginProvider:
    """One provider resource's own connection to its provider. Safe for use from many threads."""

    def __init__(self, connection: Connection, engine_address: str) -> None:
        self._connection = connection
        self._stub = provider_pb2_grpc.ResourceProviderStub(connection.channel)
        self._config_known = True
        self._configured = threading.Event()
        self._closed = False
        try:
            self._abilities = self._handshake(engine_address)
            if connection.process is None:
                self._attach(engine_address)
        except BaseException:
            connection.close()
            raise

    # Life

    def _handshake(self, engine_address: str) -> Abilities | None:
        folder = self._connection.folder
        request = provider_pb2.ProviderHandshakeRequest(
            engine_address=engine_address,
            root_directory=folder,
            program_directory=folder,
            configure_with_urn=True,
            supports_views=False,
            supports_refresh_before_update=True,
            invoke_with_preview=True,
            accepts_byte_string=True,
        )
        try:
            answer = self._stub.Handshake(request, wait_for_ready=True, timeout=30)
        except grpc.RpcError as error:
            if error.code() is grpc.StatusCode.UNIMPLEMENTED:
                return None
            raise ProviderError(f"failed to handshake with the provider: {error.details()}") from error
        return Abilities(
            answer.accept_secrets,
            answer.accept_resources,
            preview=True,
            byte_strings=getattr(answer, "accepts_byte_string", False),
            outputs=answer.accept_outputs,
        )

    def _attach(self, engine_address: str) -> None:
        try:
            self._stub.Attach(plugin_pb2.PluginAttach(address=engine_address))
        except grpc.RpcError as error:
            if error.code() is not grpc.StatusCode.UNIMPLEMENTED:
                raise failure_of(error) from error

    def warning_of_age(self, package: str, expected: str) -> str | None:
        """What to tell people of a plugin that is older than expected; None when it is not."""
        try:
            found = str(self._stub.GetPluginInfo(empty_pb2.Empty(), timeout=30).version).removeprefix("v")
        except grpc.RpcError as error:
            raise failure_of(error) from error
        if age(found) >= age(expected):
            return None
        return (
            f"resource plugin {package} is expected to have version >={expected}, but has {found}; the wrong "
            "version may be on your path, or this may be a bug in the plugin"
        )

    def check_config(self, urn: str, olds: PropertyMap, news: PropertyMap) -> Checked:
        request = provider_pb2.CheckRequest(
            urn=urn,
            name=urns.name_of(urn),
            type=urns.type_of(urn),
            olds=to_struct(olds, _CONFIG),
            news=to_struct(news, _CONFIG),
        )
        try:
            answer = self._stub.CheckConfig(request)
        except grpc.RpcError as error:
            if lacks_configuration(error):
                return Checked(news)
            raise failure_of(error) from error
        return Checked(marked_secret(from_struct(answer.inputs), news), answers.failures(answer))

    def diff_config(self, call: DiffCall) -> Diff:
        request = provider_pb2.DiffRequest(
            urn=call.urn,
            name=urns.name_of(call.urn),
            type=urns.type_of(call.urn),
            old_inputs=to_struct(call.old_inputs, _CONFIG),
            olds=to_struct(call.old_outputs, _CONFIG),
            news=to_struct(call.new_inputs, _CONFIG),
            ignoreChanges=call.ignore_changes,
        )
        try:
            return answers.diff(self._stub.DiffConfig(request))
        except grpc.RpcError as error:
            if lacks_configuration(error):
                return Diff(Changes.UNKNOWN)
            raise failure_of(error) from error

    def configure(self, urn: str, identity: str, inputs: PropertyMap) -> None:
        values = {key: value for key, value in inputs.items() if key != "version"}
        if any(contains_unknowns(value) for value in values.values()):
            self._config_known = False
            self._abilities = self._abilities or Abilities()
            return
        package = urns.provided_package(urns.type_of(urn))
        request = provider_pb2.ConfigureRequest(
            urn=urn,
            name=urns.name_of(urn),
            type=urns.type_of(urn),
            id=identity,
            acceptSecrets=True,
            acceptResources=True,
            sends_old_inputs=True,
            sends_old_inputs_to_delete=True,
            variables={f"{package}:config:{key}": _variable(value) for key, value in values.items()},
            args=to_struct(inputs, Send()),
        )
        try:
            answer = self._stub.Configure(request)
        except grpc.RpcError as error:
            raise configure_failure_of(error) from error
        if self._abilities is None:
            self._abilities = Abilities(
                answer.acceptSecrets,
                answer.acceptResources,
                preview=answer.supportsPreview,
                outputs=answer.acceptOutputs,
            )

    def cancel(self) -> None:
        with contextlib.suppress(grpc.RpcError, ValueError):
            self._stub.Cancel(empty_pb2.Empty(), timeout=10)

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self.cancel()
            self._connection.close()

    # Resources

    def _can(self) -> Abilities:
        return self._abilities or Abilities()

    def check(self, call: CheckCall) -> Checked:
        if not self._config_known:
            return Checked(call.news)
        send = self._can().send(unknowns=call.allow_unknowns)
        request = provider_pb2.CheckRequest(
            urn=call.urn,
            name=urns.name_of(call.urn),
            type=urns.type_of(call.urn),
            olds=to_struct(call.olds or {}, send),
            news=to_struct(call.news, send),
            randomSeed=call.random_seed,
        )
        answer = answers.call(self._stub.Check, request)
        receive = Receive(reject_unknowns=not call.allow_unknowns)
        inputs = answers.received(answer.inputs, receive)
        return Checked(self._can().with_secrets_of(inputs, call.news), answers.failures(answer))

    def diff(self, call: DiffCall) -> Diff:
        if not self._config_known:
            raise DiffUnavailable(
                "The provider for this resource has inputs that are not known during preview.\n"
                "This preview may not correctly represent the changes that will be applied during an update."
            )
        send = self._can().send(unknowns=call.allow_unknowns, contents=False)
        request = provider_pb2.DiffRequest(
            id=call.identity,
            urn=call.urn,
            name=urns.name_of(call.urn),
            type=urns.type_of(call.urn),
            old_inputs=to_struct(call.old_inputs, send),
            olds=to_struct(call.old_outputs, send),
            news=to_struct(call.new_inputs, send),
            ignoreChanges=call.ignore_changes,
        )
        return answers.diff(answers.call(self._stub.Diff, request))

    def create(self, call: CreateCall) -> Created:
        if call.preview and not self._config_known:
            return Created("", {})
        if call.preview and not self._can().preview:
            return Created("", call.inputs)
        request = provider_pb2.CreateRequest(
            urn=call.urn,
            name=urns.name_of(call.urn),
            type=urns.type_of(call.urn),
            properties=to_struct(call.inputs, self._can().send(unknowns=call.preview)),
            timeout=call.timeout,
            preview=call.preview,
        )
        try:
            answer = answers.call(self._stub.Create, request)
        except InitFailed as error:
            error.outputs = self._can().with_secrets_of(error.outputs, call.inputs)
            raise
        if not answer.id and not call.preview:
            raise ProviderError(f"plugin returned empty resource.ID from create '{call.urn}'", Status.UNKNOWN)
        outputs = answers.received(answer.properties, Receive(reject_unknowns=not call.preview))
        return Created(
            answer.id, self._can().with_secrets_of(outputs, call.inputs), answer.refresh_before_update
        )

    def update(self, call: UpdateCall) -> Updated:
        if call.preview and not self._config_known:
            return Updated({})
        if call.preview and not self._can().preview:
            return Updated(call.new_inputs)
        old = self._can().send(unknowns=False, contents=False)
        request = provider_pb2.UpdateRequest(
            id=call.identity,
            urn=call.urn,
            name=urns.name_of(call.urn),
            type=urns.type_of(call.urn),
            olds=to_struct(call.old_outputs, old),
            old_inputs=to_struct(call.old_inputs, old),
            news=to_struct(call.new_inputs, self._can().send(unknowns=call.preview)),
            timeout=call.timeout,
            ignoreChanges=call.ignore_changes,
            preview=call.preview,
        )
        try:
            answer = answers.call(self._stub.Update, request)
        except InitFailed as error:
            error.outputs = self._can().with_secrets_of(error.outputs, call.new_inputs)
            raise
        outputs = answers.received(answer.properties, Receive(reject_unknowns=not call.preview))
        return Updated(self._can().with_secrets_of(outputs, call.new_inputs), answer.refresh_before_update)

    def read(self, call: ReadCall) -> ReadState:
        if not self._config_known:
            return ReadState("", {}, {})
        send = self._can().send(unknowns=False, contents=False)
        request = provider_pb2.ReadRequest(
            id=call.identity,
            urn=call.urn,
            name=urns.name_of(call.urn),
            type=urns.type_of(call.urn),
            properties=to_struct(call.state, send),
        )
        if call.inputs is not None:
            request.inputs.CopyFrom(to_struct(call.inputs, send))
        answer = answers.call(self._stub.Read, request)
        outputs = inputs = None
        if answer.HasField("properties"):
            outputs = self._can().with_secrets_of(
                answers.received(answer.properties, _NO_UNKNOWNS), call.state
            )
            outputs = restored(outputs, call.inputs or {})
        if answer.HasField("inputs"):
            inputs = self._can().with_secrets_of(
                answers.received(answer.inputs, _NO_UNKNOWNS), call.inputs or {}
            )
            inputs = restored(inputs, call.inputs or {})
        return ReadState(answer.id, outputs, inputs, answer.refresh_before_update)

    def delete(self, call: DeleteCall) -> None:
        send = self._can().send(unknowns=False, contents=False)
        request = provider_pb2.DeleteRequest(
            id=call.identity,
            urn=call.urn,
            name=urns.name_of(call.urn),
            type=urns.type_of(call.urn),
            properties=to_struct(call.outputs, send),
            old_inputs=to_struct(call.inputs, send),
            timeout=call.timeout,
        )
        answers.call(self._stub.Delete, request)

    def invoke(self, token: str, arguments: PropertyMap, *, preview: bool) -> Invoked:
        if not self._config_known:
            return Invoked({})
        send = self._can().send(unknowns=False)
        request = provider_pb2.InvokeRequest(tok=token, args=to_struct(arguments, send), preview=preview)
        answer = answers.call(self._stub.Invoke, request)
        values = answers.received(getattr(answer, "return"), _NO_UNKNOWNS)
        if not self._can().secrets and contains_secrets(arguments):
            values = {k: v if isinstance(v, Secret) else Secret(v) for k, v in values.items()}
        return Invoked(values, answers.failures(answer))

    # Components

    def construct(self, call: ConstructCall) -> Constructed | None:
        return components.construct(self._stub, self._can(), call) if self._config_known else None

    def call(self, call: MethodCall) -> Returned:
        return components.call_method(self._stub, self._can(), call) if self._config_known else Returned()


def _variable(value: Any) -> str:
    value = plain(value)
    return value if isinstance(value, str) else json.dumps(to_json(value, lambda text: text))
