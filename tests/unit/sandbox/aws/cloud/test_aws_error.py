import json
from xml.etree import ElementTree

import pytest

from sandbox.aws.cloud.aws_error import AwsError, render
from sandbox.aws.cloud.operations import AwsCall

ERROR = AwsError("InsufficientInstanceCapacity", "a < b", 500)


@pytest.mark.parametrize("service", ["ec2", "s3", "iam", "sts"])
def test_xml_services_get_the_code_in_xml(service: str) -> None:
    kind, body = render(ERROR, AwsCall(service, "Anything"), "request-1")
    root = ElementTree.fromstring(body)
    assert kind == "text/xml"
    assert [element.text for element in root.iter("Code")] == [ERROR.code]
    assert next(root.iter("Message")).text == "a < b"


def test_json_services_get_the_code_in_json() -> None:
    kind, body = render(ERROR, AwsCall("ssm", "GetParameter", is_json=True), "request-1")
    assert kind == "application/x-amz-json-1.1"
    assert json.loads(body) == {"__type": ERROR.code, "message": "a < b"}
