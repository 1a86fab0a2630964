"""Calls to the cloud: pages of every style, each page retried by itself."""

from __future__ import annotations

from typing import Any
from unittest.mock import Mock

import pytest
from botocore.exceptions import ClientError

from runctl_auto.errors import AccessDeniedError, CloudError
from runctl_auto.providers.aws.access import Cloud


class Service:
    """A client whose only operation answers from a script; exceptions are raised."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[dict[str, Any]] = []

    def list_things(self, **parameters: Any) -> Any:
        self.asked.append(parameters)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def cloud_of(service: Service) -> Cloud:
    factory = Mock(spec=lambda service, region: None, return_value=service)
    return Cloud(factory, "eu-west-1", sleep=lambda _: None)


THROTTLED = ClientError({"Error": {"Code": "Throttling", "Message": ""}}, "ListThings")


@pytest.mark.parametrize(
    ("given_token", "asked_token"),
    [
        ("NextToken", "NextToken"),
        ("NextContinuationToken", "ContinuationToken"),
        ("Marker", "Marker"),
        ("NextKeyMarker", "KeyMarker"),
    ],
)
def test_all_pages_of_every_style_are_read(given_token: str, asked_token: str) -> None:
    service = Service({"Things": [1, 2], given_token: "more"}, {"Things": [3]})
    found = list(cloud_of(service).pages("ec2", "list_things", "Things", Filter="f"))
    assert found == [1, 2, 3]
    assert service.asked == [{"Filter": "f"}, {"Filter": "f", asked_token: "more"}]


def test_a_page_that_leads_to_itself_is_an_error() -> None:
    service = Service({"Things": [1], "NextToken": "a"}, {"Things": [2], "NextToken": "a"})
    with pytest.raises(CloudError, match="same page again"):
        list(cloud_of(service).pages("ec2", "list_things", "Things"))


def test_a_list_that_is_not_truncated_ends() -> None:
    service = Service({"Things": [1], "Marker": "echo", "IsTruncated": False})
    assert list(cloud_of(service).pages("iam", "list_things", "Things")) == [1]


def test_a_throttled_page_is_repeated_and_none_is_lost() -> None:
    service = Service({"Things": [1], "NextToken": "n"}, THROTTLED, THROTTLED, {"Things": [2]})
    assert list(cloud_of(service).pages("ec2", "list_things", "Things")) == [1, 2]
    assert len(service.asked) == 4


def test_denied_it_stops_at_the_first() -> None:
    denied = ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "ListThings")
    service = Service(denied)
    with pytest.raises(AccessDeniedError, match="s3 list_things failed with AccessDenied: no"):
        cloud_of(service).call("s3", "list_things")
    assert len(service.asked) == 1


def test_a_client_is_made_once_for_its_region() -> None:
    service = Service({}, {})
    factory = Mock(spec=lambda service, region: None, return_value=service)
    cloud = Cloud(factory, "eu-west-1")
    cloud.call("ec2", "list_things")
    cloud.call("ec2", "list_things")
    factory.assert_called_once_with("ec2", "eu-west-1")
