"""The providers of one operation. The registry is itself the provider that manages provider resources."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from dataclasses import replace

from sandbox.engine import urn as urns
from sandbox.engine.deploy.providers.api import (
    Changes,
    CheckCall,
    Checked,
    ConfigurableProvider,
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
from sandbox.engine.model import Resource
from sandbox.engine.properties import UNKNOWN_TEXT, PropertyMap, same

_INTERNAL = "__internal"
Load = Callable[[str, str], ConfigurableProvider]
"""Loads the provider of (package, version), "" for any version; raises ProviderError."""


def public_config(inputs: PropertyMap) -> PropertyMap:
    """A provider's inputs without what the engine keeps among them for itself."""
    return {key: value for key, value in inputs.items() if key != _INTERNAL}


class ProviderRegistry:
    """Loaded providers by reference (`URN::ID`). Safe for use from many threads."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._lock = threading.Lock()
        self._configured: dict[str, ConfigurableProvider] = {}
        self._checked: dict[str, ConfigurableProvider] = {}  # by URN: not configured yet
        self._aliases: dict[str, str] = {}
        self._all: list[ConfigurableProvider] = []
        self._cancelled = False

    def get(self, reference: str) -> ConfigurableProvider | None:
        """The configured provider of that reference, if it is loaded."""
        with self._lock:
            return self._configured.get(reference)

    def register_alias(self, urn: str, alias: str) -> None:
        """Lets the provider be found by its former URN too."""
        with self._lock:
            if urn != alias:
                self._aliases[urn] = alias

    def cancel(self) -> None:
        """Tells every provider to stop what is in flight. Never raises."""
        with self._lock:
            self._cancelled = True
            loaded = list(self._all)
        for provider in loaded:
            provider.cancel()

    def close(self) -> None:
        """Ends every provider. Never raises."""
        with self._lock:
            loaded, self._all = list(self._all), []
        for provider in loaded:
            provider.close()

    def ensure(self, resource: Resource, *, from_check: bool) -> None:
        """Loads and configures the provider that a provider resource stands for, unless it is loaded.

        With `from_check` the one that was checked for the resource is used. Raises ProviderError."""
        if not resource.id or resource.id == UNKNOWN_TEXT:
            raise ProviderError(f"provider '{resource.urn}' has an unknown ID")
        reference = f"{resource.urn}::{resource.id}"
        if self.get(reference):
            return
        provider = self._take_checked(resource.urn) if from_check else None
        provider = provider or self._start(resource.urn, resource.inputs)
        try:
            provider.configure(resource.urn, resource.id, public_config(resource.inputs))
        except ProviderError as error:
            raise ProviderError(f"configure provider '{resource.urn}': {error}", error.status) from error
        self._set(reference, provider)

    # Provider resources

    def check(self, call: CheckCall) -> Checked:
        provider = self._start(call.urn, call.news)
        checked = provider.check_config(call.urn, public_config(call.olds or {}), public_config(call.news))
        if checked.failures:
            provider.close()
            return checked
        with self._lock:
            self._checked[call.urn] = provider
        inputs = dict(checked.inputs)
        if "version" in call.news:
            version = inputs.setdefault("version", call.news["version"])
            if not same(version, call.news["version"]):
                raise ProviderError(
                    f'provider "{call.urn}" attempted to change version from '
                    f'"{call.news["version"]}" to "{version}"'
                )
        if _INTERNAL in call.news:
            inputs[_INTERNAL] = call.news[_INTERNAL]
        return Checked(inputs)

    def diff(self, call: DiffCall) -> Diff:
        with self._lock:
            provider = self._checked.get(call.urn) or self._configured.get(f"{call.urn}::{call.identity}")
        if provider is None:
            raise ProviderError(f"provider '{call.urn}' is not loaded")
        new_inputs = public_config(call.new_inputs)
        diff = provider.diff_config(
            replace(call, old_inputs=public_config(call.old_inputs), new_inputs=new_inputs)
        )
        if diff.changes is Changes.UNKNOWN:
            unchanged = same(call.old_outputs, new_inputs)
            diff = replace(diff, changes=Changes.NONE if unchanged else Changes.SOME)
        return diff

    def create(self, call: CreateCall) -> Created:
        provider = self._take_checked(call.urn) or self._start(call.urn, call.inputs)
        identity = UNKNOWN_TEXT if call.preview else str(uuid.uuid4())
        inputs = public_config(call.inputs)
        provider.configure(call.urn, identity, inputs)
        self._set(f"{call.urn}::{identity}", provider)
        return Created(identity, inputs)

    def update(self, call: UpdateCall) -> Updated:
        provider = self._take_checked(call.urn) or self._start(call.urn, call.new_inputs)
        inputs = public_config(call.new_inputs)
        try:
            provider.configure(call.urn, call.identity, inputs)
        except ProviderError as error:
            raise ProviderError(str(error), Status.UNKNOWN) from error
        reference = f"{call.urn}::{call.identity}"
        former = self.get(reference)
        self._set(reference, provider)
        if former is not None and former is not provider:
            self._end(former)
        return Updated(inputs)

    def delete(self, call: DeleteCall) -> None:
        with self._lock:
            provider = self._configured.pop(f"{call.urn}::{call.identity}", None)
        if provider is not None:
            self._end(provider)

    def read(self, call: ReadCall) -> ReadState:  # noqa: ARG002
        raise ProviderError("provider resources may not be read")

    def invoke(self, token: str, arguments: PropertyMap, *, preview: bool) -> Invoked:  # noqa: ARG002
        raise ProviderError("the provider registry is not invokable")

    def _start(self, urn: str, inputs: PropertyMap) -> ConfigurableProvider:
        package = urns.provided_package(urns.type_of(urn))
        internal = inputs.get(_INTERNAL)
        if isinstance(internal, dict) and "parameterization" in internal:
            raise ProviderError(f"parameterized providers are not supported: {urn}")
        version = inputs.get("version")
        provider = self._load(package, version if isinstance(version, str) else "")
        with self._lock:
            self._all.append(provider)
            cancelled = self._cancelled
        if cancelled:
            provider.cancel()
        return provider

    def _end(self, provider: ConfigurableProvider) -> None:
        with self._lock:
            if provider in self._configured.values():
                return
            if provider in self._all:
                self._all.remove(provider)
        provider.close()

    def _take_checked(self, urn: str) -> ConfigurableProvider | None:
        with self._lock:
            return self._checked.pop(urn, None)

    def _set(self, reference: str, provider: ConfigurableProvider) -> None:
        urn, identity = urns.split_reference(reference)
        with self._lock:
            self._configured[reference] = provider
            alias = self._aliases.get(urn)
            if alias:
                self._configured[f"{alias}::{identity}"] = provider
