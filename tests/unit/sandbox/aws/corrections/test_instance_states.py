import base64
from typing import Any

import pytest
from botocore.exceptions import ClientError


def test_an_instance_is_pending_then_running(cloud: Any) -> None:
    instance = cloud.launch()
    assert cloud.state(instance["InstanceId"]) == "pending"
    cloud.after(0.5)
    assert cloud.state(instance["InstanceId"]) == "running"


def test_it_is_shutting_down_for_a_second_before_it_is_terminated(cloud: Any) -> None:
    instance_id = cloud.launch()["InstanceId"]
    cloud.after(1)
    answer = cloud.ec2.terminate_instances(InstanceIds=[instance_id])["TerminatingInstances"][0]
    assert answer["CurrentState"]["Name"] == "shutting-down"
    assert answer["PreviousState"]["Name"] == "running"
    cloud.after(0.9)
    assert cloud.state(instance_id) == "shutting-down"
    cloud.after(0.2)
    assert cloud.state(instance_id) == "terminated"


def test_it_tells_when_its_end_began_unless_it_shut_itself_down(cloud: Any) -> None:
    ends = {
        "User initiated (": lambda each: cloud.ec2.terminate_instances(InstanceIds=[each]),
        "Service initiated (": lambda each: cloud.lifecycle.interrupt(each, 0),
        "": lambda each: cloud.lifecycle.host_ended(each, 1),
    }
    for told, end in ends.items():
        instance_id = cloud.launch_spot()["InstanceId"]
        cloud.after(1)
        end(instance_id)
        cloud.after(1)
        reason = cloud.describe(instance_id)["StateTransitionReason"]
        assert reason.startswith(told)
        assert bool(reason) == bool(told)
        cloud.after(10)
        assert cloud.state(instance_id) == "terminated"
        assert cloud.describe(instance_id)["StateTransitionReason"] == reason, "not the end of the end"


def test_terminating_a_terminated_instance_tells_that_it_is_terminated(cloud: Any) -> None:
    instance_id = cloud.launch()["InstanceId"]
    cloud.terminate(instance_id)
    answer = cloud.ec2.terminate_instances(InstanceIds=[instance_id])["TerminatingInstances"][0]
    assert answer["CurrentState"]["Name"] == "terminated"


def test_a_terminated_instance_is_forgotten_after_an_hour(cloud: Any) -> None:
    instance_id = cloud.launch()["InstanceId"]
    cloud.terminate(instance_id)
    assert cloud.state(instance_id) == "terminated"
    cloud.after(3700)
    with pytest.raises(ClientError, match=r"InvalidInstanceID\.NotFound"):
        cloud.describe(instance_id)


def test_stopping_and_starting_take_their_states(cloud: Any) -> None:
    instance_id = cloud.launch()["InstanceId"]
    cloud.after(1)
    cloud.ec2.stop_instances(InstanceIds=[instance_id])
    assert cloud.state(instance_id) == "stopping"
    with pytest.raises(ClientError, match="IncorrectInstanceState"):
        cloud.ec2.start_instances(InstanceIds=[instance_id])
    cloud.after(2)
    assert cloud.state(instance_id) == "stopped"
    cloud.ec2.start_instances(InstanceIds=[instance_id])
    assert cloud.state(instance_id) == "pending"
    cloud.after(1)
    assert cloud.state(instance_id) == "running"
    assert cloud.lifecycle.find(instance_id).boot == 2


def test_a_terminated_instance_does_not_start(cloud: Any) -> None:
    instance_id = cloud.launch()["InstanceId"]
    cloud.terminate(instance_id)
    with pytest.raises(ClientError, match="IncorrectInstanceState"):
        cloud.ec2.start_instances(InstanceIds=[instance_id])


@pytest.mark.parametrize(
    "change", [{"InstanceType": {"Value": "t3.small"}}, {"UserData": {"Value": b"changed"}}]
)
def test_type_and_user_data_change_only_while_stopped(cloud: Any, change: dict[str, Any]) -> None:
    instance_id = cloud.launch()["InstanceId"]
    cloud.after(1)
    with pytest.raises(ClientError, match="IncorrectInstanceState"):
        cloud.ec2.modify_instance_attribute(InstanceId=instance_id, **change)
    cloud.ec2.stop_instances(InstanceIds=[instance_id])
    cloud.after(2)
    cloud.ec2.modify_instance_attribute(InstanceId=instance_id, **change)


def test_changed_user_data_comes_back_as_it_was_given(cloud: Any) -> None:
    instance_id = cloud.launch(UserData="first")["InstanceId"]
    cloud.after(1)
    cloud.ec2.stop_instances(InstanceIds=[instance_id])
    cloud.after(2)
    cloud.ec2.modify_instance_attribute(InstanceId=instance_id, UserData={"Value": b"#!/bin/sh\nsecond\n"})
    answer = cloud.ec2.describe_instance_attribute(InstanceId=instance_id, Attribute="userData")
    assert base64.b64decode(answer["UserData"]["Value"]) == b"#!/bin/sh\nsecond\n"


def test_a_one_time_spot_instance_cannot_be_stopped(cloud: Any) -> None:
    instance_id = cloud.launch_spot()["InstanceId"]
    cloud.after(1)
    with pytest.raises(ClientError, match="UnsupportedOperation"):
        cloud.ec2.stop_instances(InstanceIds=[instance_id])
    assert cloud.state(instance_id) == "running"


def test_user_data_comes_back_byte_for_byte(corrected: Any) -> None:
    data = bytes(range(256)) * 8
    instance_id = corrected.launch(UserData=data)["InstanceId"]
    answer = corrected.ec2.describe_instance_attribute(InstanceId=instance_id, Attribute="userData")
    assert base64.b64decode(answer["UserData"]["Value"]) == data
