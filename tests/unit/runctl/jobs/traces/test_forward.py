"""What machines recorded goes into the trace of a later command, once, and never makes it fail."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest.mock import create_autospec

from support.agent_stand_ins import MemoryStore
from support.job_stacks import RUN, stack_config

from runctl_auto.agent.errors import AgentError
from runctl_auto.agent.status_format import new_status
from runctl_auto.agent.store.store import ChangeableStore
from runctl_auto.agent.tracing.span_parts import machine_trace
from runctl_auto.agent.tracing.spans import Recorder, Span, SpanContext, machine_span, recording
from runctl_auto.agent.tracing.trace_contract import traced_key
from runctl_auto.jobs.traces.forward import forward_spans
from runctl_auto.run.status import RunStatus, status_of

PARENT = SpanContext("a" * 32, "b" * 16)
TRACED = stack_config(trace=str(PARENT))


def status(*machines: tuple[str, str | None], phase: str = "succeeded") -> RunStatus:
    found = new_status("digits", RUN.id, "2026-11-30T10:00:00.000Z")
    found["phase"] = phase
    found["machines"] = [
        {
            "id": identity,
            "type": None,
            "zone": None,
            "market": None,
            "launched_at": "2026-11-30T10:00:00.000Z",
            "seen_at": "2026-11-30T10:05:00.000Z",
            "ended_at": ended,
            "price_hour": None,
        }
        for identity, ended in machines
    ]
    return status_of(RUN.id, found)


def record(store: MemoryStore, folder: Path, machine: str, name: str) -> None:
    trace = machine_trace(
        PARENT, store, run=RUN.id, machine=machine, folder=folder / machine, clock=lambda: 1.0
    )
    trace.recorder.end(trace.recorder.begin(name))
    trace.parts.ship()


def forwarded(store: Any, config: Any, found: RunStatus, **options: bool) -> tuple[list[Span], Recorder]:
    taken: list[Span] = []
    own = Recorder(SpanContext("c" * 32, "d" * 16), taken.append)
    with recording(own):
        forward_spans(store, config, found, **options)
    return taken, own


def test_two_machines_are_in_the_trace_of_the_command_that_decided_the_run(tmp_path: Path) -> None:
    store = MemoryStore()
    record(store, tmp_path, "i-1", "save checkpoint")
    record(store, tmp_path, "i-2", "restore checkpoint")
    taken, _ = forwarded(store, TRACED, status(("i-1", None), ("i-2", "2026-11-30T10:06:00.000Z")))
    assert {each.context.trace for each in taken} == {PARENT.trace}
    first, second = [each for each in taken if each.name == "machine"]
    assert second.links == (first.context,)
    parents = {each.name: each.parent for each in taken}
    assert parents["save checkpoint"] == machine_span(PARENT.trace, RUN.id, "i-1").span
    assert parents["restore checkpoint"] == second.context.span
    assert parents["machine"] == PARENT.span


def test_what_has_arrived_is_not_sent_again_and_what_has_not_is(tmp_path: Path) -> None:
    store = MemoryStore()
    found = status(("i-1", None), phase="running")
    record(store, tmp_path, "i-1", "first")
    assert [each.name for each in forwarded(store, TRACED, found)[0]] == ["first"]
    taken, own = forwarded(store, TRACED, found)  # the first command's did not arrive
    assert [each.name for each in taken] == ["first"]
    for each in own.when_delivered:
        each()
    record(store, tmp_path, "i-1", "second")
    ended = status(("i-1", "2026-11-30T10:06:00.000Z"))
    assert [each.name for each in forwarded(store, TRACED, ended)[0]] == ["second", "machine"]


def test_a_command_that_deletes_the_bucket_remembers_nothing(tmp_path: Path) -> None:
    store = MemoryStore()
    record(store, tmp_path, "i-1", "first")
    _, own = forwarded(store, TRACED, status(("i-1", None)), remember=False)
    assert own.when_delivered == []
    assert traced_key(RUN.id) not in store.objects


def test_nobody_is_asked_unless_run_and_command_are_traced() -> None:
    store = create_autospec(ChangeableStore, instance=True)
    forward_spans(store, TRACED, status(("i-1", None)))
    assert forwarded(store, stack_config(), status(("i-1", None)))[0] == []
    assert store.mock_calls == []


def test_a_bucket_that_cannot_be_read_is_no_reason_to_fail() -> None:
    store = create_autospec(ChangeableStore, instance=True)
    store.object_sizes.side_effect = AgentError("away")
    assert forwarded(store, TRACED, status(("i-1", None)))[0] == []
