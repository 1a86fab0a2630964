"""What the cloud's answers are taken for."""

import base64

import pytest

from sandbox.access.keys import new_keys
from sandbox.hosts.cloud_client import CloudClient, CloudError, Instance, snapshot_of

KEYS = new_keys()
TOLD = {
    "version": 7,
    "volumes": ["vol-1", "vol-2"],
    "instances": [
        {
            "id": "i-0a", "region": "us-east-1", "zone": "us-east-1a", "type": "t3.micro", "state": "running",
            "boot": 2, "market": "spot", "role": None, "tags": {}, "interruption": None,
            "private_ip": "10.0.0.1",
            "volumes": [{"id": "vol-1", "device": "/dev/sdf", "root": False, "size_gb": 5}],
        }
    ],
}  # fmt: skip
INSTANCE = Instance(
    id="i-0a", region="us-east-1", zone="a", type="t", state="running", boot=1, role="arn:role/r"
)


def answering(client, text, seen):
    def send(method, path, data, headers, timeout):
        seen.append((method, path, data, headers))
        return text.encode()

    client._send = send
    return client


def test_snapshot():
    found = snapshot_of(TOLD)
    assert (found.version, found.volumes) == (7, {"vol-1", "vol-2"})
    assert found.instances[0].volumes[0].device == "/dev/sdf"
    assert found.instances[0].boot == 2


@pytest.mark.parametrize(
    "change",
    [
        {"version": None},
        {"instances": [{"id": "i-0a"}]},
        {"volumes": 5},
        {"instances": [{**TOLD["instances"][0], "id": "../x"}]},
    ],
)
def test_answers_that_break_the_contract(change):
    with pytest.raises(CloudError):
        snapshot_of({**TOLD, **change})


def test_user_data_is_given_byte_for_byte():
    data = bytes(range(256))
    text = (
        '<?xml version="1.0"?><DescribeInstanceAttributeResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">'
        f"<userData><value>{base64.b64encode(data).decode()}</value></userData></DescribeInstanceAttributeResponse>"
    )
    seen = []
    assert answering(CloudClient("http://127.0.0.1:1", KEYS), text, seen).user_data(INSTANCE) == data
    _, path, body, headers = seen[0]
    assert path == "/"
    assert b"Action=DescribeInstanceAttribute" in body
    assert "/us-east-1/ec2/aws4_request" in headers["authorization"]


def test_no_user_data_is_empty():
    client = answering(CloudClient("http://127.0.0.1:1", KEYS), "<R><userData/></R>", [])
    assert client.user_data(INSTANCE) == b""


def test_wrong_answers_are_cloud_errors():
    client = answering(CloudClient("http://127.0.0.1:1", KEYS), "not xml", [])
    with pytest.raises(CloudError, match="not XML"):
        client.user_data(INSTANCE)
    with pytest.raises(CloudError, match="not JSON"):
        client.snapshot(0, 1)
    garbled = answering(
        CloudClient("http://127.0.0.1:1", KEYS), "<R><userData><value>%%</value></userData></R>", []
    )
    with pytest.raises(CloudError, match="not base64"):
        garbled.user_data(INSTANCE)


def test_role_credentials():
    text = (
        "<R><Credentials><AccessKeyId>A</AccessKeyId><SecretAccessKey>S</SecretAccessKey>"
        "<SessionToken>T</SessionToken><Expiration>2026-11-22T13:00:00.000Z</Expiration></Credentials></R>"
    )
    seen = []
    found = answering(CloudClient("http://127.0.0.1:1", KEYS), text, seen).role_credentials(INSTANCE, 3600)
    assert (found.access_key_id, found.token, found.expiration.hour) == ("A", "T", 13)
    assert b"RoleArn=arn%3Arole%2Fr" in seen[0][2]
    assert "/sts/aws4_request" in seen[0][3]["authorization"]
