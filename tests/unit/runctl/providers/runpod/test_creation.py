"""What has a name is made once, whatever fails meanwhile."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.runpod_account import RunpodUnderTest

from runctl_auto.errors import CloudError, UnreachableError
from runctl_auto.providers.runpod.creation import NETWORK_VOLUMES, PODS, SECRETS, create_named

VOLUME = {"name": "runctl-v", "size": 10, "dataCenter": "US-KS-2"}


def test_twice_is_once(runpod: RunpodUnderTest) -> None:
    first = create_named(runpod.client, NETWORK_VOLUMES, VOLUME)
    assert create_named(runpod.client, NETWORK_VOLUMES, VOLUME) == first
    assert len(runpod.account.all("networkVolumes")) == 1


def test_what_was_made_although_it_failed_is_found(runpod: RunpodUnderTest) -> None:
    runpod.fail("failing-after", operation="POST /v2/network-volumes")
    made = create_named(runpod.client, NETWORK_VOLUMES, VOLUME)
    assert [each["id"] for each in runpod.account.all("networkVolumes")] == [made["id"]]


def test_what_was_not_made_is_made_at_last(runpod: RunpodUnderTest) -> None:
    runpod.fail("failing", times=2, operation="POST /v2/network-volumes")
    create_named(runpod.client, NETWORK_VOLUMES, VOLUME)
    assert len(runpod.account.all("networkVolumes")) == 1


def test_in_the_end_it_gives_up(runpod: RunpodUnderTest) -> None:
    runpod.fail("failing", times=99, operation="POST /v2/network-volumes")
    with pytest.raises(UnreachableError):
        create_named(runpod.client, NETWORK_VOLUMES, VOLUME)
    assert runpod.account.all("networkVolumes") == []


def test_two_of_one_name_are_nobodys(runpod: RunpodUnderTest) -> None:
    for _ in range(2):
        runpod.account.create_volume({**VOLUME})
    with pytest.raises(CloudError, match="several networkVolumes named runctl-v"):
        create_named(runpod.client, NETWORK_VOLUMES, VOLUME)


def test_the_value_of_a_secret_is_never_shown(runpod: RunpodUnderTest) -> None:
    made = create_named(runpod.client, SECRETS, {"name": "runctl-s", "value": "hidden"})
    assert "hidden" not in str(made) + str(SECRETS.all(runpod.client))


def test_pods_of_clusters_are_listed_too(runpod: RunpodUnderTest) -> None:
    PODS.all(runpod.client)
    assert runpod.sent[-1][1].endswith("?includeClusterPods=true")


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["failing", "failing-after", "throttled"]), max_size=3))
def test_whatever_fails_there_is_one(runpod: RunpodUnderTest, kinds: list[str]) -> None:
    for volume in runpod.account.all("networkVolumes"):
        runpod.account.delete("networkVolumes", volume["id"])
    runpod.control("DELETE", "faults")
    for kind in kinds:
        runpod.fail(kind, operation="POST /v2/network-volumes")
    create_named(runpod.client, NETWORK_VOLUMES, VOLUME)
    assert len(runpod.account.all("networkVolumes")) == 1
