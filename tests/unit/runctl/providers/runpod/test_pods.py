"""Pods at the first candidate that takes them, and their ends."""

from __future__ import annotations

from datetime import timezone

import pytest
from support.runpod_account import A40, RunpodUnderTest

from runctl_auto.errors import AccessDeniedError, BalanceSpentError, CloudError, PlacementRefusedError
from runctl_auto.providers.runpod.pods import as_machine, create_pod, end_pod, find_pod

POD = {"name": "runctl-p", "image": "python:3.12", **A40}
KANSAS, ROMANIA = {"dataCenterIds": ["US-KS-2"]}, {"dataCenterIds": ["EU-RO-1"]}


def test_the_first_candidate(runpod: RunpodUnderTest) -> None:
    pod = create_pod(runpod.client, POD, [KANSAS, ROMANIA])
    machine = as_machine(pod["id"], find_pod(runpod.client, pod["id"]))
    assert (machine.zone, machine.type, machine.state) == ("US-KS-2", "nvidia-a40.1", "pending")
    assert machine.launched_at is not None
    assert machine.launched_at.tzinfo == timezone.utc


def test_without_capacity_the_next_one(runpod: RunpodUnderTest) -> None:
    runpod.fail("no-capacity", dataCenterIds="US-KS-2")
    assert create_pod(runpod.client, POD, [KANSAS, ROMANIA])["dataCenterId"] == "EU-RO-1"


def test_a_closed_pool_is_left_for_the_next_one(runpod: RunpodUnderTest) -> None:
    runpod.fail("forbidden", operation="POST /v2/pods")
    assert create_pod(runpod.client, POD, [KANSAS, ROMANIA])["dataCenterId"] == "EU-RO-1"


def test_refused_everywhere_the_request_may_be_wrong(runpod: RunpodUnderTest) -> None:
    runpod.fail("no-capacity", times=2)
    with pytest.raises(PlacementRefusedError, match="All 2 candidates were refused"):
        create_pod(runpod.client, POD, [KANSAS, ROMANIA])
    assert runpod.account.all("pods") == []


def test_closed_everywhere(runpod: RunpodUnderTest) -> None:
    runpod.fail("forbidden", times=2, operation="POST /v2/pods")
    with pytest.raises(AccessDeniedError):
        create_pod(runpod.client, POD, [KANSAS, ROMANIA])


def test_a_spent_balance_ends_the_search(runpod: RunpodUnderTest) -> None:
    runpod.fail("balance-spent", operation="POST /v2/pods")
    with pytest.raises(BalanceSpentError):
        create_pod(runpod.client, POD, [KANSAS, ROMANIA])
    assert [each for each in runpod.application.seen if each == "POST /v2/pods"] == ["POST /v2/pods"]


def test_ending_is_idempotent(runpod: RunpodUnderTest) -> None:
    pod = create_pod(runpod.client, POD, [KANSAS])
    for _ in range(2):
        end_pod(runpod.client, pod["id"])
    assert runpod.hosts.ended == [pod["id"]]
    assert as_machine(pod["id"], find_pod(runpod.client, pod["id"])).has_ended


def test_a_failure_after_the_end_is_an_end(runpod: RunpodUnderTest) -> None:
    pod = create_pod(runpod.client, POD, [KANSAS])
    runpod.fail("failing-after", operation="DELETE /v2/pods/{id}")
    end_pod(runpod.client, pod["id"])
    assert runpod.account.all("pods") == []


def test_a_pod_of_a_cluster_is_not_ended(runpod: RunpodUnderTest) -> None:
    pod = create_pod(runpod.client, POD, [KANSAS])
    runpod.account._items["pods"][pod["id"]]["cluster"] = {"id": "c"}
    with pytest.raises(CloudError) as caught:
        end_pod(runpod.client, pod["id"])
    assert caught.value.code == "409"


def test_a_pod_that_exited_is_a_machine_that_ended_and_a_pod_that_is_not_used_again(
    runpod: RunpodUnderTest,
) -> None:
    pod = create_pod(runpod.client, POD, [KANSAS])
    runpod.application.tell(pod["id"], "EXITED")
    found = find_pod(runpod.client, pod["id"])
    machine = as_machine(pod["id"], found)
    assert found is not None
    assert found["cost"] == 0.0
    assert (machine.state, machine.reason) == ("terminated", "the container has exited")
    again = create_pod(runpod.client, POD, [KANSAS])
    assert [each["id"] for each in runpod.account.all("pods")] == [again["id"]]
    assert runpod.hosts.ended == [pod["id"]]
