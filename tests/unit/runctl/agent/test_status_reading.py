"""A status as a machine may have written it."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from support.hostile_objects import RUN, STATUS

from runctl_auto.agent.contract import MOST_STATUS_BYTES
from runctl_auto.agent.status_reading import read_status
from runctl_auto.agent.untrusted import UnreadableError


def read(**changes: Any) -> dict[str, Any]:
    return dict(read_status(json.dumps({**copy.deepcopy(STATUS), **changes}).encode(), RUN))


def test_all_that_an_agent_writes_is_read() -> None:
    assert read() == STATUS


def test_what_nobody_knows_is_left_out_and_what_is_missing_is_empty() -> None:
    assert read(of_a_later_version={"a": 1}) == STATUS
    found = read_status(b'{"schema": 1, "phase": "running"}', RUN)
    assert (found["phase"], found["unsaved"], found["started_at"]) == ("running", [], None)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("schema", True),
        ("schema", 2),
        ("schema", 1.0),
        ("phase", "lost"),
        ("phase", ["running"]),
        ("run", "of another"),
        ("attempt", 0),
        ("instance", "i-1 --help"),
        ("instance", ["i-1"]),
        ("exit_code", 256),
        ("exit_code", -1),
        ("exit_code", "3"),
        ("reason", "a\nreason"),
        ("reason", {}),
        ("message", 7),
        ("started_at", "2026-11-22T11:00:00"),
        ("updated_at", 1e9),
        ("ended_at", "yesterday"),
        ("phases", {"run": -1e9}),
        ("phases", {"run": 1e300}),
        ("phases", {"run": "12"}),
        ("phases", {"a\x1b": 1}),
        ("phases", [1]),
        ("phases", {f"p{'x' * number}": 1 for number in range(30)}),
        ("resumed_from", "../1"),
        ("checkpoints", {"count": -1}),
        ("checkpoints", {"count": 1, "last": "²²²²²²²²"}),
        ("checkpoints", 7),
        ("artifacts", {"files": 1}),
        ("log_parts", 10**8),
        ("unsaved", {}),
        ("unsaved", [{"what": "artifacts"}]),
        ("unsaved", [{"what": "unknown", "why": "x"}]),
        ("unsaved", [{"what": "artifacts", "why": "x"}] * 101),
        ("suspect", {"sequence": "00000001"}),
        ("resumes", [{"failure": None}]),
        ("data", {"files": 1}),
        ("tries", {}),
        ("tries", [{"number": 1}]),
        ("tries", [{**STATUS["tries"][0], "number": 0}]),
        ("tries", [{**STATUS["tries"][0], "started_at": "yesterday"}]),
        ("tries", [{**STATUS["tries"][0], "reason": "a\nreason"}]),
        ("tries", STATUS["tries"] * 101),
        ("metrics", []),
        ("metrics", {"training": STATUS["metrics"]["training"] * 9, "machine": None}),
        ("metrics", {"training": [{**STATUS["metrics"]["training"][0], "name": ""}], "machine": None}),
        ("metrics", {"training": [{**STATUS["metrics"]["training"][0], "value": "much"}], "machine": None}),
        ("metrics", {"training": [], "machine": {**STATUS["metrics"]["machine"], "cpu": 1.5}}),
        ("metrics", {"training": [], "machine": {**STATUS["metrics"]["machine"], "memory": -1}}),
        ("machines", [{"id": "i-1"}]),
        ("machines", [{**STATUS["machines"][0], "id": "i-1 --help"}]),
        ("machines", [{**STATUS["machines"][0], "zone": ["a"]}]),
        ("machines", [{**STATUS["machines"][0], "seen_at": None}]),
        ("machines", [{**STATUS["machines"][0], "price_hour": -1}]),
        ("machines", STATUS["machines"] * 201),
    ],
    ids=str,
)
def test_a_value_that_it_cannot_have_makes_it_unreadable(field: str, value: object) -> None:
    with pytest.raises(UnreadableError):
        read(**{field: value})


def test_it_has_a_size() -> None:
    with pytest.raises(UnreadableError, match="larger"):
        read(message="x" * MOST_STATUS_BYTES)


def test_texts_for_people_are_cut() -> None:
    found = read(message="x" * 5000, unsaved=[{"what": "artifacts", "path": "p" * 5000, "why": "w" * 5000}])
    assert (len(found["message"]), len(found["unsaved"][0]["path"])) == (2000, 300)
