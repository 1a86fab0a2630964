"""What of a state stands for something in the cloud."""

from __future__ import annotations

from typing import Any

import pytest

from runctl_auto.stack.state import parse_state

VOLUME = {
    "urn": "urn:pulumi:j::runctl::t::j-data",
    "type": "aws:ebs/volume:Volume",
    "id": "vol-1",
    "custom": True,
}


@pytest.mark.parametrize(
    ("changes", "in_cloud"),
    [
        ({}, True),
        ({"delete": True}, True),
        ({"external": True}, False),
        ({"custom": False}, False),
        ({"type": "pulumi:providers:aws"}, False),
        ({"pendingReplacement": True}, False),
    ],
)
def test_what_is_in_the_cloud(changes: dict[str, Any], in_cloud: bool) -> None:
    state = parse_state({"resources": [{**VOLUME, **changes}]})
    assert bool(state.in_cloud()) is in_cloud


def test_an_interrupted_replacement_is_still_known() -> None:
    state = parse_state({"resources": [{**VOLUME, "pendingReplacement": True}]})
    assert [each.pending_replacement for each in state.resources] == [True]
