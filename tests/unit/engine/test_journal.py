"""The record of steps on disk."""

from __future__ import annotations

import threading
from typing import Any
from unittest.mock import create_autospec

import pytest

from sandbox.engine.deploy.deployment import Deployment
from sandbox.engine.deploy.journal import Journal
from sandbox.engine.deploy.steps.base import Step
from sandbox.engine.deploy.steps.changing import CreateStep, DeleteStep
from sandbox.engine.deploy.steps.unchanged import SameStep
from sandbox.engine.model import Resource, Snapshot


class Disk:
    """Remembers what was written; may be slow, or full."""

    def __init__(self) -> None:
        self.written: list[Snapshot] = []
        self.free = threading.Event()
        self.free.set()
        self.begun = threading.Event()
        self.full = False

    def write(self, snapshot: Snapshot) -> None:
        self.begun.set()
        assert self.free.wait(10)
        if self.full:
            raise OSError("disk full")
        self.written.append(snapshot)

    def last(self) -> tuple[list[str], list[tuple[str, str]]]:
        snapshot = self.written[-1]
        pending = [(o.kind.value, o.resource.urn) for o in snapshot.pending_operations]
        return [r.urn for r in snapshot.resources], pending


@pytest.fixture
def disk() -> Disk:
    return Disk()


def journal_on(disk: Disk, *resources: Resource) -> Journal:
    return Journal(Snapshot(resources=list(resources)), disk, lambda: "2026-01-01T00:00:00Z")


def resource(name: str, **fields: Any) -> Resource:
    return Resource(f"urn:pulumi:s::p::t:t:T::{name}", "t:t:T", custom=True, id=name, **fields)


def create(new: Resource) -> Step:
    return CreateStep(create_autospec(Deployment, instance=True), None, new)


def delete(old: Resource) -> Step:
    return DeleteStep(create_autospec(Deployment, instance=True), old, None)


def same(old: Resource, new: Resource) -> Step:
    return SameStep(create_autospec(Deployment, instance=True), old, new)


def test_a_step_is_pending_before_and_a_resource_after(disk: Disk) -> None:
    journal, new = journal_on(disk), resource("a")
    journal.begin(create(new))
    assert disk.last() == ([], [("creating", new.urn)])
    journal.end(create(new), successful=True)
    assert disk.last() == ([new.urn], [])


def test_a_failed_step_leaves_nothing_pending(disk: Disk) -> None:
    journal, step = journal_on(disk), create(resource("a"))
    journal.begin(step)
    journal.end(step, successful=False)
    assert disk.last() == ([], [])


def test_a_deleted_resource_is_gone_afterwards(disk: Disk) -> None:
    old = resource("a")
    journal, step = journal_on(disk, old), delete(old)
    journal.begin(step)
    assert disk.last() == ([old.urn], [("deleting", old.urn)])
    journal.end(step, successful=True)
    assert disk.last() == ([], [])


def test_unchanged_resources_are_written_at_the_end_only(disk: Disk) -> None:
    old = resource("a", inputs={"x": 1})
    journal = journal_on(disk, old)
    journal.end(same(old, old.copy()), successful=True)
    assert disk.written == []
    journal.close()
    assert disk.last() == ([old.urn], [])


def test_an_unchanged_resource_with_changed_options_is_written(disk: Disk) -> None:
    old = resource("a")
    journal = journal_on(disk, old)
    journal.end(same(old, old.copy(protect=True)), successful=True)
    assert disk.written[-1].resources[0].protect


def test_steps_that_end_together_share_a_write(disk: Disk) -> None:
    journal = journal_on(disk)
    disk.free.clear()
    names = [str(i) for i in range(8)]
    threads = [threading.Thread(target=journal.end, args=(create(resource(n)), True)) for n in names]
    threads[0].start()
    assert disk.begun.wait(10)
    for thread in threads[1:]:
        thread.start()
    while len(journal.snapshot().resources) < len(names):
        threading.Event().wait(0)
    disk.free.set()
    for thread in threads:
        thread.join(10)
    assert len(disk.written) == 2
    assert len(disk.written[-1].resources) == 8


def test_a_full_disk_fails_every_step_from_then_on(disk: Disk) -> None:
    journal = journal_on(disk)
    disk.full = True
    for name in ("a", "b"):
        with pytest.raises(OSError, match="disk full"):
            journal.begin(create(resource(name)))


def test_a_state_that_would_be_broken_is_not_written(disk: Disk) -> None:
    journal = journal_on(disk)
    with pytest.raises(ValueError, match="refers to missing resource"):
        journal.end(create(resource("a", dependencies=["urn:nobody"])), successful=True)
    assert disk.written == []


def test_a_frozen_journal_keeps_what_was_in_flight_pending(disk: Disk) -> None:
    journal, step = journal_on(disk), create(resource("a"))
    journal.begin(step)
    journal.freeze()
    journal.end(step, successful=False)
    journal.close()
    assert disk.last()[1] == [("creating", step.urn)]
