"""Who may be what a job's machine is."""

from __future__ import annotations

import pytest

from components.iam_profile import trust_policy


@pytest.mark.parametrize(
    ("partition", "service"), [("aws", "ec2.amazonaws.com"), ("aws-cn", "ec2.amazonaws.com.cn")]
)
def test_only_machines_assume_the_role(partition: str, service: str) -> None:
    assert trust_policy(partition)["Statement"] == [
        {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    ]
