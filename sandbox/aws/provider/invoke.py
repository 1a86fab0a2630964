"""The provider's model of a function of the package."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.aws.provider.cloud import Cloud
from sandbox.aws.provider.cloud_error import RefusedError


@dataclass(frozen=True)
class Function:
    """One function. arguments: the supported names; any other argument with a value is rejected."""

    token: str
    arguments: frozenset[str]
    answer: Callable[[Cloud, Mapping[str, Any]], dict[str, Any]]

    def call(self, cloud: Cloud, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Call it; blocks. Raises CloudError, RefusedError and CancelledError."""
        given = {name: value for name, value in arguments.items() if value is not None}
        unknown = sorted(given.keys() - self.arguments)
        if unknown:
            raise RefusedError(
                f"{self.token}: not supported by the sandbox's aws provider: {', '.join(unknown)}"
            )
        return self.answer(cloud, given)
