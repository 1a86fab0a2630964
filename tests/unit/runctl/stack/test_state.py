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


def test_what_a_resource_needs_is_its_parents_dependencies_and_provider_all_the_way() -> None:
    parts: dict[str, dict[str, Any]] = {
        "urn:stack": {},
        "urn:provider": {"parent": "urn:stack"},
        "urn:a": {"parent": "urn:stack", "provider": "urn:provider::1234"},
        "urn:b": {"dependencies": ["urn:a", "urn:gone"]},
        "urn:c": {"dependencies": ["urn:b"]},
    }
    state = parse_state({"resources": [{"urn": urn, "type": "t", **more} for urn, more in parts.items()]})
    assert state.needed_by(["urn:b"]) == {"urn:b", "urn:a", "urn:stack", "urn:provider"}
    assert state.needed_by(["urn:stack"]) == {"urn:stack"}
    assert state.needed_by([]) == state.needed_by(["urn:gone"]) == frozenset()


def test_outputs_that_are_secret_are_left_out() -> None:
    secret = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:x"}
    stack = {
        "urn": "urn:stack",
        "type": "pulumi:pulumi:Stack",
        "outputs": {"bucket": "b", "token": secret, "limits": {"hours": 1}, "none": None},
    }
    assert parse_state({"resources": [stack]}).plain_outputs() == {
        "bucket": "b",
        "limits": {"hours": 1},
        "none": None,
    }
    assert parse_state({}).plain_outputs() == {}
