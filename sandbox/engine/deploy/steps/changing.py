"""Steps that make, change and delete resources."""

from __future__ import annotations

from dataclasses import dataclass, field

from sandbox.engine.deploy.providers.api import (
    CreateCall,
    DeleteCall,
    Diff,
    InitFailed,
    ProviderError,
    UpdateCall,
)
from sandbox.engine.deploy.steps.base import Complete, RegisteredStep, Step, StepFailed, timeout_of
from sandbox.engine.deploy.steps.differences import TellsDifference, TellsReplacement
from sandbox.engine.model import Op, Resource


class ProtectedError(Exception):
    """A protected resource would have been deleted."""

    def __init__(self, urn: str) -> None:
        super().__init__(
            f'resource "{urn}" cannot be deleted\n'
            "because it is protected. To unprotect the resource, "
            "either remove the `protect` flag from the resource in your Pulumi "
            "program and run `pulumi up`, or use the command:\n"
            f"`pulumi state unprotect {quoted(urn)}`"
        )


def quoted(urn: str) -> str:
    """The URN as it is typed in a shell."""
    return f"'{urn}'"


@dataclass
class CreateStep(TellsReplacement, RegisteredStep):
    """Makes a resource, as the replacement of `old` if there is one. With `pending_delete` the old one is
    left to be deleted later."""

    diff: Diff | None = None
    replacing: bool = False
    pending_delete: bool = False

    def __post_init__(self) -> None:
        self.logical = not self.replacing

    @property
    def op(self) -> Op:
        return Op.CREATE_REPLACEMENT if self.replacing else Op.CREATE

    def apply(self) -> Complete:
        new = self.new
        assert new is not None  # noqa: S101
        failure: InitFailed | None = None
        if new.custom:
            failure = self._create(new)
        new.created = new.modified = self.context.now()
        if self.replacing and self.pending_delete and self.old:
            self.old.delete = True
        if failure:
            raise StepFailed(failure, failure.status)
        return self.completion(new)

    def _create(self, new: Resource) -> InitFailed | None:
        call = CreateCall(new.urn, new.inputs, timeout_of(new, "create"), self.context.dry_run)
        try:
            created = self.context.provider_of(new).create(call)
        except InitFailed as error:
            new.id, new.outputs, new.init_errors = error.identity, error.outputs, error.reasons
            new.refresh_before_update = error.refresh_before_update
            return error
        except ProviderError as error:
            raise StepFailed(error, error.status) from error
        if not self.context.dry_run and not created.identity:
            raise StepFailed(ProviderError("provider did not return an ID from Create"))
        new.id, new.outputs = created.identity, created.outputs
        new.refresh_before_update = created.refresh_before_update
        return None


@dataclass
class UpdateStep(TellsDifference, RegisteredStep):
    """Changes a resource in place."""

    diff: Diff | None = None
    ignore_changes: tuple[str, ...] = ()

    @property
    def op(self) -> Op:
        return Op.UPDATE

    def apply(self) -> Complete:
        old, new = self.old, self.new
        assert old is not None  # noqa: S101
        assert new is not None  # noqa: S101
        new.id, new.created, new.modified = old.id, old.created, old.modified
        if new.custom:
            self._update(old, new)
        return self.completion(new)

    def _update(self, old: Resource, new: Resource) -> None:
        call = UpdateCall(
            new.urn,
            old.id,
            old.inputs,
            old.outputs,
            new.inputs,
            timeout_of(new, "update"),
            self.ignore_changes,
            self.context.dry_run,
        )
        try:
            updated = self.context.provider_of(new).update(call)
        except InitFailed as error:
            new.outputs, new.init_errors = error.outputs, error.reasons
            new.refresh_before_update = error.refresh_before_update
            new.modified = self.context.now()
            # What was asked for is not in force yet: the next operation must try again.
            new.inputs = dict(old.inputs)
            raise StepFailed(error, error.status) from error
        except ProviderError as error:
            raise StepFailed(error, error.status) from error
        new.outputs, new.refresh_before_update = updated.outputs, updated.refresh_before_update
        new.modified = self.context.now()


@dataclass
class DeleteStep(Step):
    """Deletes a resource: for good, as the rest of a replacement (`replacing`), or before its replacement is
    made (`pending_replacement`). `deletions` are the URNs deleted in this operation so far."""

    deletions: set[str] = field(default_factory=set)
    replacing: bool = False
    pending_replacement: bool = False

    def __post_init__(self) -> None:
        self.logical = not self.replacing

    @property
    def op(self) -> Op:
        assert self.old is not None  # noqa: S101
        if self.old.external:
            return Op.DISCARD_REPLACED if self.replacing else Op.READ_DISCARD
        return Op.DELETE_REPLACED if self.replacing else Op.DELETE

    def apply(self) -> None:
        old = self.old
        assert old is not None  # noqa: S101
        if not self.replacing and old.protect:
            raise StepFailed(ProtectedError(old.urn))
        if not self.context.dry_run and self._needs_provider(old):
            call = DeleteCall(old.urn, old.id, old.inputs, old.outputs, timeout_of(old, "delete"))
            try:
                self.context.provider_of(old).delete(call)
            except ProviderError as error:
                raise StepFailed(error, error.status) from error
        if self.pending_replacement:
            old.pending_replacement = True

    def _needs_provider(self, old: Resource) -> bool:
        with_another = bool(old.deleted_with) and old.deleted_with in self.deletions
        return old.custom and not (old.external or old.retain_on_delete or with_another)
