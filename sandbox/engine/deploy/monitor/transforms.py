"""Transforms: functions of the program that may change registrations and invokes before they happen."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import grpc

from sandbox.engine.deploy.monitor.requests import RequestError, output_dependencies
from sandbox.engine.deploy.protocol import alias_pb2, callback_pb2, callback_pb2_grpc, resource_pb2
from sandbox.engine.deploy.server_process import open_channel
from sandbox.engine.deploy.wire import Receive, Send, from_struct, to_struct
from sandbox.engine.properties import Output, PropertyMap

_SEND = Send(outputs=True, byte_strings=True)
_RECEIVE = Receive(outputs=True)


class TransformFailed(Exception):
    """A transform failed; the message is the program's."""


class Transforms:
    """The transforms that a program has registered, for single resources with their children and for all.

    Safe for use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._channels: dict[str, grpc.Channel] = {}
        self._stack: list[Any] = []
        self._invokes: list[Any] = []
        self._own: dict[str, list[Any]] = {}
        self._of_remote: dict[tuple[str, str, str], list[Any]] = {}
        self._parents: dict[str, str] = {}

    def add_for_stack(self, callback: Any) -> None:
        """Lets a callback change every resource."""
        with self._lock:
            self._stack.append(callback)

    def add_for_invokes(self, callback: Any) -> None:
        """Lets a callback change every invoke."""
        with self._lock:
            self._invokes.append(callback)

    def take_over(self, request: Any) -> None:
        """Gives a component that a provider registers the transforms that the program asked for it with."""
        key = (request.parent, request.type, request.name)
        with self._lock:
            if key in self._of_remote:
                callbacks = self._of_remote.pop(key)
                del request.transforms[:]
                request.transforms.extend(callbacks)
            elif request.remote and request.transforms:
                self._of_remote[key] = list(request.transforms)

    def remember(self, urn: str, request: Any) -> None:
        """Keeps a resource's own transforms for its children."""
        with self._lock:
            self._parents[urn] = request.parent
            if request.transforms:
                self._own[urn] = list(request.transforms)

    def close(self) -> None:
        """Ends the connections to the program."""
        with self._lock:
            channels, self._channels = list(self._channels.values()), {}
        for channel in channels:
            channel.close()

    def apply(self, request: Any) -> None:
        """Changes a RegisterResource request as its own, its parents' and the stack's transforms want.

        Raises TransformFailed."""
        callbacks = self._for_resource(request)
        if not callbacks:
            return
        values = from_struct(request.object, _RECEIVE)
        if request.transforms:
            values = _with_dependencies(request, values)
        options = _options(request)
        for callback in callbacks:
            message = resource_pb2.TransformRequest(
                name=request.name,
                type=request.type,
                custom=request.custom,
                parent=request.parent,
                properties=to_struct(values, _SEND),
                options=options,
            )
            answer = self._call(callback, message, resource_pb2.TransformResponse())
            if answer.HasField("options"):
                options = answer.options
            if answer.HasField("properties"):
                values = from_struct(answer.properties, _RECEIVE)
        _write_back(request, values, options)

    def apply_to_invoke(self, request: Any) -> None:
        """Changes an invoke request as the program's transforms want. Raises TransformFailed."""
        with self._lock:
            callbacks = list(self._invokes)
        for callback in callbacks:
            message = resource_pb2.TransformInvokeRequest(
                token=request.tok,
                args=request.args,
                options=resource_pb2.TransformInvokeOptions(
                    provider=request.provider,
                    version=request.version,
                    plugin_download_url=request.pluginDownloadURL,
                ),
            )
            answer = self._call(callback, message, resource_pb2.TransformInvokeResponse())
            if answer.HasField("args"):
                request.args.CopyFrom(answer.args)
            if answer.HasField("options"):
                request.provider, request.version = answer.options.provider, answer.options.version
                request.pluginDownloadURL = answer.options.plugin_download_url

    def _for_resource(self, request: Any) -> list[Any]:
        with self._lock:
            callbacks = list(request.transforms)
            parent = request.parent
            while parent:
                callbacks += self._own.get(parent, [])
                parent = self._parents.get(parent, "")
            return callbacks + self._stack

    def _call(self, callback: Any, message: Any, answer: Any) -> Any:
        with self._lock:
            channel = self._channels.get(callback.target)
            if channel is None:
                channel = self._channels[callback.target] = open_channel(callback.target)
        invoke: Callable[[Any], Any] = callback_pb2_grpc.CallbacksStub(channel).Invoke
        request = callback_pb2.CallbackInvokeRequest(
            token=callback.token, request=message.SerializeToString()
        )
        try:
            answer.ParseFromString(invoke(request).response)
        except grpc.RpcError as error:
            raise TransformFailed(f"invoke transform: {error.details()}") from error
        return answer


def _with_dependencies(request: Any, values: PropertyMap) -> PropertyMap:
    """The values as outputs that carry what their properties depend on."""
    found = dict(values)
    for key, value in values.items():
        if request.propertyDependencies:
            listed = (
                list(request.propertyDependencies[key].urns) if key in request.propertyDependencies else []
            )
        else:
            listed = list(request.dependencies)
        if set(listed) <= set(output_dependencies(value)):
            continue
        output = value if isinstance(value, Output) else Output(value, known=True)
        dependencies = tuple(dict.fromkeys((*output.dependencies, *listed)))
        found[key] = Output(output.value, output.known, output.secret, dependencies)
    return found


def _options(request: Any) -> Any:
    options = resource_pb2.TransformResourceOptions(
        depends_on=request.dependencies,
        ignore_changes=request.ignoreChanges,
        replace_on_changes=request.replaceOnChanges,
        version=request.version,
        aliases=[alias_pb2.Alias(urn=urn) for urn in request.aliasURNs],
        provider=request.provider,
        providers=dict(request.providers),
        plugin_download_url=request.pluginDownloadURL,
        deleted_with=request.deletedWith,
        replace_with=request.replace_with,
        additional_secret_outputs=request.additionalSecretOutputs,
        hide_diff=request.hideDiffs,
    )
    options.aliases.extend(request.aliases)
    setattr(options, "import", request.importId)
    if request.HasField("protect"):
        options.protect = request.protect
    if request.HasField("retainOnDelete"):
        options.retain_on_delete = request.retainOnDelete
    if request.deleteBeforeReplaceDefined or request.deleteBeforeReplace:
        options.delete_before_replace = request.deleteBeforeReplace
    if request.HasField("customTimeouts"):
        options.custom_timeouts.CopyFrom(request.customTimeouts)
    if request.HasField("replacement_trigger"):
        options.replacement_trigger.CopyFrom(request.replacement_trigger)
    return options


def _write_back(request: Any, values: PropertyMap, options: Any) -> None:
    if options.HasField("hooks") and options.hooks.ByteSize():
        raise RequestError("this engine does not support resource hooks")
    request.object.CopyFrom(to_struct(values, _SEND))
    request.version, request.provider = options.version, options.provider
    request.pluginDownloadURL, request.deletedWith = options.plugin_download_url, options.deleted_with
    request.importId = getattr(options, "import")
    for target, source in (
        (request.ignoreChanges, options.ignore_changes),
        (request.replaceOnChanges, options.replace_on_changes),
        (request.replace_with, options.replace_with),
        (request.additionalSecretOutputs, options.additional_secret_outputs),
        (request.hideDiffs, options.hide_diff),
        (request.aliases, options.aliases),
    ):
        kept = list(source)
        del target[:]
        target.extend(kept)
    del request.aliasURNs[:]
    request.providers.clear()
    request.providers.update(options.providers)
    _write_back_optional(request, options)
    if request.transforms:
        _write_back_dependencies(request, values, options)


def _write_back_optional(request: Any, options: Any) -> None:
    for name, option in (("protect", "protect"), ("retainOnDelete", "retain_on_delete")):
        request.ClearField(name)
        if options.HasField(option):
            setattr(request, name, getattr(options, option))
    request.deleteBeforeReplaceDefined = options.HasField("delete_before_replace")
    request.deleteBeforeReplace = options.delete_before_replace
    for name, option in (
        ("customTimeouts", "custom_timeouts"),
        ("replacement_trigger", "replacement_trigger"),
    ):
        request.ClearField(name)
        if options.HasField(option):
            getattr(request, name).CopyFrom(getattr(options, option))


def _write_back_dependencies(request: Any, values: PropertyMap, options: Any) -> None:
    every = dict.fromkeys(options.depends_on)
    request.propertyDependencies.clear()
    for key, value in values.items():
        listed = output_dependencies(value)
        request.propertyDependencies[key].urns.extend(listed)
        every.update(dict.fromkeys(listed))
    del request.dependencies[:]
    request.dependencies.extend(every)
