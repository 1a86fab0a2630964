"""Schedules of EventBridge Scheduler."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sandbox.aws.provider.cloud import Cloud
from sandbox.aws.provider.cloud_error import CloudError, RefusedError
from sandbox.aws.provider.resource import Known, PhysicalName, Problem, Properties, ResourceType
from sandbox.aws.provider.schema import REGION, Change, Field, Kind, refused, replaces, table, updates

_GONE = "ResourceNotFoundException"
_DEFAULT_GROUP = "default"
_NOT_PROPAGATED = "must allow AWS EventBridge Scheduler to assume the role"
_PROPAGATION_SECONDS = 120.0
_LATE = "RoleNotPropagated"
_RETRY_POLICY = table(
    {
        "maximumEventAgeInSeconds": updates(Kind.INTEGER, default=86400),
        "maximumRetryAttempts": updates(Kind.INTEGER, default=185),
    }
)
_TARGET: Mapping[str, Field] = table(
    {
        "arn": updates(required=True),
        "deadLetterConfig": refused(Change.UPDATE),
        "ecsParameters": refused(Change.UPDATE),
        "eventbridgeParameters": refused(Change.UPDATE),
        "input": updates(),
        "kinesisParameters": refused(Change.UPDATE),
        "retryPolicy": updates(Kind.OBJECT, computed=True, fields=_RETRY_POLICY),
        "roleArn": updates(required=True),
        "sagemakerPipelineParameters": refused(Change.UPDATE),
        "sqsParameters": refused(Change.UPDATE),
    }
)
_WINDOW = table(
    {
        "maximumWindowInMinutes": updates(Kind.INTEGER),
        "mode": updates(required=True, allowed=("OFF", "FLEXIBLE")),
    }
)
_RETRY_NAMES = {
    "maximumEventAgeInSeconds": "MaximumEventAgeInSeconds",
    "maximumRetryAttempts": "MaximumRetryAttempts",
}


class Schedule(ResourceType):
    """`aws.scheduler.Schedule`. Its id is GROUP/NAME."""

    token = "aws:scheduler/schedule:Schedule"  # noqa: S105
    title = "EventBridge Scheduler Schedule"
    physical_name = PhysicalName("name", prefix="namePrefix", longest=64)
    inputs = table(
        {
            "actionAfterCompletion": updates(computed=True, allowed=("NONE", "DELETE")),
            "description": updates(),
            "endDate": refused(Change.UPDATE, "one-time schedules have none"),
            "flexibleTimeWindow": updates(Kind.OBJECT, required=True, fields=_WINDOW),
            "groupName": replaces(computed=True),
            "kmsKeyArn": refused(Change.UPDATE),
            "name": replaces(computed=True),
            "namePrefix": replaces(computed=True, told=False),
            "region": REGION,
            "scheduleExpression": updates(required=True),
            "scheduleExpressionTimezone": updates(default="UTC"),
            "startDate": refused(Change.UPDATE, "one-time schedules have none"),
            "state": updates(default="ENABLED", allowed=("ENABLED", "DISABLED")),
            "target": updates(Kind.OBJECT, required=True, fields=_TARGET),
        }
    )
    outputs = ("arn",)

    def check(self, inputs: Properties) -> Iterator[Problem]:
        for key in ("name", "groupName"):
            value = inputs.get(key)
            if isinstance(value, str) and not 1 <= len(value) <= 64:
                yield Problem(key, f"expected length of {key} to be in the range (1 - 64), got {value}")

    def create(self, cloud: Cloud, inputs: Properties) -> str:
        doing = f"creating {self.title} ({inputs['name']})"
        group = inputs.get("groupName") or None
        made = _once_propagated(
            cloud,
            lambda: cloud.call(
                "scheduler",
                "create_schedule",
                doing,
                Name=inputs["name"],
                GroupName=group,
                **_parameters(inputs),
            ),
        )
        return "/".join(str(made["ScheduleArn"]).rsplit("/", 2)[1:])

    def read(self, cloud: Cloud, identifier: str, known: Known) -> Properties | None:
        group, name = _parts(identifier)
        try:
            found = cloud.call(
                "scheduler",
                "get_schedule",
                f"reading {self.title} ({identifier})",
                GroupName=group,
                Name=name,
            )
        except CloudError as error:
            if error.code == _GONE:
                return None
            raise
        return {
            "actionAfterCompletion": found.get("ActionAfterCompletion") or "NONE",
            "arn": found["Arn"],
            "description": found.get("Description") or "",
            "flexibleTimeWindow": _without_nothing(
                {
                    "maximumWindowInMinutes": found["FlexibleTimeWindow"].get("MaximumWindowInMinutes"),
                    "mode": found["FlexibleTimeWindow"]["Mode"],
                }
            ),
            "groupName": found.get("GroupName") or _DEFAULT_GROUP,
            "name": found["Name"],
            "namePrefix": known.carried("namePrefix", ""),
            "region": cloud.region,
            "scheduleExpression": found["ScheduleExpression"],
            "scheduleExpressionTimezone": found.get("ScheduleExpressionTimezone") or "UTC",
            "state": found.get("State", "ENABLED"),
            "target": _target_told(found["Target"]),
        }

    def update(
        self, cloud: Cloud, identifier: str, state: Properties, inputs: Properties, changed: frozenset[str]
    ) -> None:
        del state, changed
        group, name = _parts(identifier)
        doing = f"updating {self.title} ({identifier})"
        _once_propagated(
            cloud,
            lambda: cloud.call(
                "scheduler", "update_schedule", doing, GroupName=group, Name=name, **_parameters(inputs)
            ),
        )

    def delete(self, cloud: Cloud, identifier: str, state: Properties) -> None:
        del state
        group, name = _parts(identifier)
        try:
            cloud.call(
                "scheduler",
                "delete_schedule",
                f"deleting {self.title} ({identifier})",
                GroupName=group,
                Name=name,
            )
        except CloudError as error:
            if error.code != _GONE:
                raise


def _parameters(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters of both create and update: an update without a value removes it."""
    window, target = inputs["flexibleTimeWindow"], inputs["target"]
    retry = target.get("retryPolicy")
    return _without_nothing(
        {
            "ActionAfterCompletion": inputs.get("actionAfterCompletion"),
            "Description": inputs.get("description") or None,
            "FlexibleTimeWindow": _without_nothing(
                {
                    "MaximumWindowInMinutes": window.get("maximumWindowInMinutes") or None,
                    "Mode": window["mode"],
                }
            ),
            "ScheduleExpression": inputs["scheduleExpression"],
            "ScheduleExpressionTimezone": inputs["scheduleExpressionTimezone"],
            "State": inputs["state"],
            "Target": _without_nothing(
                {
                    "Arn": target["arn"],
                    "Input": target.get("input") or None,
                    "RetryPolicy": retry and {wire: retry[name] for name, wire in _RETRY_NAMES.items()},
                    "RoleArn": target["roleArn"],
                }
            ),
        }
    )


def _target_told(target: Mapping[str, Any]) -> dict[str, Any]:
    policy = target.get("RetryPolicy") or {}
    return {
        "arn": target["Arn"],
        "input": target.get("Input") or "",
        "retryPolicy": {name: policy[wire] for name, wire in _RETRY_NAMES.items() if wire in policy},
        "roleArn": target["RoleArn"],
    }


def _once_propagated(cloud: Cloud, action: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Retry calls that fail because the role has not propagated from IAM to the scheduler yet."""

    def attempt() -> dict[str, Any]:
        try:
            return action()
        except CloudError as error:
            if _NOT_PROPAGATED not in error.detail:
                raise
            doing = str(error).removesuffix(f": {error.detail}")
            raise CloudError(doing, _LATE, error.detail) from error

    answer: dict[str, Any] = cloud.retry_while(frozenset({_LATE}), attempt, standard=_PROPAGATION_SECONDS)
    return answer


def _without_nothing(parameters: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in parameters.items() if value is not None}


def _parts(identifier: str) -> tuple[str, str]:
    group, separator, name = identifier.partition("/")
    if not (separator and group and name) or "/" in name:
        raise RefusedError(
            f"unexpected format of ID ({identifier}), expected schedule-group-name/schedule-name"
        )
    return group, name
