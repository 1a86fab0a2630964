"""Resource classes of the toy programs; ``toy_provider`` implements them."""

from __future__ import annotations

from typing import Any

import pulumi


class Thing(pulumi.CustomResource):
    """A resource with any inputs; a change of ``key`` replaces it."""

    out: pulumi.Output[str]

    def __init__(self, name: str, options: pulumi.ResourceOptions | None = None, **inputs: Any) -> None:
        super().__init__("toy:index:Thing", name, {"out": None, **inputs}, options)


class Group(pulumi.ComponentResource):
    """A component."""

    def __init__(self, name: str, options: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("toy:index:Group", name, {}, options)


class Provider(pulumi.ProviderResource):
    """An explicit provider of toy resources."""

    def __init__(self, name: str, **inputs: Any) -> None:
        super().__init__("toy", name, inputs)
