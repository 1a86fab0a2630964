"""Scheduled actions of Auto Scaling groups."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from typing import Any

from sandbox.aws.provider.cloud import Cloud
from sandbox.aws.provider.cloud_error import CloudError
from sandbox.aws.provider.resource import Known, Problem, Properties, ResourceType
from sandbox.aws.provider.schema import REGION, Kind, replaces, table, updates
from sandbox.aws.provider.types.autoscaling_group import is_missing

_FORMAT = "%Y-%m-%dT%H:%M:%SZ"
_UNCHANGED = -1
_SIZES = {"desiredCapacity": "DesiredCapacity", "maxSize": "MaxSize", "minSize": "MinSize"}
_TIMES = {"endTime": "EndTime", "startTime": "StartTime"}


class Schedule(ResourceType):
    """`aws.autoscaling.Schedule`. Its id is the action's name; a size of -1 is left as it is.

    A size that is not given is 0, as in the official provider. AWS forgets a one-time action once it was
    carried out; the next read finds nothing.
    """

    token = "aws:autoscaling/schedule:Schedule"  # noqa: S105
    title = "Auto Scaling Scheduled Action"
    inputs = table(
        {
            "autoscalingGroupName": replaces(required=True),
            "desiredCapacity": updates(Kind.INTEGER, computed=True),
            "endTime": updates(computed=True),
            "maxSize": updates(Kind.INTEGER, computed=True),
            "minSize": updates(Kind.INTEGER, computed=True),
            "recurrence": updates(computed=True),
            "region": REGION,
            "scheduledActionName": replaces(required=True),
            "startTime": updates(computed=True),
            "timeZone": updates(computed=True),
        }
    )
    outputs = ("arn",)

    def check(self, inputs: Properties) -> Iterator[Problem]:
        for name in _TIMES:
            value = inputs.get(name)
            if isinstance(value, str) and _time(value) is None:
                yield Problem(name, f'"{name}" cannot be parsed as iso8601 Timestamp Format')

    def create(self, cloud: Cloud, inputs: Properties) -> str:
        self._put(cloud, inputs)
        return str(inputs["scheduledActionName"])

    def read(self, cloud: Cloud, identifier: str, known: Known) -> Properties | None:
        group = str(known.carried("autoscalingGroupName", ""))
        name = identifier
        if "/" in identifier:
            group, _, name = identifier.partition("/")
        try:
            found = cloud.pages(
                "autoscaling",
                "describe_scheduled_actions",
                "ScheduledUpdateGroupActions",
                f"reading {self.title} ({identifier})",
                AutoScalingGroupName=group,
                ScheduledActionNames=[name],
            )
        except CloudError as error:
            if is_missing(error):
                return None
            raise
        if not found:
            return None
        (action,) = found
        times = {
            name: action[wire].astimezone(timezone.utc).strftime(_FORMAT)
            for name, wire in _TIMES.items()
            if wire in action
        }
        return {
            "arn": action["ScheduledActionARN"],
            "autoscalingGroupName": action["AutoScalingGroupName"],
            "recurrence": action.get("Recurrence", ""),
            "region": cloud.region,
            "scheduledActionName": action["ScheduledActionName"],
            "timeZone": action.get("TimeZone", ""),
            **{name: action.get(wire, _UNCHANGED) for name, wire in _SIZES.items()},
            **times,
        }

    def update(
        self, cloud: Cloud, identifier: str, state: Properties, inputs: Properties, changed: frozenset[str]
    ) -> None:
        del identifier, changed
        carried = {name: state.get(name) for name in (*_SIZES, *_TIMES, "recurrence", "timeZone")}
        self._put(cloud, {**carried, **inputs})

    def delete(self, cloud: Cloud, identifier: str, state: Properties) -> None:
        try:
            cloud.call(
                "autoscaling",
                "delete_scheduled_action",
                f"deleting {self.title} ({identifier})",
                AutoScalingGroupName=state["autoscalingGroupName"],
                ScheduledActionName=identifier,
            )
        except CloudError as error:
            if not is_missing(error):
                raise

    def _put(self, cloud: Cloud, inputs: Mapping[str, Any]) -> None:
        sizes = {wire: int(inputs.get(name) or 0) for name, wire in _SIZES.items()}
        times = {wire: _time(inputs[name]) for name, wire in _TIMES.items() if inputs.get(name)}
        cloud.call(
            "autoscaling",
            "put_scheduled_update_group_action",
            f"putting {self.title} ({inputs['scheduledActionName']})",
            AutoScalingGroupName=inputs["autoscalingGroupName"],
            ScheduledActionName=inputs["scheduledActionName"],
            Recurrence=inputs.get("recurrence") or None,
            TimeZone=inputs.get("timeZone") or None,
            **{wire: size for wire, size in sizes.items() if size != _UNCHANGED},
            **times,
        )


def _time(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, _FORMAT).replace(tzinfo=timezone.utc)
    except ValueError:
        return None
