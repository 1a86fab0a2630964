"""The spans of a machine in the bucket: numbered parts, kept while the store fails, read back as written."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.agent_stand_ins import MemoryStore

from runctl_auto.agent.errors import AgentError
from runctl_auto.agent.tracing.span_parts import MOST_WAITING, MachineTrace, machine_trace
from runctl_auto.agent.tracing.spans import SpanContext, machine_span
from runctl_auto.agent.tracing.trace_contract import span_part_key
from runctl_auto.observe.tracing.machine_spans import read_part

PARENT = SpanContext("a" * 32, "b" * 16)


def traced(store: MemoryStore, folder: Path) -> MachineTrace:
    return machine_trace(PARENT, store, run="r1", machine="i-1", folder=folder, clock=lambda: 1_800_000_000.5)


def test_what_a_machine_records_is_read_back(tmp_path: Path) -> None:
    store = MemoryStore()
    trace = traced(store, tmp_path)
    trace.recorder.stage("run", start_ns=1_799_999_999 * 10**9)
    save = trace.recorder.begin(
        "save checkpoint", {"checkpoint": "00000003", "bytes": 5, "ratio": 0.5, "whole": True}
    )
    trace.recorder.end(save, OSError("secret"))
    trace.end(store)
    found = read_part(store.objects[span_part_key("r1", "i-1", 0)], PARENT.trace, "i-1")
    assert [each.name for each in found] == ["save checkpoint", "run"]
    assert found[0].parent == found[1].context.span
    assert found[0].attributes == {"checkpoint": "00000003", "bytes": 5, "ratio": 0.5, "whole": True}
    assert found[0].error == "OSError"
    assert found[1].parent == machine_span(PARENT.trace, "r1", "i-1").span
    assert found[1].start_ns == 1_799_999_999 * 10**9
    assert {each.scope for each in found} == {"agent"}
    assert b"secret" not in b"".join(store.objects.values())


def test_nothing_is_stored_where_nothing_was_recorded(tmp_path: Path) -> None:
    store = MemoryStore()
    traced(store, tmp_path).parts.ship()
    assert not store.objects


def test_spans_wait_while_the_store_fails_and_an_agent_started_again_goes_on_counting(tmp_path: Path) -> None:
    store = MemoryStore()
    trace = traced(store, tmp_path)
    trace.recorder.end(trace.recorder.begin("first"))
    broken = MemoryStore()
    broken.put = _refuse  # type: ignore[method-assign]
    with pytest.raises(AgentError):
        trace.parts.ship(broken)
    trace.parts.ship()
    again = traced(store, tmp_path)
    again.recorder.end(again.recorder.begin("second"))
    again.parts.ship()
    names = [
        [
            each.name
            for each in read_part(store.objects[span_part_key("r1", "i-1", number)], PARENT.trace, "i-1")
        ]
        for number in (0, 1)
    ]
    assert names == [["first"], ["second"]]


def test_a_machine_whose_store_is_away_keeps_only_so_many(tmp_path: Path) -> None:
    store = MemoryStore()
    trace = traced(store, tmp_path)
    for _ in range(MOST_WAITING + 10):
        trace.recorder.end(trace.recorder.begin("x"))
    trace.parts.ship()
    assert len(read_part(store.objects[span_part_key("r1", "i-1", 0)], PARENT.trace, "i-1")) == MOST_WAITING


def _refuse(*_: object, **__: object) -> None:
    raise AgentError("away")
