"""The registry's password is asked with the machine's role, in the registry's own region."""

from __future__ import annotations

import base64
import json

import pytest
from support.scripted_web import ScriptedWeb

from runctl_auto.agent.containers.aws_registry import AwsRegistry
from runctl_auto.agent.errors import AgentError
from runctl_auto.agent.machine.json_request import JsonServiceError
from runctl_auto.agent.store.sigv4 import Credentials


def registry(*answers: object, endpoint: str | None = None) -> tuple[AwsRegistry, ScriptedWeb]:
    web = ScriptedWeb(list(answers))
    found = AwsRegistry(
        web, lambda: Credentials("key", "secret", "token"), lambda operation: operation(), endpoint
    )
    return found, web


def test_user_and_password() -> None:
    token = base64.b64encode(b"AWS:s3cret:with:colons").decode()
    answer = json.dumps({"authorizationData": [{"authorizationToken": token}]}).encode()
    found, web = registry((200, answer))
    assert found.password("eu-west-1") == ("AWS", "s3cret:with:colons")
    (asked,) = web.asked
    assert asked.url == "https://api.ecr.eu-west-1.amazonaws.com/"
    assert asked.headers["x-amz-target"].endswith(".GetAuthorizationToken")
    assert "/eu-west-1/ecr/aws4_request" in asked.headers["authorization"]


def test_refusals_are_told_with_their_code() -> None:
    found, _ = registry((400, b'{"__type": "com.amazon#AccessDeniedException", "message": "no"}'))
    with pytest.raises(JsonServiceError, match="400 AccessDeniedException: no"):
        found.password("eu-west-1")
    found, _ = registry((200, b"{}"))
    with pytest.raises(AgentError, match="without a password"):
        found.password("eu-west-1")
