"""Providers that the engine makes by itself, from the stack's configuration, when a program names none."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Mapping

from sandbox.engine.deploy.goal import Goal, Registered, Registration
from sandbox.engine.deploy.providers.api import ProviderError
from sandbox.engine.model import PROVIDER_TYPE_PREFIX
from sandbox.engine.properties import PropertyMap, Secret

_DYNAMIC = {"pulumi-python", "pulumi-nodejs"}
"""Packages whose providers are part of the program, and get all of its configuration."""


class DefaultProviders:
    """References to default providers, one a package and version. Safe for use from many threads.

    `register` registers the provider resource and blocks until that is done.
    """

    def __init__(
        self,
        config: Mapping[str, str],
        secret_keys: frozenset[str],
        register: Callable[[Registration], Registered],
    ) -> None:
        self._config, self._secret_keys, self._register = config, secret_keys, register
        self._lock = threading.Lock()
        self._references: dict[tuple[str, str, str], str] = {}

    def reference(self, package: str, version: str, download_url: str) -> str:
        """The provider's reference; the provider is made when there is none yet. Blocking.

        Raises ProviderError when the configuration forbids default providers for the package."""
        if self._denied(package):
            raise ProviderError(
                f"Default provider for '{package}' disabled. Resources of '{package}' must use an "
                "explicit provider."
            )
        key = (package, version, download_url)
        with self._lock:
            if key not in self._references:
                registered = self._register(Registration(self._goal(package, version, download_url)))
                resource = registered.resource
                self._references[key] = f"{resource.urn}::{resource.id}"
            return self._references[key]

    def _goal(self, package: str, version: str, download_url: str) -> Goal:
        inputs: PropertyMap = {}
        for key, value in self._config.items():
            namespace, _, name = key.partition(":")
            if package in _DYNAMIC or namespace == package:
                shown = key if package in _DYNAMIC else name
                inputs[shown] = Secret(value) if key in self._secret_keys else value
        if version or download_url:
            inputs["__internal"] = {"pluginDownloadURL": download_url} if download_url else {}
        if version:
            inputs["version"] = version
        return Goal(
            type=PROVIDER_TYPE_PREFIX + package,
            name=default_name(version, download_url),
            custom=True,
            properties=inputs,
        )

    def _denied(self, package: str) -> bool:
        text = self._config.get("pulumi:disable-default-providers")
        if package == "pulumi" or not text:
            return False
        try:
            listed = json.loads(text)
        except json.JSONDecodeError as error:
            raise ProviderError(f"Failed to parse pulumi:disable-default-providers: {error}") from error
        return any(str(name).strip() in ("*", package) for name in listed)


def default_name(version: str, download_url: str) -> str:
    """The logical name of a default provider."""
    name = "default"
    if version:
        name += "_" + re.sub(r"[.+-]", "_", version)
    if download_url:
        name += "_" + re.sub(r"[^A-Za-z0-9_./]", "_", download_url).strip("/")
    return name
