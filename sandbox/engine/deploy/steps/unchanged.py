"""Steps that leave resources as they are."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.engine.deploy.goal import Registration
from sandbox.engine.deploy.providers.api import Diff, ProviderError
from sandbox.engine.deploy.steps.base import Complete, RegisteredStep, Step, StepContext, StepFailed
from sandbox.engine.deploy.steps.differences import TellsReplacement
from sandbox.engine.model import Op, Resource


@dataclass
class SameStep(RegisteredStep):
    """The resource does not change, its recorded options may. `skipped_create` marks a resource that is not
    made because the operation leaves it out."""

    skipped_create: bool = False
    untargeted: bool = False

    @property
    def op(self) -> Op:
        return Op.SAME

    def apply(self) -> Complete:
        old, new = self.old, self.new
        assert old is not None  # noqa: S101
        assert new is not None  # noqa: S101
        new.id, new.outputs = old.id, old.outputs
        if new.is_provider and not self.skipped_create and not self.untargeted:
            try:
                self.context.load_same_provider(new.copy(inputs=old.inputs), from_check=True)
            except ProviderError as error:
                message = f"bad provider state for resource {self.urn}: {error}"
                raise StepFailed(ProviderError(message)) from error

        def complete() -> None:
            if self.registration:
                self.registration.done(new, unknown=self.skipped_create)

        return complete


def skipped_create(context: StepContext, registration: Registration, new: Resource) -> SameStep:
    """A step for a resource that would be made, were it not left out."""
    return SameStep(context, new.copy(), new, registration, skipped_create=True)


def untargeted_same(context: StepContext, registration: Registration | None, old: Resource) -> SameStep:
    """A step that carries over a resource that the operation leaves out."""
    return SameStep(context, old, old.copy(id=""), registration, untargeted=True)


@dataclass
class ReplaceStep(TellsReplacement, Step):
    """Shows and counts a replacement, whose work other steps do."""

    diff: Diff | None = None

    @property
    def op(self) -> Op:
        return Op.REPLACE

    def apply(self) -> None:
        return None


@dataclass
class RemovePendingReplaceStep(Step):
    """Forgets a resource that was deleted to be replaced and is not wanted any more."""

    logical = False
    internal = True

    @property
    def op(self) -> Op:
        return Op.REMOVE_PENDING_REPLACE

    def apply(self) -> None:
        return None
