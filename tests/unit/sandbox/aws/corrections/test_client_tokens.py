from typing import Any

import pytest
from botocore.exceptions import ClientError


def test_a_repeated_launch_answers_as_the_first(cloud: Any) -> None:
    first = cloud.launch(ClientToken="token-1")
    again = cloud.launch(ClientToken="token-1")
    assert again["InstanceId"] == first["InstanceId"]
    assert len(cloud.ec2.describe_instances()["Reservations"]) == 1


def test_a_token_is_for_one_launch(cloud: Any) -> None:
    cloud.launch(ClientToken="token-1")
    with pytest.raises(ClientError, match="IdempotentParameterMismatch"):
        cloud.launch(ClientToken="token-1", InstanceType="t3.small")


def test_another_token_is_another_launch(corrected: Any) -> None:
    first, second = corrected.launch(ClientToken="token-1"), corrected.launch(ClientToken="token-2")
    assert first["InstanceId"] != second["InstanceId"]
