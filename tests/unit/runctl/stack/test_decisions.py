"""Decisions come back as they were kept; anything else is refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.job_stacks import stack_config

from runctl_auto.errors import ProgramError
from runctl_auto.stack.decisions import MOST_DECISIONS_BYTES, Decisions, parse_decisions


@pytest.mark.parametrize("rerun", [None, "2"])
def test_they_come_back(rerun: str | None) -> None:
    kept = Decisions(stack_config(), "dev", rerun)
    assert parse_decisions(kept.to_text().encode(), "bucket") == kept


def damaged() -> st.SearchStrategy[bytes]:
    whole = Decisions(stack_config(), "dev").to_text()
    keys = list(json.loads(whole))
    return st.one_of(
        st.binary(max_size=200),
        st.integers(0, len(whole) - 1).map(lambda end: whole[:end].encode()),
        st.sampled_from(keys).map(
            lambda key: json.dumps({k: v for k, v in json.loads(whole).items() if k != key}).encode()
        ),
        st.tuples(st.sampled_from(keys), st.sampled_from([7, [], {}, {"runctl:job": "{}"}])).map(
            lambda change: json.dumps({**json.loads(whole), change[0]: change[1]}).encode()
        ),
        st.just(b"[" * 100_000),
        st.just(b" " * (MOST_DECISIONS_BYTES + 1)),
    )


@given(damaged())
def test_nothing_else_is_read(content: bytes) -> None:
    with pytest.raises(ProgramError, match="cannot be read"):
        parse_decisions(content, "bucket")
