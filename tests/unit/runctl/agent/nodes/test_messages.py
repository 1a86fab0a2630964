from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runctl_auto.agent.contract import Phase, Reason
from runctl_auto.agent.job.stopping import StopRequest
from runctl_auto.agent.nodes.messages import (
    MOST_LINE_BYTES,
    Lines,
    Place,
    Round,
    is_proof,
    line_of,
    outcome_as_json,
    proof,
    read_message,
    read_outcome,
    read_place,
    read_request,
    read_round,
    request_as_json,
    round_as_json,
)
from runctl_auto.agent.status import Outcome
from runctl_auto.agent.untrusted import UnreadableError

KEY = bytes(32)


@given(
    st.lists(st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=9)), max_size=5), st.data()
)
def test_messages_arrive_as_they_were_sent_however_they_are_cut(
    sent: list[dict[str, object]], data: st.DataObject
) -> None:
    content = b"".join(map(line_of, sent))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(content)), max_size=6)))
    lines = Lines()
    pieces = [content[start:end] for start, end in zip([0, *cuts], [*cuts, len(content)], strict=True)]
    assert [message for piece in pieces for message in lines.take(piece)] == sent


@pytest.mark.parametrize("line", [b"x", b"[]", b"1", b"\xff", b"[" * 5000, b'{"a":' * 9000])
def test_a_line_that_is_no_message(line: bytes) -> None:
    with pytest.raises(UnreadableError):
        read_message(line)


def test_a_line_without_an_end_is_not_kept_for_ever() -> None:
    lines = Lines()
    assert list(lines.take(b"x" * MOST_LINE_BYTES)) == []
    with pytest.raises(UnreadableError, match="too long"):
        list(lines.take(b"x"))


def test_a_round_of_the_most_nodes_fits_a_line() -> None:
    start = Round(1, tuple(Place(n, f"10.255.255.{n}", 8, "i-0123456789abcdef0") for n in range(64)), 29_999)
    line = line_of({"do": "start", **round_as_json(start)})
    assert read_round(read_message(line.strip())) == start


def test_what_is_told_is_read() -> None:
    outcome = Outcome(Phase.FAILED, Reason.COMMAND_FAILED, 3, "it failed")
    assert read_outcome(json.loads(json.dumps(outcome_as_json(outcome)))) == outcome
    request = StopRequest(Phase.STOPPED, Reason.DOWN, "stopped", 12.5)
    assert read_request(json.loads(json.dumps(request_as_json(request)))) == request


@pytest.mark.parametrize(
    "place", [None, {}, {"node": 64, "address": "10.0.0.1"}, {"node": 0, "address": "a b"}, {"node": True}]
)
def test_what_is_no_place(place: object) -> None:
    with pytest.raises(UnreadableError):
        read_place(place)


def test_only_those_who_know_the_key_can_prove_it() -> None:
    assert is_proof(KEY, proof(KEY, "nonce", "1"), "nonce", "1")
    assert not is_proof(KEY, proof(KEY, "nonce", "1"), "nonce", "2")
    assert not is_proof(KEY, proof(b"other", "nonce", "1"), "nonce", "1")
    assert not is_proof(KEY, None, "nonce", "1")
