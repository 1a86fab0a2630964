"""Every resource type and function that this provider knows, by token."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from sandbox.aws.provider.invoke import Function
from sandbox.aws.provider.resource import ResourceType
from sandbox.aws.provider.types.volume import Volume


@cache
def resource_types() -> Mapping[str, ResourceType]:
    """The resource types by token."""
    kinds: tuple[type[ResourceType], ...] = (Volume,)
    return {kind.token: kind() for kind in kinds}


@cache
def functions() -> Mapping[str, Function]:
    """The functions by token."""
    return {}
