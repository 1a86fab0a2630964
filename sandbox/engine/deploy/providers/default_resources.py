"""What provider resources are called and configured with that the engine makes by itself."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from sandbox.engine.properties import PropertyMap, Secret

_DYNAMIC = {"pulumi-python", "pulumi-nodejs"}
"""Packages whose providers are part of the program, and get all of its configuration."""


class PluginSource(NamedTuple):
    """Which plugin serves a package; "" for any version, and for the usual place to get it from."""

    version: str = ""
    download_url: str = ""

    def or_else(self, usual: PluginSource) -> PluginSource:
        """The source, with what it does not say as the usual one has it."""
        return PluginSource(self.version or usual.version, self.download_url or usual.download_url)


ANY_PLUGIN = PluginSource()


def default_name(source: PluginSource) -> str:
    """The logical name of a default provider."""
    name = "default"
    if source.version:
        name += "_" + re.sub(r"[.+-]", "_", source.version)
    if source.download_url:
        name += "_" + re.sub(r"[^A-Za-z0-9_./]", "_", source.download_url).strip("/")
    return name


def default_inputs(
    config: Mapping[str, str], secret_keys: frozenset[str], package: str, source: PluginSource
) -> PropertyMap:
    """The inputs of a package's default provider: what the stack's configuration says of the package."""
    inputs: PropertyMap = {}
    for key, value in config.items():
        namespace, _, name = key.partition(":")
        if package in _DYNAMIC or namespace == package:
            shown = key if package in _DYNAMIC else name
            inputs[shown] = Secret(value) if key in secret_keys else value
    return with_source(inputs, source)


def with_source(inputs: PropertyMap, source: PluginSource) -> PropertyMap:
    """A provider's inputs with the plugin that they are for."""
    values = dict(inputs)
    if source != ANY_PLUGIN:
        values["__internal"] = {"pluginDownloadURL": source.download_url} if source.download_url else {}
    if source.version:
        values["version"] = source.version
    return values
