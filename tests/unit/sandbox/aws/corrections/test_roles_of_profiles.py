"""Taking a role off an instance profile that does not hold it."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError


def test_a_role_that_is_not_in_the_profile_is_not_found(cloud: Any) -> None:
    iam = boto3.client("iam", aws_access_key_id="testing", aws_secret_access_key="testing")
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17"}))
    iam.create_instance_profile(InstanceProfileName="p")
    iam.add_role_to_instance_profile(InstanceProfileName="p", RoleName="r")
    iam.remove_role_from_instance_profile(InstanceProfileName="p", RoleName="r")
    with pytest.raises(ClientError, match="NoSuchEntity"):
        iam.remove_role_from_instance_profile(InstanceProfileName="p", RoleName="r")
