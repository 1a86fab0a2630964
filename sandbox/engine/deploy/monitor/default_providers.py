"""Providers that the engine makes by itself, from the stack's configuration, when a program names none."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping

from sandbox.engine.deploy.goal import Goal, Registered, Registration
from sandbox.engine.deploy.providers.api import ProviderError
from sandbox.engine.deploy.providers.default_resources import (
    ANY_PLUGIN,
    PluginSource,
    default_inputs,
    default_name,
)
from sandbox.engine.model import PROVIDER_TYPE_PREFIX

_BUILT_IN = "pulumi"
"""The package whose provider is part of the engine."""


class DefaultProviders:
    """References to default providers, one a package and version. Safe for use from many threads.

    `sources` tells which plugin a package gets when nobody says; it is asked when that is needed, once.
    `register` registers the provider resource and blocks until that is done.
    """

    def __init__(
        self,
        config: Mapping[str, str],
        secret_keys: frozenset[str],
        sources: Callable[[], Mapping[str, PluginSource]],
        register: Callable[[Registration], Registered],
    ) -> None:
        self._config, self._secret_keys, self._register = config, secret_keys, register
        self._ask_sources = sources
        self._sources: Mapping[str, PluginSource] | None = None
        self._lock = threading.Lock()
        self._references: dict[tuple[str, PluginSource], str] = {}

    def reference(self, package: str, source: PluginSource) -> str:
        """The provider's reference; the provider is made when there is none yet. Blocking.

        Raises ProviderError when the configuration forbids default providers for the package."""
        if self._denied(package):
            raise ProviderError(
                f"Default provider for '{package}' disabled. Resources of '{package}' must use an "
                "explicit provider."
            )
        with self._lock:
            key = (package, self._settled(package, source))
            if key not in self._references:
                registered = self._register(Registration(self._goal(*key)))
                resource = registered.resource
                self._references[key] = f"{resource.urn}::{resource.id}"
            return self._references[key]

    def usual_source(self, package: str) -> PluginSource:
        """The plugin of the package when nobody says which."""
        with self._lock:
            return self._usual(package)

    def _settled(self, package: str, source: PluginSource) -> PluginSource:
        """The source with what nobody said filled in."""
        if all(source) or package == _BUILT_IN:
            return source
        return source.or_else(self._usual(package))

    def _usual(self, package: str) -> PluginSource:
        if self._sources is None:
            self._sources = self._ask_sources()
        return self._sources.get(package, ANY_PLUGIN)

    def _goal(self, package: str, source: PluginSource) -> Goal:
        return Goal(
            type=PROVIDER_TYPE_PREFIX + package,
            name=default_name(source),
            custom=True,
            properties=default_inputs(self._config, self._secret_keys, package, source),
        )

    def _denied(self, package: str) -> bool:
        text = self._config.get("pulumi:disable-default-providers")
        if package == _BUILT_IN or not text:
            return False
        try:
            listed = json.loads(text)
        except json.JSONDecodeError as error:
            raise ProviderError(f"Failed to parse pulumi:disable-default-providers: {error}") from error
        return any(str(name).strip() in ("*", package) for name in listed)
