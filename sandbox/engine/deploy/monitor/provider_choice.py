"""Which provider a request of the program means."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sandbox.engine import urn as urns
from sandbox.engine.deploy.goal import Goal
from sandbox.engine.deploy.monitor.default_providers import DefaultProviders
from sandbox.engine.deploy.monitor.requests import RequestError
from sandbox.engine.deploy.providers.default_resources import ANY_PLUGIN, PluginSource, with_source


class ProviderChoice:
    """Chooses providers: those that a request names, else its component's, else the default ones.

    Safe for use from many threads."""

    def __init__(self, defaults: DefaultProviders) -> None:
        self._defaults = defaults
        self._lock = threading.Lock()
        self._packages: dict[str, tuple[str, PluginSource]] = {}
        self._of_components: dict[str, Mapping[str, str]] = {}

    def register_package(self, request: Any) -> str:
        """Takes a package that later requests refer to; the reference. Raises RequestError."""
        if request.HasField("parameterization") or request.HasField("extension"):
            raise RequestError(f"parameterized packages are not supported: {request.name}")
        reference = f"{request.name}@{request.version}#{request.download_url}"
        self._packages[reference] = request.name, PluginSource(request.version, request.download_url)
        return reference

    def remember(self, urn: str, request: Any) -> None:
        """Keeps the providers of a component for what is registered below it."""
        if not request.custom:
            with self._lock:
                self._of_components[urn] = dict(request.providers)

    def for_resource(self, request: Any) -> str:
        """The reference for a registration, "" for components of the program and for providers. A component
        takes over its parent's providers."""
        if not request.custom and request.parent:
            for package, reference in self._given_below(request.parent).items():
                if package not in request.providers:
                    request.providers[package] = reference
        managed = request.custom and not urns.is_provider_type(request.type)
        if not managed and not request.remote:
            return ""
        package = urns.package_of(request.type)
        found = request.provider or request.providers.get(package)
        return found or self._given_below(request.parent).get(package) or self.default(request, package)

    def for_function(self, request: Any, package: str) -> str:
        """The reference for an invoke."""
        found = request.provider or self._given_below(request.parent).get(package)
        return found or self.default(request, package)

    def default(self, request: Any, package: str) -> str:
        """The reference of the default provider that the request asks for, made if needed. Blocking."""
        source = PluginSource(request.version, request.pluginDownloadURL)
        if request.packageRef:
            package, source = self._package(request.packageRef)
        return self._defaults.reference(package, source)

    def with_plugin(self, goal: Goal, request: Any) -> Goal:
        """A provider's goal with its plugin; that of the default provider when the request does not say."""
        source = PluginSource(request.version, request.pluginDownloadURL)
        if request.packageRef:
            _, source = self._package(request.packageRef)
        if source == ANY_PLUGIN:
            source = self._defaults.usual_source(urns.provided_package(goal.type))
        return replace(goal, properties=with_source(goal.properties, source))

    def _given_below(self, component: str) -> Mapping[str, str]:
        with self._lock:
            return self._of_components.get(component, {})

    def _package(self, reference: str) -> tuple[str, PluginSource]:
        try:
            return self._packages[reference]
        except KeyError:
            raise RequestError(f"unknown provider package '{reference}'") from None
