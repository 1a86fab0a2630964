"""The resources that a Pulumi program declares, with options, without an engine.

Pulumi's own mocks show inputs only; here the whole registration is recorded, to test ``protect``, parents,
dependencies and replacement order as well.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pulumi
from google.protobuf.json_format import MessageToDict
from pulumi.runtime import mocks as pulumi_mocks
from pulumi.runtime.stack import run_pulumi_func
from pulumi.runtime.sync_await import _sync_await


@dataclass(frozen=True)
class Declared:
    """One registration: ``options`` is the request, as JSON data."""

    type: str
    name: str
    parent: str
    inputs: dict[str, Any]
    options: dict[str, Any]

    @property
    def protect(self) -> bool:
        return bool(self.options.get("protect", False))

    @property
    def dependencies(self) -> set[str]:
        return {urn.rsplit("::", 1)[-1] for urn in self.options.get("dependencies", [])}


@dataclass
class Declarations:
    """All registrations of a program, in order, and its exports."""

    resources: list[Declared] = field(default_factory=list)
    outputs: dict[str, Any] = field(default_factory=dict)

    def named(self, name: str) -> Declared:
        return next(each for each in self.resources if each.name == name)

    def of_type(self, type_token: str) -> list[Declared]:
        return [each for each in self.resources if each.type == type_token]

    @property
    def types(self) -> dict[str, str]:
        return {each.name: each.type for each in self.resources}


MADE_AT = "2026-11-22T10:00:00Z"
"""Creation time in the cloud's responses."""


class _EchoingCloud(pulumi_mocks.Mocks):
    """Returns every resource as requested, with an id derived from its name."""

    def new_resource(self, args: pulumi_mocks.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        told = {"arn": f"arn:{args.name}", "creationDate": MADE_AT, "latestVersion": 1}
        return f"{args.name}-id", {**args.inputs, **told}

    def call(self, args: pulumi_mocks.MockCallArgs) -> Any:
        raise AssertionError(f"the program invoked {args.token}; what was decided is configuration")


class _Recorder(pulumi_mocks.MockMonitor):
    def __init__(self, declarations: Declarations) -> None:
        super().__init__(_EchoingCloud())
        self._declarations = declarations

    def RegisterResource(self, request: Any) -> Any:
        if request.type != "pulumi:pulumi:Stack":
            options = MessageToDict(request)
            self._declarations.resources.append(
                Declared(
                    type=request.type,
                    name=request.name,
                    parent=request.parent.rsplit("::", 1)[-1],
                    inputs=options.pop("object", {}),
                    options=options,
                )
            )
        return super().RegisterResource(request)


def declarations_of(program: Callable[[], None], *, stack: str = "digits") -> Declarations:
    """The declarations of ``program`` in a stack of the project ``runctl``; blocks until registered."""
    declarations = Declarations()
    exported: dict[str, Any] = {}

    def run() -> None:
        program()
        outputs = getattr(pulumi.runtime.get_root_resource(), "outputs", {})
        for key, value in outputs.items():
            pulumi.Output.from_input(value).apply(lambda known, key=key: exported.__setitem__(key, known))

    # Pulumi needs a current event loop; an `asyncio.run` in another test leaves none.
    try:
        asyncio.get_event_loop_policy().get_event_loop()
    except RuntimeError:
        asyncio.set_event_loop(asyncio.new_event_loop())
    pulumi_mocks.set_mocks(
        _EchoingCloud(), project="runctl", stack=stack, preview=False, monitor=_Recorder(declarations)
    )
    try:
        _sync_await(run_pulumi_func(run))
    finally:
        pulumi.runtime.settings.reset_options()
    declarations.outputs = exported
    return declarations
