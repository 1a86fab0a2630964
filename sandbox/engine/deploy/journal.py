"""Keeps the stack's state on disk true while steps run.

Before a step reaches a provider it is recorded as pending, after it with its result. Steps that end at the
same time share one write.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

from sandbox.engine.checkpoint import IntegrityChecker, IntegrityError
from sandbox.engine.deploy.normalizing import in_order, normalized, without_dangling_references
from sandbox.engine.deploy.request import CheckpointWriter
from sandbox.engine.deploy.steps.base import Step
from sandbox.engine.deploy.steps.reading import RefreshStep
from sandbox.engine.deploy.steps.unchanged import SameStep
from sandbox.engine.model import Manifest, Op, PendingKind, PendingOperation, Resource, Snapshot
from sandbox.engine.properties import same

_PENDING = {
    Op.CREATE: PendingKind.CREATING,
    Op.CREATE_REPLACEMENT: PendingKind.CREATING,
    Op.UPDATE: PendingKind.UPDATING,
    Op.DELETE: PendingKind.DELETING,
    Op.DELETE_REPLACED: PendingKind.DELETING,
    Op.READ_DISCARD: PendingKind.DELETING,
    Op.DISCARD_REPLACED: PendingKind.DELETING,
    Op.READ: PendingKind.READING,
    Op.READ_REPLACEMENT: PendingKind.READING,
    Op.IMPORT: PendingKind.IMPORTING,
    Op.IMPORT_REPLACEMENT: PendingKind.IMPORTING,
}
_DELETIONS = {Op.DELETE, Op.DELETE_REPLACED, Op.READ_DISCARD, Op.DISCARD_REPLACED}
_CREATIONS = {Op.CREATE, Op.CREATE_REPLACEMENT}
_IMPORTS = {Op.IMPORT, Op.IMPORT_REPLACEMENT}


class Journal:
    """The state as it becomes, on top of `base`. Safe for use from many threads."""

    def __init__(self, base: Snapshot, writer: CheckpointWriter, now: Callable[[], str]) -> None:
        self._base, self._writer, self._now = base, writer, now
        self._condition = threading.Condition()
        self._new: list[Resource] = []
        self._done: set[int] = set()
        self._held: list[Resource] = []  # keeps the identities in _done from being used again
        self._pending: dict[int, PendingOperation] = {}
        self._refreshed = False
        self._changed, self._written, self._writing = 0, 0, False
        self._elided, self._frozen = True, False
        self._error: Exception | None = None
        self._checker = IntegrityChecker()

    def begin(self, step: Step) -> None:
        """Records what the step is about to do. Returns when that is durable."""
        kind = _PENDING.get(step.op)
        if kind is None:
            return
        resource = step.old if step.op in _DELETIONS else step.new
        assert resource is not None  # noqa: S101

        def change() -> bool:
            self._pending[id(resource)] = PendingOperation(resource, kind)
            return True

        self._mutate(change)

    def end(self, step: Step, successful: bool) -> None:
        """Records what came of the step. Returns when that is durable."""
        self._mutate(lambda: self._end(step, successful))

    def record_outputs(self) -> None:
        """Records outputs that were set on a resource already recorded."""
        self._mutate(lambda: True)

    def close(self) -> None:
        """Writes what was left unwritten because it did not matter then."""
        if self._elided:
            self._mutate(lambda: True)

    def freeze(self) -> None:
        """Records nothing more: what is pending now stays so, since nobody will know how it ended."""
        with self._condition:
            self._frozen = True

    def snapshot(self) -> Snapshot:
        """The state as it is now."""
        with self._condition:
            return self._snapshot()

    def _end(self, step: Step, successful: bool) -> bool:
        op = step.op
        if op is Op.REPLACE:
            return False
        for resource in (step.old, step.new):
            if resource is not None:
                self._pending.pop(id(resource), None)
        if isinstance(step, RefreshStep):
            return self._end_refresh(step, successful)
        if not successful:
            return True
        if op is Op.SAME:
            return self._end_same(step)
        self._apply(step)
        return True

    def _apply(self, step: Step) -> None:
        op, old, new = step.op, step.old, step.new
        if op in _CREATIONS:
            if old is not None and old.pending_replacement:
                self._retire(old)
        elif op in _DELETIONS:
            if old is not None and not old.pending_replacement:
                self._retire(old)
        elif op not in _IMPORTS and old is not None:
            self._retire(old)
        if new is not None:
            self._new.append(new)

    def _end_same(self, step: Step) -> bool:
        old, new = step.old, step.new
        assert old is not None  # noqa: S101
        assert new is not None  # noqa: S101
        self._retire(old)
        if isinstance(step, SameStep) and step.skipped_create:
            self._elided = True
            return False
        self._new.append(new)
        if _differ(old, new):
            return True
        self._elided = True
        return False

    def _end_refresh(self, step: RefreshStep, successful: bool) -> bool:
        if not step.persisted:
            self._elided = True
            return False
        self._refreshed = True
        if successful and step.old is not None:
            self._retire(step.old)
            if step.new is not None:
                self._new.append(step.new)
        return True

    def _retire(self, resource: Resource) -> None:
        self._done.add(id(resource))
        self._held.append(resource)

    def _mutate(self, change: Callable[[], bool]) -> None:
        with self._condition:
            if self._frozen or not change():
                return
            self._changed += 1
            mine = self._changed
            while self._written < mine and self._error is None:
                if self._writing:
                    self._condition.wait()
                else:
                    self._write()
            if self._error is not None:
                raise self._error

    def _write(self) -> None:
        """Writes the present state; called with the lock held, which is free during the write itself."""
        self._writing, covered = True, self._changed
        snapshot = self._snapshot()
        self._condition.release()
        error: Exception | None = None
        try:
            self._writer.write(self._sound(snapshot))
        except Exception as problem:
            error = problem
        finally:
            self._condition.acquire()
        self._writing, self._written, self._elided = False, covered, False
        self._error = error
        self._condition.notify_all()

    def _sound(self, snapshot: Snapshot) -> Snapshot:
        """The snapshot, put in order if it is not. Raises IntegrityError when order does not help."""
        try:
            self._checker.check(snapshot)
        except IntegrityError:
            snapshot = replace(snapshot, resources=in_order(snapshot.resources))
            self._checker.check(snapshot)
        return snapshot

    def _snapshot(self) -> Snapshot:
        resources = [r for r in self._new if id(r) not in self._done]
        resources += [r for r in self._base.resources if id(r) not in self._done]
        if self._refreshed:
            resources = without_dangling_references(resources)
        kept = [o for o in self._base.pending_operations if o.kind is PendingKind.CREATING]
        return normalized(
            Snapshot(
                manifest=Manifest.of_this_engine(self._now()),
                secrets_provider=self._base.secrets_provider,
                resources=resources,
                pending_operations=[*self._pending.values(), *kept],
                metadata=self._base.metadata,
                extra=self._base.extra,
            )
        )


def _differ(old: Resource, new: Resource) -> bool:
    """Whether an unchanged resource has recorded options or outputs that changed."""
    plain = (
        "urn",
        "type",
        "custom",
        "custom_timeouts",
        "retain_on_delete",
        "provider",
        "parent",
        "deleted_with",
        "replace_with",
        "protect",
        "resource_hooks",
    )
    return (
        any(getattr(old, name) != getattr(new, name) for name in plain)
        or not same(old.inputs, new.inputs)
        or not same(old.outputs, new.outputs)
        or sorted(old.dependencies) != sorted(new.dependencies)
        or not same(old.replacement_trigger, new.replacement_trigger)
    )
