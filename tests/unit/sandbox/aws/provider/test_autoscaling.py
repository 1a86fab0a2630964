"""Groups as the official provider makes, waits for, changes and deletes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sandbox.aws.cloud.scaling.groups import IN_SERVICE, TERMINATING, Activity, Group, Member
from sandbox.aws.cloud.scaling.moto_cloud import moto_groups
from sandbox.aws.provider import operations
from sandbox.aws.provider.checking import check
from sandbox.aws.provider.cloud import Cloud
from sandbox.aws.provider.cloud_error import CloudError
from sandbox.aws.provider.registry import resource_types
from sandbox.aws.provider.resource import Properties
from sandbox.aws.provider.types import autoscaling_group
from sandbox.aws.provider.wire import reveal

GROUP = resource_types()["aws:autoscaling/group:Group"]
ACTION = resource_types()["aws:autoscaling/schedule:Schedule"]
IMAGE = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
NAME = "g"


def inputs_of(cloud: Cloud, **given: Any) -> Properties:
    image = cloud.call("ssm", "get_parameter", Name=IMAGE)["Parameter"]["Value"]
    templates = cloud.call("ec2", "describe_launch_templates")["LaunchTemplates"]
    if not templates:
        data = {"ImageId": image, "InstanceType": "t3.micro"}
        cloud.call(
            "ec2", "create_launch_template", LaunchTemplateName="the-template", LaunchTemplateData=data
        )
    subnet = cloud.call("ec2", "describe_subnets")["Subnets"][0]["SubnetId"]
    stated = {
        "name": NAME,
        "minSize": 0,
        "maxSize": 1,
        "desiredCapacity": 1,
        "vpcZoneIdentifiers": [subnet],
        "launchTemplate": {"name": "the-template", "version": "$Latest"},
        **given,
    }
    inputs, problems = check(GROUP, "it", given=stated, before={}, default_tags={}, seed=b"s")
    assert problems == []
    return dict(reveal(inputs))


def group() -> Group:
    (found,) = moto_groups().all()
    return found


def member(name: str, state: str = IN_SERVICE, *, protected: bool = False) -> Member:
    activity = Activity("Launching", "", 0.0, {})
    return Member(name, "t3.micro", "us-west-2a", "ami-1", {}, activity, protected, state)


def after(waits: int, act: Callable[[], None]) -> Callable[[], None]:
    """What happens while the provider waits: `act`, the given time."""
    count = 0

    def passes() -> None:
        nonlocal count
        count += 1
        if count == waits:
            act()

    return passes


def create(cloud: Cloud, **given: Any) -> operations.Made:
    return operations.create(GROUP, cloud, cloud, inputs_of(cloud, **given))


def test_a_creation_waits_for_its_machine(mocked_cloud: Cloud, clock: Any) -> None:
    clock.during_wait = after(3, lambda: group().members.update({"i-1": member("i-1")}))
    made = create(mocked_cloud, suspendedProcesses=["AZRebalance"])
    assert made.reasons == ()
    assert len(clock.waits) == 3
    assert (made.outputs["desiredCapacity"], made.outputs["suspendedProcesses"]) == (1, ["AZRebalance"])


def test_a_creation_that_waits_for_no_capacity_waits_for_none(mocked_cloud: Cloud, clock: Any) -> None:
    assert create(mocked_cloud, waitForCapacityTimeout="0").reasons == ()
    assert clock.waits == []


def test_a_wait_ends_with_its_timeout(mocked_cloud: Cloud, clock: Any) -> None:
    clock.during_wait = after(1, lambda: group().members.update({"i-1": member("i-1", "Pending")}))
    made = create(mocked_cloud, waitForCapacityTimeout="1m30s")
    assert 90 <= clock.time < 92
    assert "want at least 1 healthy instance(s) in Auto Scaling Group, have 0" in made.reasons[0]
    assert made.identifier == NAME, "it is recorded all the same"


@pytest.mark.parametrize("ignored", [False, True])
def test_a_failed_launch_fails_the_creation_unless_it_is_ignored(
    mocked_cloud: Cloud, clock: Any, ignored: bool
) -> None:
    message = "Could not launch Spot Instances. InsufficientInstanceCapacity - none. Launching failed."

    def fail() -> None:
        group().record(Activity("Launching", "", 4e9, {})).end(4e9, "Failed", message)
        group().members["i-1"] = member("i-1") if ignored else member("i-1", "Pending")

    clock.during_wait = after(1, fail)
    made = create(mocked_cloud, ignoreFailedScalingActivities=ignored)
    assert [message in each for each in made.reasons] == ([] if ignored else [True])


def test_a_capacity_of_0_is_one_that_is_not_given(mocked_cloud: Cloud) -> None:
    made = create(mocked_cloud, desiredCapacity=0, minSize=1, waitForCapacityTimeout="0")
    assert made.outputs["desiredCapacity"] == 1, "the smallest size"


def test_default_tags_do_not_reach_a_group(mocked_cloud: Cloud) -> None:
    tag = {"key": "a", "value": "1", "propagateAtLaunch": True}
    made = create(mocked_cloud, waitForCapacityTimeout="0", tags=[tag])
    assert made.outputs["tags"] == [tag]


def test_an_update_of_the_capacity_waits_until_it_is_exact(mocked_cloud: Cloud, clock: Any) -> None:
    made = create(mocked_cloud, waitForCapacityTimeout="0")
    group().members["i-1"] = member("i-1")
    clock.during_wait = after(2, group().members.clear)
    wanted = inputs_of(mocked_cloud, desiredCapacity=0, waitForCapacityTimeout="5m")
    updated = operations.update(GROUP, mocked_cloud, mocked_cloud, NAME, state=made.outputs, inputs=wanted)
    assert updated.reasons == ()
    assert (updated.outputs["desiredCapacity"], len(clock.waits)) == (0, 2)


def test_a_deletion_drains_the_group_first(mocked_cloud: Cloud, clock: Any) -> None:
    made = create(mocked_cloud, waitForCapacityTimeout="0")
    group().members["i-1"] = member("i-1", TERMINATING, protected=True)

    def ends() -> None:
        assert (group().maximum, group().desired, group().is_deleted) == (0, 0, False)
        assert not group().members["i-1"].is_protected
        group().members.clear()

    clock.during_wait = after(2, ends)
    GROUP.delete(mocked_cloud, NAME, made.outputs)
    assert moto_groups().all() == []
    assert len(clock.waits) == 2


def test_a_forced_deletion_waits_for_the_end_of_the_group(mocked_cloud: Cloud, clock: Any) -> None:
    made = create(mocked_cloud, waitForCapacityTimeout="0", forceDelete=True)
    group().members["i-1"] = member("i-1", TERMINATING)
    clock.during_wait = after(2, lambda: moto_groups().remove(group()))
    GROUP.delete(mocked_cloud, NAME, made.outputs)
    assert len(clock.waits) == 2


def test_a_drain_that_does_not_end_is_an_error(mocked_cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(autoscaling_group, "DELETE_SECONDS", 20.0)
    made = create(mocked_cloud, waitForCapacityTimeout="0")
    group().members["i-1"] = member("i-1", TERMINATING)
    with pytest.raises(CloudError, match="drain"):
        GROUP.delete(mocked_cloud, NAME, made.outputs)
    assert not group().is_deleted


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"mixedInstancesPolicy": None, "launchTemplate": None}, "only one of"),
        ({"waitForCapacityTimeout": "soon"}, "duration"),
        ({"capacityRebalance": "perhaps"}, "boolean"),
        ({"instanceRefresh": {"strategy": "Rolling"}}, "not supported"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_made(given: dict[str, Any], why: str) -> None:
    stated = {"minSize": 0, "maxSize": 1, "launchTemplate": {"id": "lt-1"}, **given}
    _, problems = check(GROUP, "it", given=stated, before={}, default_tags={}, seed=b"s")
    assert any(why in each.reason for each in problems)


def test_a_time_that_is_not_one_is_said() -> None:
    stated = {"autoscalingGroupName": NAME, "scheduledActionName": "end", "startTime": "tomorrow"}
    _, problems = check(ACTION, "it", given=stated, before={}, default_tags={}, seed=b"s")
    assert [each.input for each in problems] == ["startTime"]


def test_an_action_that_was_carried_out_is_gone(mocked_cloud: Cloud) -> None:
    create(mocked_cloud, waitForCapacityTimeout="0")
    stated = {
        "autoscalingGroupName": NAME,
        "scheduledActionName": "end",
        "startTime": "2100-01-01T00:00:00Z",
        "desiredCapacity": 0,
        "maxSize": -1,
    }
    inputs, _ = check(ACTION, "it", given=stated, before={}, default_tags={}, seed=b"s")
    made = operations.create(ACTION, mocked_cloud, mocked_cloud, inputs)
    assert made.reasons == ()
    assert (made.outputs["minSize"], made.outputs["maxSize"]) == (0, -1), "0 where nothing is said"
    group().actions.clear()
    assert operations.read(ACTION, mocked_cloud, "end", made.outputs, inputs) is None
    ACTION.delete(mocked_cloud, "end", made.outputs)


def test_an_action_of_a_group_that_is_gone_is_gone(mocked_cloud: Cloud) -> None:
    state = {"autoscalingGroupName": "nobody", "scheduledActionName": "end"}
    assert operations.read(ACTION, mocked_cloud, "end", state, state) is None
    ACTION.delete(mocked_cloud, "end", state)
