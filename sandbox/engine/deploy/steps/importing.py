"""Steps that take resources that exist into the stack."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from sandbox.engine import urn as urns
from sandbox.engine.deploy.check_failures import refusal
from sandbox.engine.deploy.imports.wanted import Import
from sandbox.engine.deploy.providers.api import (
    CheckCall,
    InitFailed,
    Provider,
    ProviderError,
    ReadCall,
    ReadState,
)
from sandbox.engine.deploy.steps.base import Complete, RegisteredStep, Step, StepContext, StepFailed
from sandbox.engine.model import Op, Resource
from sandbox.engine.properties import PropertyMap, Secret


def _read(provider: Provider, new: Resource) -> tuple[PropertyMap, PropertyMap]:
    """Reads the resource to import, and takes its id; its inputs and outputs. Raises ProviderError."""
    try:
        state = provider.read(ReadCall(new.urn, new.import_id, None, {}))
    except InitFailed as error:
        new.init_errors = error.reasons
        state = ReadState(error.identity, error.outputs, error.inputs)
    if state.outputs is None:
        raise ProviderError(f"resource '{new.import_id}' does not exist")
    if state.inputs is None:
        raise ProviderError(
            "provider does not support importing resources; please try updating the "
            f"'{urns.package_of(new.type)}' plugin"
        )
    new.id = state.identity or new.import_id
    new.refresh_before_update = state.refresh_before_update
    return state.inputs, state.outputs


@dataclass
class ImportStep(RegisteredStep):
    """Takes a resource that the program asks to import. With `original` it replaces one of the stack."""

    continuation: Callable[[Resource | None, Exception | None], None] | None = None
    original: Resource | None = None

    def __post_init__(self) -> None:
        self.logical = self.original is None

    @property
    def op(self) -> Op:
        return Op.IMPORT_REPLACEMENT if self.original else Op.IMPORT

    def apply(self) -> Complete:
        new = self.resource
        try:
            new.inputs, new.outputs = _read(self.context.provider_of(new), new)
        except ProviderError as error:
            if self.continuation:
                self.continuation(None, error)
            raise StepFailed(error, error.status) from error
        new.created = new.modified = self.context.now()
        self.old = new.copy(created=None, modified=None)
        if self.original:
            self.original.delete = True

        def complete() -> None:
            if self.continuation:
                self.continuation(new, None)

        return complete


class ImportContext(StepContext, Protocol):
    """What steps of an import need beside what all steps do."""

    olds: dict[str, Resource]

    def find(self, urn: str) -> Resource | None:
        """A resource that this operation has registered or read."""


@dataclass
class CommandedImportStep(Step):
    """Takes a resource that `pulumi import` asks for: one that must not be in the stack yet, under a parent
    that is."""

    context: ImportContext
    wanted: Import
    random_seed: bytes = b""

    @property
    def op(self) -> Op:
        return Op.IMPORT

    def apply(self) -> None:
        new = self.resource
        try:
            self._check_place(new)
            inputs, outputs = self._state(new)
            new.inputs, new.outputs = inputs, outputs
            self.old = new.copy(created=None, modified=None)
            new.created = new.modified = self.context.now()
            if new.custom:
                new.import_id = ""
                self._warn_of_refused(new)
        except ProviderError as error:
            raise StepFailed(error, error.status) from error

    def _check_place(self, new: Resource) -> None:
        if new.urn in self.context.olds:
            raise StepFailed(ProviderError(f"resource '{new.urn}' already exists"))
        if not urns.is_stack(new.parent) and self.context.find(new.parent) is None:
            raise StepFailed(ProviderError(f"unknown parent '{new.parent}' for resource '{new.urn}'"))

    def _state(self, new: Resource) -> tuple[PropertyMap, PropertyMap]:
        supplied = self.wanted.inputs or {}
        if self.wanted.outputs:
            new.id = new.import_id
            return supplied, self.wanted.outputs
        if not new.custom:
            return supplied, {}
        inputs, outputs = _read(self.context.provider_of(new), new)
        return _completed(inputs, supplied), outputs

    def _warn_of_refused(self, new: Resource) -> None:
        """Tells of inputs that the provider itself refuses, which is no reason not to import."""
        provider = self.context.provider_of(new)
        checked = provider.check(
            CheckCall(new.urn, new.inputs, new.inputs, self.context.dry_run, self.random_seed)
        )
        if not checked.failures:
            return
        advice = f"This is almost certainly a bug in the `{urns.package_of(new.type)}` provider."
        if self.wanted.properties:
            advice = "Try specifying a different set of properties to import with in the future."
        self.context.warn(
            new.urn,
            f"One or more imported inputs failed to validate. {advice} The import will still proceed, but "
            "you will need to edit the generated code after copying it into your program.",
        )
        for failure in checked.failures:
            self.context.warn(new.urn, refusal(new, failure))


def _completed(read: PropertyMap, supplied: PropertyMap) -> PropertyMap:
    """What was read, with what was supplied where nothing was read, and secret where that was."""
    values = dict(read)
    for key, value in supplied.items():
        found = values.get(key)
        if found is None:
            values[key] = value
        elif isinstance(value, Secret) and not isinstance(found, Secret):
            values[key] = Secret(found)
    return values
