"""EC2 instances."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sandbox.aws.provider.cloud import Cloud
from sandbox.aws.provider.cloud_error import CloudError
from sandbox.aws.provider.diffing import Difference
from sandbox.aws.provider.resource import Known, Problem, Properties, ResourceType
from sandbox.aws.provider.schema import Change
from sandbox.aws.provider.types import instance_schema
from sandbox.aws.provider.types.instance_changes import apply_changes, tag_root_volume
from sandbox.aws.provider.types.instance_facts import describe, find, outputs_of
from sandbox.aws.provider.types.instance_launch import launch_parameters

CREATE_SECONDS = 600.0
DELETE_SECONDS = 1200.0
_PROFILE_PROPAGATION_SECONDS = 120.0
_USER_DATA = frozenset({"userData", "userDataBase64"})
_RESTARTED = _USER_DATA | {"instanceType"}
_ENDED = ("shutting-down", "terminated")


class _ProfileNotSeenError(CloudError):
    """The service does not know the instance profile, at least not yet."""


class Instance(ResourceType):
    """`aws.ec2.Instance`."""

    token = "aws:ec2/instance:Instance"  # noqa: S105
    title = "EC2 Instance"
    inputs = instance_schema.INPUTS
    outputs = instance_schema.OUTPUTS

    def check(self, inputs: Properties) -> Iterator[Problem]:
        if "ami" not in inputs and "launchTemplate" not in inputs:
            yield Problem("ami", "one of `ami,launch_template` must be specified")
        if "instanceType" not in inputs and "launchTemplate" not in inputs:
            yield Problem("instanceType", "one of `instance_type,launch_template` must be specified")
        if inputs.keys() >= _USER_DATA:
            yield Problem("userData", '"user_data": conflicts with user_data_base64')
        if "volumeTags" in inputs and (inputs.get("rootBlockDevice") or {}).get("tags"):
            yield Problem("volumeTags", '"volume_tags": conflicts with root_block_device.0.tags')

    def create(self, cloud: Cloud, inputs: Properties) -> str:
        parameters = launch_parameters(cloud, inputs)

        def launch() -> dict[str, Any]:
            try:
                return cloud.call("ec2", "run_instances", f"creating {self.title}", **parameters)
            except CloudError as error:
                if error.code == "InvalidParameterValue" and "Invalid IAM Instance Profile" in str(error):
                    raise _ProfileNotSeenError(
                        f"creating {self.title}", "ProfileNotSeen", error.detail
                    ) from error
                raise

        answer = cloud.retry_while(
            frozenset({"ProfileNotSeen"}), launch, standard=_PROFILE_PROPAGATION_SECONDS
        )
        return str(answer["Instances"][0]["InstanceId"])

    def settle(self, cloud: Cloud, identifier: str, inputs: Properties) -> None:
        doing = f"waiting for {self.title} ({identifier}) create"

        def is_running() -> bool:
            instance = describe(cloud, identifier)
            if instance is None:
                return False
            state = instance["State"]["Name"]
            if state in _ENDED:
                reason = instance.get("StateReason", {})
                raise CloudError(
                    doing,
                    str(reason.get("Code", "UnexpectedState")),
                    f"unexpected state '{state}', wanted target 'running'. "
                    f"last error: {reason.get('Code', '')}: {reason.get('Message', '')}",
                )
            return bool(state == "running")

        cloud.wait_until(is_running, doing=doing, standard=CREATE_SECONDS)
        tag_root_volume(cloud, identifier, inputs)
        apply_changes(cloud, identifier, {}, inputs, _changed_after_launch(inputs))

    def read(self, cloud: Cloud, identifier: str, known: Known) -> Properties | None:
        instance = find(cloud, identifier)
        if instance is None:
            return None
        try:
            return outputs_of(cloud, instance, known)
        except CloudError:
            if find(cloud, identifier) is None:
                return None
            raise

    def update(
        self, cloud: Cloud, identifier: str, state: Properties, inputs: Properties, changed: frozenset[str]
    ) -> None:
        apply_changes(cloud, identifier, state, inputs, changed)

    def delete(self, cloud: Cloud, identifier: str, state: Properties) -> None:
        if state.get("forceDestroy"):
            _allow_termination(cloud, identifier, state)
        doing = f"terminating {self.title} ({identifier})"
        try:
            cloud.call("ec2", "terminate_instances", doing, InstanceIds=[identifier])
        except CloudError as error:
            if error.code == "InvalidInstanceID.NotFound":
                return
            raise
        _cancel_spot_request(cloud, state)
        cloud.wait_until(
            lambda: find(cloud, identifier) is None,
            doing=f"waiting for {self.title} ({identifier}) delete",
            standard=DELETE_SECONDS,
        )

    def change_for(self, difference: Difference, state: Properties, inputs: Properties) -> Change:
        del state
        if difference.input in _USER_DATA and inputs.get("userDataReplaceOnChange"):
            return Change.REPLACE
        return difference.change

    def unsettled(self, changed: frozenset[str]) -> frozenset[str]:
        return frozenset({"publicIp", "publicDns"}) if changed & _RESTARTED else frozenset()


def _changed_after_launch(inputs: Properties) -> frozenset[str]:
    """Inputs that the official provider applies again once the instance is running.

    Its update follows each creation, and skips only inputs guarded by a check for a new resource; the
    shutdown behavior and monitoring have no such guard.
    """
    again = [name for name in ("instanceInitiatedShutdownBehavior", "monitoring") if inputs.get(name)]
    if inputs.get("sourceDestCheck") is False:
        again.append("sourceDestCheck")
    return frozenset(again)


def _allow_termination(cloud: Cloud, identifier: str, state: Properties) -> None:
    for name in ("disableApiTermination", "disableApiStop"):
        if state.get(name):
            apply_changes(cloud, identifier, state, {**state, name: False}, frozenset({name}))


def _cancel_spot_request(cloud: Cloud, state: Properties) -> None:
    request = state.get("spotInstanceRequestId")
    if not request:
        return
    try:
        cloud.call(
            "ec2",
            "cancel_spot_instance_requests",
            f"cancelling EC2 Spot Instance Request ({request})",
            SpotInstanceRequestIds=[request],
        )
    except CloudError as error:
        if error.code != "InvalidSpotInstanceRequestID.NotFound":
            raise
