"""Codes in a provider's words: found when they are there, never guessed."""

from __future__ import annotations

import pytest

from runctl_auto.errors import AccessDeniedError, CloudError, NoCapacityError, NotFoundError, ThrottledError
from runctl_auto.providers.aws.errors import class_of_code, code_in_text


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
        ("UnauthorizedOperation", AccessDeniedError),
        ("AccessDenied", AccessDeniedError),
        ("RequestLimitExceeded", ThrottledError),
        ("NoSuchBucket", NotFoundError),
        ("ParameterNotFound", NotFoundError),
        ("InvalidAMIID.NotFound", NotFoundError),
        ("InsufficientFreeAddressesInSubnet", CloudError),
        ("Whatever", CloudError),
    ],
)
def test_the_reaction_to_a_code(code: str, kind: type[CloudError]) -> None:
    assert class_of_code(code) is kind
