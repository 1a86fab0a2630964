"""The provider resource's configuration as it arrives."""

from __future__ import annotations

import pytest

from sandbox.aws.provider.configuration import (
    CloudAccess,
    ConfigurationError,
    parse_configuration,
    unsupported_keys,
    with_defaults,
)
from sandbox.aws.provider.wire import UNKNOWN, Secret

HERE = {"AWS_ENDPOINT_URL": "http://127.0.0.1:5000", "AWS_REGION": "us-east-1"}


def test_nested_values_are_json_texts() -> None:
    configuration = parse_configuration(
        {
            "region": "eu-west-1",
            "accessKey": Secret("key"),
            "secretKey": Secret("12345"),
            "token": "true",
            "defaultTags": '{"tags":{"a":"1","n":2}}',
            "maxRetries": "3",
            "allowedAccountIds": '["1","2"]',
            "forbiddenAccountIds": '["3"]',
            "endpoints": '[{"s3":"http://localhost:1","ec2":""}]',
            "s3UsePathStyle": "false",
            "skipRequestingAccountId": "true",
            "version": "7.51.1",
        },
        HERE,
    )
    assert configuration.region == "eu-west-1"
    assert configuration.default_tags == {"a": "1", "n": "2"}
    assert configuration.max_attempts == 3
    assert configuration.allowed_accounts == ("1", "2")
    assert configuration.forbidden_accounts == ("3",)
    assert configuration.ask_account is False
    access = configuration.access
    assert (access.access_key, access.secret_key, access.token) == ("key", "12345", "true")
    assert access.path_style is False
    assert access.endpoint_of("s3") == "http://localhost:1"
    assert access.endpoint_of("ec2") == "http://127.0.0.1:5000"


def test_plain_values_are_understood_too() -> None:
    configuration = parse_configuration({"defaultTags": {"tags": {"a": "1"}}, "maxRetries": 4}, HERE)
    assert configuration.default_tags == {"a": "1"}
    assert configuration.max_attempts == 4


def test_what_is_not_stated_comes_from_the_environment_or_the_official_provider() -> None:
    keys = {
        "AWS_ACCESS_KEY_ID": "k",
        "AWS_SECRET_ACCESS_KEY": "s",
        "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:2",
    }
    configuration = parse_configuration({}, {**HERE, **keys})
    assert configuration.max_attempts == 25
    assert configuration.region == "us-east-1"
    assert configuration.ask_account
    assert configuration.access.access_key == "k"
    assert configuration.access.endpoint_of("s3") == "http://127.0.0.1:2"
    assert with_defaults({}, HERE)["region"] == "us-east-1"
    assert with_defaults({"region": "x"}, HERE)["region"] == "x"


@pytest.mark.parametrize(
    ("settings", "environment", "reason"),
    [
        ({}, {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, "Missing region"),
        ({}, {"AWS_REGION": "us-east-1"}, "no endpoint"),
        ({}, {**HERE, "AWS_ENDPOINT_URL": "https://ec2.us-east-1.amazonaws.com"}, "this machine only"),
        ({"endpoints": '[{"s3":"http://10.0.0.1"}]'}, HERE, "refuses the endpoint http://10.0.0.1"),
        ({"endpoints": '[{"s3":"http://127.0.0.1.example.com"}]'}, HERE, "this machine only"),
        ({"maxRetries": "many"}, HERE, "maxRetries is not JSON"),
        ({"profile": "me"}, HERE, "does not support: profile"),
        (
            {"assumeRoles": '[{"roleArn":"a"}]', "useFipsEndpoint": "true"},
            HERE,
            "assumeRoles, useFipsEndpoint",
        ),
        ({"region": UNKNOWN}, HERE, "region is not known yet"),
    ],
)
def test_what_cannot_be_used(settings: dict[str, object], environment: dict[str, str], reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason):
        parse_configuration(settings, environment)


def test_what_is_off_need_not_be_supported() -> None:
    off = {"profile": "", "useFipsEndpoint": "false", "sharedConfigFiles": "[]", "insecure": None}
    assert unsupported_keys(off) == []


def test_accounts_are_allowed_and_forbidden() -> None:
    allowing = parse_configuration({"allowedAccountIds": '["1"]'}, HERE)
    allowing.check_account("1")
    with pytest.raises(ConfigurationError, match="account ID not allowed: 2"):
        allowing.check_account("2")
    with pytest.raises(ConfigurationError, match="account ID not allowed: 2"):
        parse_configuration({"forbiddenAccountIds": '["2"]'}, HERE).check_account("2")


def test_secrets_are_not_shown() -> None:
    assert "hush" not in repr(CloudAccess("r", "e", access_key="k", secret_key="hush", token="hush"))
