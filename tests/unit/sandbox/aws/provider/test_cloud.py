"""Calls to the cloud: what is retried and how long, what is not, and how failures read."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from unittest.mock import Mock, create_autospec

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError, EndpointConnectionError
from botocore.session import Session

from sandbox.aws.provider.cancellation import Cancellation, CancelledError
from sandbox.aws.provider.cloud import Cloud
from sandbox.aws.provider.cloud_error import CloudError


def refused(
    code: str, message: str = "no", status: int = 400, operation: str = "RunInstances"
) -> ClientError:
    return ClientError(
        {
            "Error": {"Code": code, "Message": message},
            "ResponseMetadata": {
                "HTTPStatusCode": status,
                "RequestId": "r-1",
                "HTTPHeaders": {},
                "RetryAttempts": 0,
            },
        },
        operation,
    )


class Answering:
    """A client of a service whose operation answers with what it was given, one after the other."""

    def __init__(self, service: str, operation: str, name: str) -> None:
        self.call = Mock(spec=lambda **parameters: None)
        self.client = create_autospec(BaseClient, instance=True)
        self.client.meta = Mock(spec=["service_model", "method_to_api_mapping"])
        self.client.meta.service_model = Session().get_service_model(service)
        self.client.meta.method_to_api_mapping = {operation: name}
        setattr(self.client, operation, self.call)


@pytest.fixture
def ec2(some_cloud: Cloud) -> Answering:
    answering = Answering("ec2", "run_instances", "RunInstances")
    some_cloud.clients.client.return_value = answering.client  # type: ignore[attr-defined]
    return answering


def with_attempts(cloud: Cloud, attempts: int) -> Cloud:
    return replace(cloud, configuration=replace(cloud.configuration, max_attempts=attempts))


def launch(cloud: Cloud) -> Any:
    return cloud.call("ec2", "run_instances", "creating EC2 Instance", MinCount=1, KeyName=None)


def test_parameters_without_a_value_are_not_sent(some_cloud: Cloud, ec2: Answering) -> None:
    ec2.call.return_value = {"Instances": []}
    launch(some_cloud)
    ec2.call.assert_called_once_with(MinCount=1)


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("RequestLimitExceeded", 503),
        ("Throttling", 400),
        ("InternalError", 500),
        ("InsufficientInstanceCapacity", 500),
        ("InsufficientInstanceCapacity", 400),
    ],
)
def test_what_may_pass_is_tried_as_often_as_allowed(
    some_cloud: Cloud, ec2: Answering, clock: Any, code: str, status: int
) -> None:
    ec2.call.side_effect = refused(code, "later", status)
    with pytest.raises(CloudError) as failed:
        launch(with_attempts(some_cloud, 4))
    assert ec2.call.call_count == 4
    assert clock.waits == [2.0, 4.0, 8.0]
    assert failed.value.code == code
    assert str(failed.value) == (
        "creating EC2 Instance: operation error EC2: RunInstances, exceeded maximum number of attempts, 4, "
        f"https response error StatusCode: {status}, RequestID: r-1, api error {code}: later"
    )


def test_waits_grow_to_a_limit(some_cloud: Cloud, ec2: Answering, clock: Any) -> None:
    ec2.call.side_effect = refused("InsufficientInstanceCapacity", status=500)
    with pytest.raises(CloudError):
        launch(with_attempts(some_cloud, 8))
    assert max(clock.waits) == 20.0


def test_a_passing_failure_leaves_no_trace(some_cloud: Cloud, ec2: Answering) -> None:
    ec2.call.side_effect = [refused("Throttling"), {"Instances": ["i"]}]
    assert launch(some_cloud) == {"Instances": ["i"]}


@pytest.mark.parametrize("code", ["InvalidAMIID.NotFound", "UnauthorizedOperation", "SpotMaxPriceTooLow"])
def test_what_does_not_pass_is_raised_at_once(
    some_cloud: Cloud, ec2: Answering, clock: Any, code: str
) -> None:
    ec2.call.side_effect = refused(code, "The image id '[ami-1]' does not exist")
    with pytest.raises(CloudError) as failed:
        launch(some_cloud)
    assert clock.waits == []
    assert str(failed.value) == (
        "creating EC2 Instance: operation error EC2: RunInstances, https response error StatusCode: 400, "
        f"RequestID: r-1, api error {code}: The image id '[ami-1]' does not exist"
    )


def test_a_lost_connection_is_tried_again(some_cloud: Cloud, ec2: Answering) -> None:
    ec2.call.side_effect = EndpointConnectionError(endpoint_url="http://127.0.0.1:1")
    with pytest.raises(CloudError) as failed:
        launch(with_attempts(some_cloud, 2))
    assert ec2.call.call_count == 2
    assert failed.value.code == "RequestError"


def test_cancelling_ends_the_wait_at_once(some_cloud: Cloud, ec2: Answering, clock: Any) -> None:
    ec2.call.side_effect = refused("InsufficientInstanceCapacity", status=500)
    work = Cancellation(clock)
    clock.during_wait = work.cancel
    with pytest.raises(CancelledError):
        launch(replace(with_attempts(some_cloud, 25), work=work))
    assert ec2.call.call_count == 1


@pytest.mark.parametrize(
    ("called", "code", "kind"),
    [
        (("iam", "create_role", "CreateRole"), "EntityAlreadyExists", ""),
        (("iam", "create_role", "CreateRole"), "SomethingNew", "api error "),
        (("ssm", "get_parameter", "GetParameter"), "ParameterNotFound", ""),
        (("s3", "create_bucket", "CreateBucket"), "BucketAlreadyOwnedByYou", ""),
        (("s3", "delete_bucket", "DeleteBucket"), "BucketNotEmpty", "api error "),
    ],
)
def test_codes_of_the_services_model_stand_without_api_error(
    some_cloud: Cloud, called: tuple[str, str, str], code: str, kind: str
) -> None:
    service, operation, name = called
    answering = Answering(service, operation, name)
    answering.call.side_effect = refused(code, operation=name)
    some_cloud.clients.client.return_value = answering.client  # type: ignore[attr-defined]
    with pytest.raises(CloudError) as failed:
        some_cloud.call(service, operation, "doing")
    assert str(failed.value).endswith(f"{kind}{code}: no")
    assert ("HostID: " in str(failed.value)) == (service == "s3")


@pytest.mark.parametrize(
    ("operation", "name", "stated"),
    [("delete_bucket", "DeleteBucket", True), ("create_bucket", "CreateBucket", False)],
)
def test_the_expected_owner_is_stated_where_the_operation_takes_it(
    some_cloud: Cloud, operation: str, name: str, stated: bool
) -> None:
    answering = Answering("s3", operation, name)
    answering.call.return_value = {}
    some_cloud.clients.client.return_value = answering.client  # type: ignore[attr-defined]
    some_cloud.call_s3(operation, Bucket="b")
    owner = {"ExpectedBucketOwner": "123456789012"} if stated else {}
    answering.call.assert_called_once_with(Bucket="b", **owner)


def test_no_owner_is_stated_when_the_account_is_not_known(some_cloud: Cloud) -> None:
    answering = Answering("s3", "delete_bucket", "DeleteBucket")
    answering.call.return_value = {}
    some_cloud.clients.client.return_value = answering.client  # type: ignore[attr-defined]
    replace(some_cloud, account=None).call_s3("delete_bucket", Bucket="b")
    answering.call.assert_called_once_with(Bucket="b")


def test_pages_are_read_to_the_end(some_cloud: Cloud, ec2: Answering) -> None:
    ec2.call.side_effect = [{"Instances": [1], "NextToken": "t"}, {"Instances": [2]}]
    assert some_cloud.pages("ec2", "run_instances", "Instances") == [1, 2]
    assert ec2.call.call_args_list[1].kwargs == {"NextToken": "t"}


def test_a_wait_ends_when_its_time_is_over(some_cloud: Cloud, clock: Any) -> None:
    with pytest.raises(CloudError, match=r"waiting for it: timeout while waiting \(timeout: 10s\)"):
        some_cloud.wait_until(lambda: False, doing="waiting for it", standard=10.0)
    assert clock.time == pytest.approx(10.0, abs=0.5)


def test_custom_timeouts_rule_waits(some_cloud: Cloud, clock: Any) -> None:
    with pytest.raises(CloudError):
        replace(some_cloud, timeout=3.0).wait_until(lambda: False, doing="", standard=1000.0)
    assert clock.time == pytest.approx(3.0, abs=0.5)


def test_an_action_is_repeated_while_it_fails_so_and_no_longer_than_allowed(
    some_cloud: Cloud, ec2: Answering
) -> None:
    ec2.call.side_effect = [refused("DependencyViolation"), refused("DependencyViolation"), {"ok": 1}]
    codes = frozenset({"DependencyViolation"})
    assert some_cloud.retry_while(codes, lambda: launch(some_cloud), standard=10.0) == {"ok": 1}
    ec2.call.side_effect = refused("DependencyViolation")
    with pytest.raises(CloudError, match="DependencyViolation"):
        some_cloud.retry_while(codes, lambda: launch(some_cloud), standard=10.0)


def test_arns_know_the_partition(some_cloud: Cloud) -> None:
    assert some_cloud.arn("ec2", "volume/v") == "arn:aws:ec2:us-west-2:123456789012:volume/v"
    china = some_cloud.in_region("cn-north-1")
    assert china.arn("ec2", "volume/v") == "arn:aws-cn:ec2:cn-north-1:123456789012:volume/v"
