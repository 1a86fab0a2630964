"""A step: one thing that a deployment does to one resource."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from sandbox.engine.deploy.goal import Outcome, Registration
from sandbox.engine.deploy.providers.api import PropertyDiff, Provider, Status
from sandbox.engine.model import Op, Resource

Complete = Callable[[], None]


class StepFailed(Exception):
    """A step's work failed. `error` is what the provider or the engine said; with a partial failure the
    resource exists and its state is recorded all the same."""

    def __init__(
        self, error: Exception, status: Status = Status.OK, complete: Complete | None = None
    ) -> None:
        super().__init__(str(error))
        self.error = error
        self.status = status
        self.complete = complete


class StepContext(Protocol):
    """What steps need of the deployment that they are part of."""

    dry_run: bool

    def now(self) -> str:
        """The time, RFC 3339 in UTC."""

    def provider_of(self, resource: Resource) -> Provider:
        """The provider that manages the resource; raises ProviderError when it is not loaded."""

    def load_same_provider(self, resource: Resource, *, from_check: bool) -> None:
        """Makes an unchanged provider resource usable; raises ProviderError."""

    def warn(self, urn: str, message: str) -> None:
        """Shows a warning."""


@dataclass
class Step:
    """Common to all steps. `old` and `new` are the resource before and after, None where there is none."""

    context: StepContext
    old: Resource | None
    new: Resource | None

    logical = True
    """Whether the step counts, and its resource may register outputs later."""
    internal = False
    """Whether people are spared the step."""
    untargeted = False

    @property
    def op(self) -> Op:
        """What the step does."""
        raise NotImplementedError

    @property
    def result_op(self) -> Op:
        """What the step turned out to do; differs from `op` for refreshes."""
        return self.op

    @property
    def resource(self) -> Resource:
        """The resource that the step is about: the new one, or the old one when it goes."""
        resource = self.new or self.old
        assert resource is not None  # noqa: S101 - every step has one of both
        return resource

    @property
    def urn(self) -> str:
        """The resource's URN."""
        return self.resource.urn

    @property
    def keys(self) -> tuple[str, ...]:
        """The properties that cause a replacement."""
        return ()

    @property
    def diffs(self) -> tuple[str, ...]:
        """The properties that differ."""
        return ()

    @property
    def detailed_diff(self) -> Mapping[str, PropertyDiff] | None:
        """The differences in detail, if the provider told them."""
        return None

    def apply(self) -> Complete | None:
        """Does the work. Blocking. Returns what to call once the result is recorded; raises StepFailed."""
        raise NotImplementedError

    def fail(self) -> None:
        """Tells the program that the step failed, when it goes on regardless."""

    def skip(self) -> None:
        """Tells the program that the step was left out because something before it failed."""


@dataclass
class RegisteredStep(Step):
    """A step that a registration waits for, if there is one."""

    registration: Registration | None = None

    def fail(self) -> None:
        if self.registration:
            self.registration.done(self.resource, Outcome.FAILED)

    def skip(self) -> None:
        if self.registration:
            self.registration.done(self.resource, Outcome.SKIPPED)

    def completion(self, new: Resource) -> Complete:
        """What answers the registration."""

        def complete() -> None:
            if self.registration:
                self.registration.done(new)

        return complete


def timeout_of(resource: Resource, operation: str) -> float:
    """The custom timeout of an operation in seconds, 0 for none."""
    timeouts = resource.custom_timeouts
    return float(getattr(timeouts, operation)) if timeouts else 0.0
