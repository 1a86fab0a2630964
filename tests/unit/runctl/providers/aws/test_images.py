"""An image that is named by a parameter needs permission to read that parameter."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from runctl_auto.errors import AccessDeniedError
from runctl_auto.job_file.spec import JobSpec
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.images import Images
from runctl_auto.providers.aws.instance_types import InstanceType


class Denying:
    def get_parameter(self, **parameters: Any) -> Any:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "GetParameter")


def denied(image: str) -> AccessDeniedError:
    spec = JobSpec.model_validate({"name": "digits", "region": "us-east-1", "run": "true", "image": image})
    cloud = Cloud(lambda service, region: Denying(), "us-east-1", sleep=lambda seconds: None)
    with pytest.raises(AccessDeniedError) as raised:
        Images(spec, cloud).of(InstanceType("t3.micro", "x86_64"))
    return raised.value


def test_how_to_be_allowed_to_read_a_parameter_is_told() -> None:
    error = denied("ssm:/images/training")
    assert "runctl permissions --image-parameter /images/training" in (error.next_step or "")
    assert error.where["field"] == "image"
    assert error.code == "AccessDeniedException"


def test_a_public_parameter_is_in_the_policy_already() -> None:
    assert "--image-parameter" not in (denied("auto").next_step or "")
