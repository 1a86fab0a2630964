"""Auto Scaling groups."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from sandbox.aws.provider.cloud import Cloud
from sandbox.aws.provider.cloud_error import CloudError
from sandbox.aws.provider.resource import Known, PhysicalName, Problem, Properties, ResourceType
from sandbox.aws.provider.types.autoscaling_schema import INPUTS
from sandbox.aws.provider.types.autoscaling_wire import (
    PLAIN,
    parameters_of,
    tag_to_send,
    told_policy,
    told_tags,
    told_template,
)

DELETE_SECONDS = 600.0
_JUST_MADE = timedelta(seconds=10)
_PROFILE_PROPAGATION_SECONDS = 120.0
_BUSY = frozenset({"ResourceInUse", "ScalingActivityInProgress"})
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_OTHER_CALLS = frozenset({"suspendedProcesses", "tags"})


class Group(ResourceType):
    """`aws.autoscaling.Group`. Its id is its name. The provider's default tags are not applied to it."""

    token = "aws:autoscaling/group:Group"  # noqa: S105
    title = "Auto Scaling Group"
    physical_name = PhysicalName("name", prefix="namePrefix", longest=255)
    inputs = INPUTS
    outputs = ("arn", "predictedCapacity", "warmPoolSize")

    def check(self, inputs: Properties) -> Iterator[Problem]:
        launches = [name for name in ("launchTemplate", "mixedInstancesPolicy") if name in inputs]
        if len(launches) != 1:
            yield Problem(
                "mixedInstancesPolicy",
                "only one of `launch_configuration,launch_template,mixed_instances_policy` must be specified",
            )
        timeout = inputs["waitForCapacityTimeout"]
        if isinstance(timeout, str) and _duration(timeout) is None:
            yield Problem("waitForCapacityTimeout", f"cannot be parsed as a duration: {timeout}")

    def create(self, cloud: Cloud, inputs: Properties) -> str:
        name = str(inputs["name"])
        doing = f"creating {self.title} ({name})"
        parameters = {
            **parameters_of(inputs),
            "MinSize": inputs["minSize"],
            "MaxSize": inputs["maxSize"],
            # As in the official provider, for which a desired capacity of 0 is one that is not given.
            "DesiredCapacity": inputs.get("desiredCapacity") or None,
            "Tags": [tag_to_send(name, each) for each in inputs.get("tags") or ()] or None,
        }

        def make() -> dict[str, Any]:
            try:
                return cloud.call("autoscaling", "create_auto_scaling_group", doing, **parameters)
            except CloudError as error:
                if error.code == "ValidationError" and "Invalid IAM Instance Profile" in str(error):
                    raise CloudError(doing, "ProfileNotSeen", error.detail) from error
                raise

        cloud.retry_while(frozenset({"ProfileNotSeen"}), make, standard=_PROFILE_PROPAGATION_SECONDS)
        return name

    def settle(self, cloud: Cloud, identifier: str, inputs: Properties) -> None:
        least = inputs.get("desiredCapacity") or inputs["minSize"]
        # The first launches may have failed already; those of an earlier attempt do not count.
        since = datetime.now(timezone.utc) - _JUST_MADE
        self._wait_for_capacity(
            cloud,
            identifier,
            inputs,
            since=since,
            reached=lambda count: count >= least,
            wanted=f"at least {least}",
        )
        processes = inputs.get("suspendedProcesses")
        if processes:
            cloud.call(
                "autoscaling",
                "suspend_processes",
                f"suspending {self.title} ({identifier}) scaling processes",
                AutoScalingGroupName=identifier,
                ScalingProcesses=processes,
            )

    def read(self, cloud: Cloud, identifier: str, known: Known) -> Properties | None:
        group = find_group(cloud, identifier)
        if group is None:
            return None
        policies = group.get("TerminationPolicies") or []
        asked = known.carried("terminationPolicies")
        plain = {name: group.get(wire) for name, wire in PLAIN.items()}
        return {
            **plain,
            "arn": group["AutoScalingGroupARN"],
            "availabilityZones": sorted(group["AvailabilityZones"]),
            "desiredCapacity": group["DesiredCapacity"],
            "forceDelete": known.carried("forceDelete", False),
            "forceDeleteWarmPool": known.carried("forceDeleteWarmPool", False),
            "ignoreFailedScalingActivities": known.carried("ignoreFailedScalingActivities", False),
            "launchTemplate": told_template(group.get("LaunchTemplate")),
            "maxSize": group["MaxSize"],
            "metricsGranularity": "1Minute",
            "minSize": group["MinSize"],
            "mixedInstancesPolicy": told_policy(group.get("MixedInstancesPolicy")),
            "name": group["AutoScalingGroupName"],
            "namePrefix": known.carried("namePrefix", ""),
            "predictedCapacity": group.get("PredictedCapacity") or 0,
            "protectFromScaleIn": bool(group.get("NewInstancesProtectedFromScaleIn")),
            "region": cloud.region,
            "suspendedProcesses": sorted(
                each["ProcessName"] for each in group.get("SuspendedProcesses") or ()
            ),
            "tags": told_tags(group.get("Tags")),
            "terminationPolicies": [] if not asked and policies == ["Default"] else policies,
            "vpcZoneIdentifiers": [each for each in group.get("VPCZoneIdentifier", "").split(",") if each],
            "waitForCapacityTimeout": known.carried("waitForCapacityTimeout", "10m"),
            "warmPoolSize": group.get("WarmPoolSize") or 0,
        }

    def update(
        self, cloud: Cloud, identifier: str, state: Properties, inputs: Properties, changed: frozenset[str]
    ) -> None:
        since = datetime.now(timezone.utc)
        doing = f"updating {self.title} ({identifier})"
        if changed - _OTHER_CALLS:
            given = {name: value for name, value in inputs.items() if name in changed}
            parameters = {
                **parameters_of({**given, "name": identifier}),
                "NewInstancesProtectedFromScaleIn": inputs["protectFromScaleIn"],
                "MinSize": given.get("minSize"),
                "MaxSize": given.get("maxSize"),
                "DesiredCapacity": given.get("desiredCapacity"),
            }
            if "capacityRebalance" in changed:
                parameters["CapacityRebalance"] = bool(inputs.get("capacityRebalance"))
            if "terminationPolicies" in changed:
                parameters["TerminationPolicies"] = inputs.get("terminationPolicies") or ["Default"]
            cloud.call("autoscaling", "update_auto_scaling_group", doing, **parameters)
        if "tags" in changed:
            _change_tags(cloud, identifier, state.get("tags") or (), inputs.get("tags") or ())
        if changed & {"desiredCapacity", "minSize"}:
            wanted = max(inputs.get("desiredCapacity") or 0, inputs["minSize"])
            self._wait_for_capacity(
                cloud,
                identifier,
                inputs,
                since=since,
                reached=lambda count: count == wanted,
                wanted=f"exactly {wanted}",
            )
        if "suspendedProcesses" in changed:
            before, after = (
                set(state.get("suspendedProcesses") or ()),
                set(inputs.get("suspendedProcesses") or ()),
            )
            for operation, processes in (
                ("resume_processes", before - after),
                ("suspend_processes", after - before),
            ):
                if processes:
                    cloud.call(
                        "autoscaling",
                        operation,
                        doing,
                        AutoScalingGroupName=identifier,
                        ScalingProcesses=sorted(processes),
                    )

    def delete(self, cloud: Cloud, identifier: str, state: Properties) -> None:
        force = bool(state.get("forceDelete"))
        group = find_group(cloud, identifier)
        if group is None:
            return
        if not force:
            self._drain(cloud, identifier, group)
        doing = f"deleting {self.title} ({identifier})"

        def delete() -> None:
            cloud.call(
                "autoscaling",
                "delete_auto_scaling_group",
                doing,
                AutoScalingGroupName=identifier,
                ForceDelete=force,
            )

        try:
            cloud.retry_while(_BUSY, delete, standard=DELETE_SECONDS)
        except CloudError as error:
            if not is_missing(error):
                raise
            return
        cloud.wait_until(
            lambda: find_group(cloud, identifier) is None,
            doing=f"waiting for {self.title} ({identifier}) delete",
            standard=DELETE_SECONDS,
        )

    def _drain(self, cloud: Cloud, identifier: str, group: Mapping[str, Any]) -> None:
        cloud.call(
            "autoscaling",
            "update_auto_scaling_group",
            f"setting {self.title} ({identifier}) capacity to 0",
            AutoScalingGroupName=identifier,
            MinSize=0,
            MaxSize=0,
            DesiredCapacity=0,
        )
        protected = [each["InstanceId"] for each in group["Instances"] if each.get("ProtectedFromScaleIn")]
        if protected:
            cloud.call(
                "autoscaling",
                "set_instance_protection",
                f"disabling {self.title} ({identifier}) scale-in protections",
                AutoScalingGroupName=identifier,
                InstanceIds=protected,
                ProtectedFromScaleIn=False,
            )

        def is_empty() -> bool:
            found = find_group(cloud, identifier)
            return found is None or not found["Instances"]

        cloud.wait_until(
            is_empty, doing=f"waiting for {self.title} ({identifier}) drain", standard=DELETE_SECONDS
        )

    def _wait_for_capacity(
        self,
        cloud: Cloud,
        identifier: str,
        inputs: Properties,
        *,
        since: datetime,
        reached: Callable[[int], bool],
        wanted: str,
    ) -> None:
        """Wait for healthy machines; a launch that fails ends the wait, unless the program says otherwise."""
        timeout = _duration(str(inputs["waitForCapacityTimeout"])) or 0.0
        if timeout <= 0:
            return
        doing = f"waiting for {self.title} ({identifier}) capacity satisfied"
        count = 0

        def is_reached() -> bool:
            nonlocal count
            if not inputs.get("ignoreFailedScalingActivities"):
                self._refuse_failures(cloud, identifier, since, doing)
            group = find_group(cloud, identifier)
            if group is None:
                raise CloudError(doing, "NotFound", "couldn't find resource")
            count = sum(
                each["LifecycleState"] == "InService" and each["HealthStatus"].lower() == "healthy"
                for each in group["Instances"]
            )
            return reached(count)

        if not cloud.work.poll(is_reached, interval=cloud.pace.poll, timeout=timeout):
            told = f"want {wanted} healthy instance(s) in Auto Scaling Group, have {count}"
            raise CloudError(
                doing, "Timeout", f"timeout while waiting (timeout: {timeout:g}s). last error: {told}"
            )

    def _refuse_failures(self, cloud: Cloud, identifier: str, since: datetime, doing: str) -> None:
        activities = cloud.pages(
            "autoscaling", "describe_scaling_activities", "Activities", doing, AutoScalingGroupName=identifier
        )
        failures = [
            f"scaling activity ({each['ActivityId']}): Failed: {each.get('StatusMessage', '')}"
            for each in activities
            if each["StatusCode"] == "Failed"
            and each.get("Progress") == 100
            and each["StartTime"] > since
            and "Invalid IAM Instance Profile" not in each.get("StatusMessage", "")
        ]
        if failures:
            raise CloudError(doing, "FailedActivity", "\n".join(failures))


def find_group(cloud: Cloud, name: str) -> dict[str, Any] | None:
    """The description of a group; None when it does not exist."""
    found = cloud.pages(
        "autoscaling",
        "describe_auto_scaling_groups",
        "AutoScalingGroups",
        f"reading Auto Scaling Group ({name})",
        AutoScalingGroupNames=[name],
    )
    return dict(found[0]) if found else None


def is_missing(error: CloudError) -> bool:
    """Whether the service does not know what the call named; it has no code of its own for that."""
    return error.code == "ValidationError" and "not found" in str(error)


def _duration(text: str) -> float | None:
    """Seconds of a duration as in `10m` or `1h30m`; None when it is not one."""
    if text in ("0", ""):
        return 0.0
    parts = _DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        return None
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)


def _change_tags(cloud: Cloud, group: str, before: Any, after: Any) -> None:
    doing = f"updating tags for Auto Scaling Group ({group})"
    kept = {each["key"] for each in after}
    removed = [tag_to_send(group, each) for each in before if each["key"] not in kept]
    changed = [tag_to_send(group, each) for each in after if each not in before]
    if removed:
        cloud.call("autoscaling", "delete_tags", doing, Tags=removed)
    if changed:
        cloud.call("autoscaling", "create_or_update_tags", doing, Tags=changed)
