from typing import Any

import pytest
from botocore.exceptions import ClientError


@pytest.mark.parametrize(("behaviour", "end"), [("terminate", "terminated"), ("stop", "stopped")])
def test_a_machine_that_halts_ends_as_its_behaviour_says(cloud: Any, behaviour: str, end: str) -> None:
    instance_id = cloud.launch(InstanceInitiatedShutdownBehavior=behaviour)["InstanceId"]
    cloud.after(1)
    assert cloud.lifecycle.host_ended(instance_id, 1)
    cloud.after(2)
    found = cloud.describe(instance_id)
    assert found["State"]["Name"] == end
    assert found["StateReason"]["Code"] == "Client.InstanceInitiatedShutdown"


def test_a_one_time_spot_instance_that_halts_is_terminated_whatever_its_behaviour(cloud: Any) -> None:
    instance_id = cloud.launch_spot(InstanceInitiatedShutdownBehavior="stop")["InstanceId"]
    cloud.after(1)
    cloud.lifecycle.host_ended(instance_id, 1)
    cloud.after(2)
    assert cloud.state(instance_id) == "terminated"


def test_the_behaviour_can_be_changed(cloud: Any) -> None:
    instance_id = cloud.launch()["InstanceId"]
    cloud.ec2.modify_instance_attribute(
        InstanceId=instance_id, InstanceInitiatedShutdownBehavior={"Value": "terminate"}
    )
    answer = cloud.ec2.describe_instance_attribute(
        InstanceId=instance_id, Attribute="instanceInitiatedShutdownBehavior"
    )
    assert answer["InstanceInitiatedShutdownBehavior"]["Value"] == "terminate"


def test_an_unknown_behaviour_is_refused(cloud: Any) -> None:
    with pytest.raises(ClientError, match="InvalidParameterValue"):
        cloud.launch(InstanceInitiatedShutdownBehavior="explode")
