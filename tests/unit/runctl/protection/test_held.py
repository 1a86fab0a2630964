"""What of a job can be protected, found in its state and by what a person calls it."""

from __future__ import annotations

import pytest
from support.held_resources import held_state
from support.job_stacks import network_volume_state, stack_state

from runctl_auto.errors import UsageError
from runctl_auto.protection.held import find_held, held_in

STATE = held_state("digits", volumes={"data": True, "cache": False}, bucket=False)


def test_a_component_and_all_in_it_count_as_one() -> None:
    held = {each.name: each for each in held_in("digits", STATE)}
    assert set(held) == {"data", "cache", "bucket"}
    assert held["data"].protected
    assert not held["cache"].protected
    assert (held["data"].zone, held["data"].size_gb, held["data"].snapshot) == ("us-east-1b", 100, None)
    assert len(held["data"].urns) == 2
    assert any("BucketPolicy" in urn for urn in held["bucket"].urns), "a bucket keeps its guards"
    assert not any("BucketObject" in urn for urn in held["bucket"].urns), "its content is the job's"


@pytest.mark.parametrize("text", ["data", "vol-data", "digits-data", "volume:data"])
def test_a_volume_is_found_by_any_of_its_names(text: str) -> None:
    assert find_held(text, "digits", STATE).key == "volume:data"


@pytest.mark.parametrize("text", ["bucket", "runctl-digits-artifacts-1"])
def test_the_bucket_is_found(text: str) -> None:
    assert find_held(text, "digits", STATE).key == "bucket"


def test_what_is_not_there_is_answered_with_what_is() -> None:
    with pytest.raises(UsageError, match="nothing called 'date'") as refused:
        find_held("date", "digits", STATE)
    assert "data (vol-data)" in str(refused.value.next_step)


def test_a_volume_called_bucket_is_told_from_the_bucket() -> None:
    state = held_state("digits", volumes={"bucket": True}, bucket=False)
    assert find_held("volume:bucket", "digits", state).kind == "volume"


def test_an_old_copy_that_waits_for_deletion_is_none_of_it() -> None:
    state = held_state("digits", volumes={"data": True}, bucket=False, replaced=("data",))
    assert [each.name for each in held_in("digits", state) if each.kind == "volume"] == ["data"]
    assert find_held("data", "digits", state).id == "vol-data"


def test_a_network_volume_is_found_like_any_volume() -> None:
    held = find_held("nv-data", "digits", stack_state(network_volume_state()))
    assert (held.key, held.zone, held.size_gb, held.protected) == ("volume:data", "EU-RO-1", 100, False)
    assert len(held.urns) == 1
