"""Codes in a provider's words: found when they are there, never guessed."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from runctl_auto.errors import (
    AccessDeniedError,
    CloudError,
    NoCapacityError,
    NotFoundError,
    SubnetFullError,
    TakenBackError,
    ThrottledError,
    UnsettledError,
)
from runctl_auto.providers.aws.errors import class_of_code, class_of_failed_change, code_in_text, translate


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (
            "operation error EC2: RunInstances, https response error StatusCode: 500, RequestID: 1, "
            "api error InsufficientInstanceCapacity: There is no Spot capacity available",
            "InsufficientInstanceCapacity",
        ),
        (
            "An error occurred (SpotMaxPriceTooLow) when calling the RunInstances operation: x",
            "SpotMaxPriceTooLow",
        ),
        (
            "creating EC2 Instance: api error VcpuLimitExceeded: You have requested more",
            "VcpuLimitExceeded",
        ),
        ("api error UnauthorizedOperation: You are not authorized", "UnauthorizedOperation"),
        (
            "waiting for EC2 Instance (i-1) create: unexpected state 'terminated', wanted target 'running'. "
            "last error: Server.InsufficientInstanceCapacity: Insufficient capacity.",
            "InsufficientInstanceCapacity",
        ),
        (
            "waiting for EC2 Instance (i-1) create: unexpected state 'shutting-down', wanted target "
            "'running'. last error: Server.SpotInstanceTermination: Server.SpotInstanceTermination: Spot "
            "instance termination",
            "SpotInstanceTermination",
        ),
        ("api error Client.UnauthorizedOperation: no", "UnauthorizedOperation"),
        (
            "api error AuthFailure.ServiceLinkedRoleCreationNotPermitted: The provided credentials may not",
            "AuthFailure.ServiceLinkedRoleCreationNotPermitted",
        ),
        (
            "creating EC2 Instance: operation error EC2: RunInstances, https response error StatusCode: 400, "
            "RequestID: 1, api error InsufficientFreeAddressesInSubnet: There are not enough free addresses "
            "in subnet 'subnet-1' to satisfy the requested number of instances.",
            "InsufficientFreeAddressesInSubnet",
        ),
        (
            "attaching EBS Volume (vol-0) to EC2 Instance (i-0): operation error EC2: AttachVolume, https "
            "response error StatusCode: 400, RequestID: 1, api error VolumeInUse: vol-0 is already attached",
            "VolumeInUse",
        ),
        (
            "reading EC2 Spot Instance Request (sir-x8cg6e3j): couldn't find resource",
            "InvalidSpotInstanceRequestID.NotFound",
        ),
        ("reading EC2 Instance (i-0): couldn't find resource", None),
        ("Client. Server. and what follows", None),
        ("api error InvalidParameterValue: bad thing", "InvalidParameterValue"),
        ("the server has no capacity for humour", None),
        ("", None),
    ],
)
def test_the_code_of_a_diagnostic(text: str, code: str | None) -> None:
    assert code_in_text(text) == code


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("InsufficientInstanceCapacity", NoCapacityError),
        ("SpotMaxPriceTooLow", NoCapacityError),
        ("VcpuLimitExceeded", NoCapacityError),
        ("MaxSpotInstanceCountExceeded", NoCapacityError),
        ("Server.InsufficientInstanceCapacity", NoCapacityError),
        ("Client.RequestLimitExceeded", ThrottledError),
        ("Client.InvalidInstanceID.NotFound", NotFoundError),
        ("Server.SpotInstanceTermination", TakenBackError),
        ("AuthFailure.ServiceLinkedRoleCreationNotPermitted", AccessDeniedError),
        ("Client.AuthFailure", AccessDeniedError),
        ("UnauthorizedOperation", AccessDeniedError),
        ("AccessDenied", AccessDeniedError),
        ("403", AccessDeniedError),
        ("RequestLimitExceeded", ThrottledError),
        ("NoSuchBucket", NotFoundError),
        ("ParameterNotFound", NotFoundError),
        ("InvalidAMIID.NotFound", NotFoundError),
        ("InsufficientFreeAddressesInSubnet", SubnetFullError),
        ("VolumeInUse", CloudError),
        ("InvalidSpotInstanceRequestID.NotFound", NotFoundError),
        ("Whatever", CloudError),
    ],
)
def test_the_reaction_to_a_code(code: str, kind: type[CloudError]) -> None:
    assert class_of_code(code) is kind


def test_what_a_service_answered_is_one_line() -> None:
    answer = {"Error": {"Code": "No\x1b[2J", "Message": "a\nerror: b\x1b[2J"}}
    error = translate(ClientError(answer, "RunInstances"), "ec2 run_instances")  # type: ignore[arg-type]
    assert str(error) == r"ec2 run_instances failed with No\x1b[2J: a\nerror: b\x1b[2J"
    assert str(translate(ValueError("a\nb"), "sts get_caller_identity")).endswith(r"failed: a\nb")


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("VolumeInUse", UnsettledError),
        ("Client.VolumeInUse", UnsettledError),
        ("IncorrectState", UnsettledError),
        ("InvalidSpotInstanceRequestID.NotFound", UnsettledError),
        ("InvalidVolume.NotFound", NotFoundError),
        ("InsufficientInstanceCapacity", NoCapacityError),
        ("Whatever", CloudError),
    ],
)
def test_the_reaction_to_the_code_of_a_failed_change(code: str, kind: type[CloudError]) -> None:
    assert class_of_failed_change(code) is kind
