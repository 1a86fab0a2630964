"""Reads what providers answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc

from sandbox.engine.deploy.providers.api import (
    Changes,
    CheckFailure,
    Diff,
    DiffKind,
    PropertyDiff,
    ProviderError,
)
from sandbox.engine.deploy.providers.plugin_errors import failure_of
from sandbox.engine.deploy.wire import Receive, from_struct
from sandbox.engine.properties import PropertyError, PropertyMap

_DIFF_KINDS = (
    DiffKind.ADD,
    DiffKind.ADD_REPLACE,
    DiffKind.DELETE,
    DiffKind.DELETE_REPLACE,
    DiffKind.UPDATE,
    DiffKind.UPDATE_REPLACE,
)


def call(method: Callable[[Any], Any], request: Any) -> Any:
    """Calls a provider's method. Raises ProviderError."""
    try:
        return method(request)
    except grpc.RpcError as error:
        raise failure_of(error) from error


def received(struct: Any, receive: Receive) -> PropertyMap:
    """The values of an answer. Raises ProviderError for malformed ones."""
    try:
        return from_struct(struct, receive)
    except PropertyError as error:
        raise ProviderError(f"the provider's answer is malformed: {error}") from error


def failures(answer: Any) -> tuple[CheckFailure, ...]:
    """What the provider refuses."""
    return tuple(CheckFailure(f.property, f.reason) for f in answer.failures)


def diff(answer: Any) -> Diff:
    """The difference that the provider found."""
    detailed = None
    if answer.hasDetailedDiff:
        detailed = {
            path: PropertyDiff(_kind(found.kind), found.inputDiff)
            for path, found in answer.detailedDiff.items()
        }
    return Diff(
        Changes(answer.changes),
        tuple(answer.replaces),
        tuple(answer.stables),
        tuple(answer.diffs),
        detailed,
        answer.deleteBeforeReplace,
    )


def _kind(number: int) -> DiffKind:
    return _DIFF_KINDS[number] if 0 <= number < len(_DIFF_KINDS) else DiffKind.UPDATE
