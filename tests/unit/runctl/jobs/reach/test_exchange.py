"""What a command is given and gives back by way of the bucket."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.agent_stand_ins import MemoryStore

from runctl_auto.agent.reach.reach_contract import (
    ExecRequestJson,
    exec_input_key,
    exec_part_key,
    exec_request_key,
    exec_signal_key,
)
from runctl_auto.errors import RemoteCommandError
from runctl_auto.jobs.reach.exchange import Exchange

RUN, ID = "0123456789", "abc"
REQUEST: ExecRequestJson = {"schema": 1, "argv": ["ls"], "timeout_seconds": None, "has_input": True}


class Written(dict[str, bytes]):
    def __call__(self, stream: str, data: bytes) -> None:
        self[stream] = self.get(stream, b"") + data


def exchange(store: MemoryStore) -> tuple[Exchange, Written]:
    written = Written()
    return Exchange(store, RUN, ID, written), written


def result(**changes: Any) -> str:
    empty = {"bytes": 0, "parts": 0, "inline": None, "cut": False}
    whole = {"schema": 1, "code": 0, "timed_out": False, "note": None, "out": empty, "err": empty}
    return json.dumps({**whole, **changes})


def test_the_request_and_its_input_are_offered_under_the_machines_eyes_alone() -> None:
    store = MemoryStore()
    digest = exchange(store)[0].offer(REQUEST, b"given")
    content = store.objects[exec_request_key(RUN, ID)]
    assert (json.loads(content), digest) == (REQUEST, hashlib.sha256(content).hexdigest())
    assert store.objects[exec_input_key(RUN, ID)] == b"given"
    assert all(key.startswith(f"runs/{RUN}/control/") for key in store.objects)


@given(st.lists(st.binary(min_size=1, max_size=9), max_size=6), st.integers(0, 6))
def test_parts_are_written_once_and_in_order(parts: list[bytes], early: int) -> None:
    store = MemoryStore()
    found, written = exchange(store)
    for number, part in enumerate(parts):
        if number == early:
            found.take_parts()
        store.objects[exec_part_key(RUN, ID, "out", number)] = part
    told = {"bytes": 1, "parts": len(parts), "inline": None, "cut": False}
    found.take_result(result(out=told))
    assert written.get("out", b"") == b"".join(parts)


def test_a_small_result_holds_its_output() -> None:
    found, written = exchange(MemoryStore())
    told = {"bytes": 2, "parts": 0, "inline": base64.b64encode(b"\xff\n").decode(), "cut": False}
    assert found.take_result(result(err=told, code=3))["code"] == 3
    assert written == {"err": b"\xff\n"}


def test_a_part_that_is_missing_is_told() -> None:
    told = {"bytes": 2, "parts": 1, "inline": None, "cut": False}
    with pytest.raises(RemoteCommandError, match="missing"):
        exchange(MemoryStore())[0].take_result(result(out=told))


@pytest.mark.parametrize("text", ["", "no json", "[]", '{"code": 1}', result(code="x"), result(out=[])])
def test_an_answer_that_is_none_is_told(text: str) -> None:
    with pytest.raises(RemoteCommandError, match="cannot be read"):
        exchange(MemoryStore())[0].take_result(text)


def test_signals_are_numbered() -> None:
    store = MemoryStore()
    found, _ = exchange(store)
    found.signal("INT")
    found.signal("KILL")
    assert [store.objects[exec_signal_key(RUN, ID, number)] for number in (0, 1)] == [b"INT", b"KILL"]


def test_nothing_is_left() -> None:
    store = MemoryStore()
    found, _ = exchange(store)
    found.offer(REQUEST, b"given")
    store.objects[exec_part_key(RUN, ID, "out", 0)] = b"part"
    store.objects["runs/other"] = b"kept"
    found.forget()
    assert list(store.objects) == ["runs/other"]
