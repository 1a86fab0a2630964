from __future__ import annotations

import json
from datetime import datetime, timezone

import pytest
from support.scripted_web import ScriptedWeb

from runctl_auto.agent.errors import CredentialsError, UnreachableError
from runctl_auto.agent.machine.imds import InstanceMetadata

TOKEN = (200, b"token")


def keys(expires_at: float, name: str = "AKIA") -> tuple[int, bytes]:
    moment = datetime.fromtimestamp(expires_at, tz=timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    data = {"AccessKeyId": name, "SecretAccessKey": "s", "Token": "t", "Expiration": moment}
    return 200, json.dumps(data).encode()


def test_a_token_is_fetched_once_and_shown_each_time(clock) -> None:
    web = ScriptedWeb([TOKEN, (200, b"i-1"), (404, b"")])
    metadata = InstanceMetadata(web, clock=clock)
    assert metadata.get("meta-data/instance-id") == "i-1"
    assert metadata.get("meta-data/spot/instance-action") is None
    assert [asked.method for asked in web.asked] == ["PUT", "GET", "GET"]
    assert web.asked[0].url == "http://169.254.169.254/latest/api/token"
    assert web.asked[0].headers == {"X-aws-ec2-metadata-token-ttl-seconds": "21600"}
    assert web.asked[1].headers == {"X-aws-ec2-metadata-token": "token"}


def test_an_expired_token_is_renewed(clock) -> None:
    web = ScriptedWeb([TOKEN, (401, b""), (200, b"new"), (200, b"i-1")])
    assert InstanceMetadata(web, clock=clock).get("meta-data/instance-id") == "i-1"


def test_a_token_is_renewed_before_it_expires(clock) -> None:
    web = ScriptedWeb([TOKEN, (200, b"a"), (200, b"new"), (200, b"b")])
    metadata = InstanceMetadata(web, "http://host:1/", clock)
    metadata.get("x")
    clock.now += 21600 - 60
    metadata.get("x")
    assert web.asked[3].headers == {"X-aws-ec2-metadata-token": "new"}


def test_a_service_that_keeps_refusing_is_unreachable(clock) -> None:
    web = ScriptedWeb([TOKEN, (401, b""), TOKEN, (401, b"")])
    with pytest.raises(UnreachableError, match="401"):
        InstanceMetadata(web, clock=clock).get("x")


def test_credentials_are_kept_until_shortly_before_their_end(clock) -> None:
    web = ScriptedWeb(
        [TOKEN, (200, b"role"), keys(clock.now + 3600), (200, b"role"), keys(clock.now + 7200, "NEW")]
    )
    metadata = InstanceMetadata(web, clock=clock)
    assert metadata.credentials().access_key == "AKIA"
    clock.now += 3000
    assert metadata.credentials().access_key == "AKIA"
    clock.now += 400
    assert metadata.credentials().access_key == "NEW"


def test_forgotten_credentials_are_fetched_again(clock) -> None:
    web = ScriptedWeb(
        [TOKEN, (200, b"role"), keys(clock.now + 3600), (200, b"role"), keys(clock.now + 3600, "NEW")]
    )
    metadata = InstanceMetadata(web, clock=clock)
    metadata.credentials()
    metadata.forget_credentials()
    assert metadata.credentials().access_key == "NEW"


@pytest.mark.parametrize(
    "answers",
    [[TOKEN, (404, b"")], [TOKEN, (200, b"role"), (404, b"")], [TOKEN, (200, b"role"), (200, b"{}")]],
)
def test_an_instance_without_usable_credentials_says_so(clock, answers: list[object]) -> None:
    with pytest.raises(CredentialsError):
        InstanceMetadata(ScriptedWeb(answers), clock=clock).credentials()
