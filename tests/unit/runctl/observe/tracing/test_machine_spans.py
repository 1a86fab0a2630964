"""What machines recorded: untrusted parts, and the spans of the machines themselves."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.agent_stand_ins import MemoryStore

from runctl_auto.agent.tracing.spans import SpanContext, machine_span
from runctl_auto.agent.tracing.trace_contract import span_part_key, traced_key
from runctl_auto.agent.untrusted import UnreadableError
from runctl_auto.observe.tracing.machine_spans import (
    machines_own_spans,
    new_parts,
    read_part,
    read_traced,
    write_traced,
)

TRACE = "a" * 32
PARENT = SpanContext(TRACE, "b" * 16)


def span(**fields: object) -> dict[str, Any]:
    return {
        "id": "1" * 16,
        "parent": "2" * 16,
        "name": "run",
        "start_us": 10,
        "end_us": 20,
        "error": None,
        "attributes": {},
        "events": [],
        **fields,
    }


def part(*spans: object, **fields: object) -> bytes:
    whole = {"schema": 1, "trace": TRACE, "run": "r1", "machine": "i-1", "spans": list(spans), **fields}
    return json.dumps(whole).encode()


def machine(identity: str, **fields: object) -> dict[str, Any]:
    return {
        "id": identity,
        "type": "g5.xlarge",
        "zone": "us-east-1a",
        "market": "spot",
        "launched_at": "2026-11-30T10:00:00.000Z",
        "seen_at": "2026-11-30T10:05:00.000Z",
        "ended_at": None,
        **fields,
    }


@pytest.mark.parametrize(
    "content",
    [
        part(trace="c" * 32),
        part(machine="i-2"),
        part(schema=2),
        part(3),
        part(span(id="x")),
        part(span(parent="../..")),
        part(span(start_us=2**63 - 1)),
        part(span(start_us="now")),
        part(span(attributes={"a b": 1})),
        part(span(attributes={"a": {"b": 1}})),
        part(span(attributes={"a": None})),
        part(span(attributes={f"a{n}": n for n in range(21)})),
        part(span(error="two\nlines")),
        part(*[span()] * 1001),
        b"\xff",
        b"",
    ],
)
def test_a_part_that_is_not_what_an_agent_writes_is_refused(content: bytes) -> None:
    with pytest.raises(UnreadableError):
        read_part(content, TRACE, "i-1")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda v: st.lists(v) | st.dictionaries(st.sampled_from(list(span())), v),
        max_leaves=8,
    )
)
def test_whatever_a_machine_writes_nothing_else_is_raised(value: object) -> None:
    for content in (
        part(value),
        part(span(attributes=value)),
        part(span(events=value)),
        part(span(name=value)),
    ):
        try:
            read_part(content, TRACE, "i-1")
        except UnreadableError:
            continue


def test_a_span_cannot_end_before_it_begins_and_long_names_are_cut() -> None:
    (found,) = read_part(part(span(end_us=5, name="x" * 1000)), TRACE, "i-1")
    assert found.end_ns == found.start_ns
    assert len(found.name) == 300


def test_the_next_machine_is_linked_to_the_one_that_vanished() -> None:
    machines = [machine("i-1"), machine("i-2", ended_at="2026-11-30T10:06:00.000Z")]
    first, second = [each for _, each in machines_own_spans(machines, PARENT, "r1", ended=True)]
    assert (first.error, second.error) == ("vanished", None)
    assert first.context == machine_span(TRACE, "r1", "i-1")
    assert (first.links, second.links) == ((), (first.context,))
    assert {first.parent, second.parent} == {PARENT.span}
    assert (first.end_ns or 0) - first.start_ns == 300 * 10**9
    assert (second.end_ns or 0) - second.start_ns == 360 * 10**9
    assert second.attributes["machine"] == "i-2"
    assert second.attributes["number"] == 2


def test_a_machine_that_runs_has_no_span_yet() -> None:
    found = machines_own_spans([machine("i-1"), machine("i-2")], PARENT, "r1", ended=False)
    assert [identity for identity, _ in found] == ["i-1"]


def test_a_last_machine_without_a_last_word_has_not_vanished_once_the_run_has_ended() -> None:
    ((_, found),) = machines_own_spans([machine("i-1")], PARENT, "r1", ended=True)
    assert found.error is None


def test_parts_are_read_from_where_the_last_command_stopped_and_bad_ones_are_left_out() -> None:
    store = MemoryStore()
    for number, content in enumerate((part(span(name="old")), b"no", part(span(name="new")))):
        store.put(span_part_key("r1", "i-1", number), content)
    store.put("runs/r1/traces/i-1/other.json", part(span(name="other")))
    found, following = new_parts(store, "r1", "i-1", TRACE, after=1)
    assert ([each.name for each in found], following) == (["new"], 3)
    assert new_parts(store, "r1", "i-1", TRACE, after=3) == ([], 3)


def test_what_was_sent_on_is_remembered() -> None:
    store = MemoryStore()
    assert read_traced(store, "r1") == {"parts": {}, "machines": []}
    write_traced(store, "r1", {"parts": {"i-1": 3}, "machines": ["i-1"]})
    assert read_traced(store, "r1") == {"parts": {"i-1": 3}, "machines": ["i-1"]}
    store.put(traced_key("r1"), b"broken")
    assert read_traced(store, "r1") == {"parts": {}, "machines": []}
