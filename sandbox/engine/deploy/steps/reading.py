"""Steps that look at resources as they are: reads and refreshes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sandbox.engine.deploy.diffing import diff_resource, inverted
from sandbox.engine.deploy.goal import Outcome, Reading
from sandbox.engine.deploy.providers.api import (
    Changes,
    Diff,
    InitFailed,
    ProviderError,
    ReadCall,
    ReadState,
    Status,
)
from sandbox.engine.deploy.steps.base import Complete, RegisteredStep, Step, StepFailed
from sandbox.engine.deploy.steps.differences import TellsDifference
from sandbox.engine.model import Op, Resource
from sandbox.engine.properties import UNKNOWN_TEXT, same


@dataclass
class ReadStep(Step):
    """Reads a resource that is not the stack's own. With `replacing` it takes the place of one that was."""

    reading: Reading | None = None
    replacing: bool = False

    def __post_init__(self) -> None:
        self.logical = not self.replacing

    @property
    def op(self) -> Op:
        return Op.READ_REPLACEMENT if self.replacing else Op.READ

    def apply(self) -> Complete:
        new, old = self.new, self.old
        assert new is not None  # noqa: S101
        failure = None
        if new.id == UNKNOWN_TEXT:
            new.outputs = {}
        else:
            failure = self._read(new)
        if self.replacing and old:
            old.delete = True
        if old:
            new.created, new.modified = old.created, old.modified
            if not same(new.inputs, old.inputs) or not same(new.outputs, old.outputs):
                new.modified = self.context.now()

        def complete() -> None:
            if self.reading:
                self.reading.done(new)

        if failure:
            raise StepFailed(failure, failure.status, complete)
        return complete

    def _read(self, new: Resource) -> InitFailed | None:
        failure: InitFailed | None = None
        try:
            state = self.context.provider_of(new).read(ReadCall(new.urn, new.id, new.inputs, new.inputs))
        except InitFailed as error:
            failure = error
            new.init_errors = error.reasons
            state = ReadState(error.identity, error.outputs, error.inputs, error.refresh_before_update)
        except ProviderError as error:
            raise StepFailed(error, error.status) from error
        if state.outputs is None:
            raise StepFailed(ProviderError(f"resource '{new.id}' does not exist"))
        new.outputs = state.outputs
        new.id = state.identity or new.id
        return failure

    def fail(self) -> None:
        if self.reading:
            self.reading.done(self.resource, Outcome.FAILED)

    def skip(self) -> None:
        if self.reading:
            self.reading.done(self.resource, Outcome.SKIPPED)


@dataclass
class RefreshStep(TellsDifference, RegisteredStep):
    """Brings the recorded state of a resource in line with what is there.

    With `continuation` the refresh is part of an update: the result is recorded at once and handed on (None
    for a resource that is gone, an exception for a failed read)."""

    continuation: Callable[[Resource | None, Exception | None], None] | None = None
    internal: bool = False
    deleted: bool = False
    diff: Diff | None = None

    logical = False

    @property
    def op(self) -> Op:
        return Op.REFRESH

    @property
    def persisted(self) -> bool:
        """Whether the result is recorded with the step and not with the whole refresh."""
        return self.continuation is not None

    @property
    def result_op(self) -> Op:
        if self.deleted:
            return Op.DELETE
        assert self.old is not None  # noqa: S101
        if self.new is self.old:
            return Op.SAME
        if self.old.external:
            unchanged = self.new is not None and same(self.old.outputs, self.new.outputs)
        else:
            unchanged = self.diff is not None and self.diff.changes is Changes.NONE
        return Op.SAME if unchanged else Op.UPDATE

    @property
    def resource(self) -> Resource:
        assert self.old is not None  # noqa: S101
        return self.old

    @property
    def urn(self) -> str:
        return self.new.urn if self.new else self.resource.urn

    def apply(self) -> Complete | None:
        old = self.resource
        if not old.custom or old.is_provider or old.pending_replacement:
            if self.continuation:
                self.new = old.copy()
            return self._complete()
        try:
            status, failure = self._refresh(old)
        except ProviderError as error:
            if self.continuation:
                self.continuation(None, error)
            raise StepFailed(error, error.status) from error
        if failure:
            raise StepFailed(failure, status, self._complete())
        return self._complete()

    def _complete(self) -> Complete | None:
        continuation = self.continuation
        if continuation is None:
            return None
        return lambda: continuation(self.new, None)

    def _refresh(self, old: Resource) -> tuple[Status, ProviderError | None]:
        base = self.new or old
        provider = self.context.provider_of(old)
        init_errors: list[str] = []
        status = Status.OK
        try:
            state = provider.read(ReadCall(base.urn, old.id, old.inputs, old.outputs))
        except InitFailed as error:
            init_errors, status = error.reasons, error.status
            listed = "\n* ".join(init_errors)
            self.context.warn(self.urn, f"Refreshed resource is in an unhealthy state:\n* {listed}")
            state = ReadState(error.identity, error.outputs, error.inputs, error.refresh_before_update)
        outputs = state.outputs if state.identity else None
        if outputs is None:
            self.deleted = True
            self.new = None
            return status, None
        inputs = old.inputs if state.inputs is None else state.inputs
        self.new = base.copy(
            id=state.identity,
            init_errors=init_errors,
            refresh_before_update=state.refresh_before_update,
            inputs=inputs,
            outputs=outputs,
        )
        if not same(inputs, old.inputs) or not same(outputs, old.outputs):
            self.new.modified = self.context.now()
        if not old.external:
            self.diff = inverted(
                diff_resource(provider, self.new, old.inputs, self.context.dry_run, tuple(old.ignore_changes))
            )
        return status, None
