"""What schedules ask of the provider beyond a plain life."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox.aws.provider import operations
from sandbox.aws.provider.checking import check
from sandbox.aws.provider.cloud import Cloud
from sandbox.aws.provider.cloud_error import CloudError, RefusedError
from sandbox.aws.provider.registry import resource_types
from sandbox.aws.provider.resource import Known
from sandbox.aws.provider.wire import Unknown

SCHEDULE = resource_types()["aws:scheduler/schedule:Schedule"]
TARGET = {
    "arn": "arn:aws:scheduler:::aws-sdk:ec2:terminateInstances",
    "roleArn": "arn:aws:iam::123456789012:role/r",
    "input": json.dumps({"InstanceIds": ["i-1"]}),
}
GIVEN: dict[str, Any] = {
    "name": "end",
    "groupName": "ours",
    "scheduleExpression": "at(2030-01-01T00:00:00)",
    "flexibleTimeWindow": {"mode": "OFF"},
    "target": TARGET,
}


def checked(**changes: Any) -> tuple[dict[str, Any], list[Any]]:
    return check(SCHEDULE, "end", given={**GIVEN, **changes}, before={}, default_tags={}, seed=b"")


def test_the_id_is_group_and_name(mocked_cloud: Cloud) -> None:
    mocked_cloud.call("scheduler", "create_schedule_group", Name="ours")
    inputs, problems = checked()
    assert problems == []
    made = operations.create(SCHEDULE, mocked_cloud, mocked_cloud, inputs)
    assert made.identifier == "ours/end"
    assert made.outputs["target"]["retryPolicy"] == {
        "maximumEventAgeInSeconds": 86400,
        "maximumRetryAttempts": 185,
    }
    assert made.outputs["actionAfterCompletion"] == "NONE"


@pytest.mark.parametrize("identifier", ["end", "/end", "ours/", "a/b/c"])
def test_another_id_is_refused(mocked_cloud: Cloud, identifier: str) -> None:
    with pytest.raises(RefusedError, match="schedule-group-name/schedule-name"):
        SCHEDULE.read(mocked_cloud, identifier, Known())


@pytest.mark.parametrize(
    "change", [{"target": {**TARGET, "sqsParameters": {"messageGroupId": "1"}}}, {"kmsKeyArn": "arn:k"}]
)
def test_what_the_sandbox_does_not_do_is_refused_by_name(change: dict[str, Any]) -> None:
    _, problems = checked(**change)
    assert any("not supported" in each.reason for each in problems)


@pytest.mark.parametrize("key", ["name", "groupName"])
def test_names_have_at_most_64_characters(key: str) -> None:
    assert checked(**{key: "x" * 64})[1] == []
    assert [each.input for each in checked(**{key: "x" * 65})[1]] == [key]
    assert checked(**{key: Unknown()})[1] == []


def test_a_role_that_iam_has_not_told_of_yet_is_waited_for(
    mocked_cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusals = [
        CloudError(
            "creating it", "ValidationException", "must allow AWS EventBridge Scheduler to assume the role."
        )
    ] * 2
    answers: list[str] = []

    def call(self: Cloud, service: str, operation: str, doing: str = "", **parameters: Any) -> dict[str, Any]:
        answers.append(operation)
        if refusals:
            raise refusals.pop()
        return {"ScheduleArn": "arn:aws:scheduler:us-west-2:1:schedule/ours/end"}

    monkeypatch.setattr(Cloud, "call", call)
    assert SCHEDULE.create(mocked_cloud, checked()[0]) == "ours/end"
    assert answers == ["create_schedule"] * 3


def test_another_refusal_is_not_repeated(mocked_cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[str] = []

    def call(self: Cloud, service: str, operation: str, doing: str = "", **parameters: Any) -> dict[str, Any]:
        answers.append(operation)
        raise CloudError(doing, "ValidationException", "no such zone")

    monkeypatch.setattr(Cloud, "call", call)
    with pytest.raises(CloudError, match="no such zone"):
        SCHEDULE.create(mocked_cloud, checked()[0])
    assert len(answers) == 1
