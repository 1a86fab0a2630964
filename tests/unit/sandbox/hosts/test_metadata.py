"""What the metadata service tells."""

import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from sandbox.hosts.cloud_client import Instance, RoleCredentials
from sandbox.hosts.metadata_service import Metadata, SessionTokens, Sources, host_name

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=timezone.utc)
INSTANCE = Instance(
    id="i-0a", region="eu-west-1", zone="eu-west-1b", type="c7g.large", state="running", boot=1,
    market="spot", image="ami-1", account="123456789012", private_ip="10.1.2.3",
    role="arn:aws:iam::123456789012:role/path/trainer", tags={"Name": "digits", "a/b": "not told"},
)  # fmt: skip


class Cloud:
    def __init__(self) -> None:
        self.now = NOW
        self.issued = 0

    def user_data(self, instance):
        return b"#!/bin/sh\n\xff"

    def instance_profile(self, instance):
        return ("arn:profile", "AIPA1")

    def role_credentials(self, instance, seconds):
        self.issued += 1
        ends = self.now + timedelta(seconds=seconds)
        return RoleCredentials(f"ASIA{self.issued}", "secret", "token", ends)


@pytest.fixture
def cloud():
    return Cloud()


@pytest.fixture
def metadata(cloud):
    sources = Sources(cloud.user_data, cloud.instance_profile, cloud.role_credentials)
    return Metadata(INSTANCE, sources, now=lambda: cloud.now)


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("meta-data/instance-id", "i-0a"),
        ("meta-data/instance-type", "c7g.large"),
        ("meta-data/ami-id", "ami-1"),
        ("meta-data/placement/availability-zone", "eu-west-1b"),
        ("meta-data/placement/region", "eu-west-1"),
        ("meta-data/placement/", "availability-zone\nregion"),
        ("meta-data/local-ipv4", "127.1.2.3"),
        ("meta-data/instance-life-cycle", "spot"),
        ("meta-data/tags/instance/", "Name"),
        ("meta-data/tags/instance/Name", "digits"),
        ("meta-data/iam/security-credentials/", "trainer"),
        ("meta-data/iam/", "info\nsecurity-credentials/"),
    ],
)
def test_told(metadata, path, told):
    assert metadata.get(path) == told.encode()


@pytest.mark.parametrize(
    "path",
    [
        "meta-data/spot/instance-action",
        "meta-data/spot/termination-time",
        "meta-data/events/recommendations/rebalance",
        "meta-data/nothing",
        "meta-data/instance-id/more",
        "meta-data/iam/security-credentials/other",
        "nothing",
    ],
)
def test_not_told(metadata, path):
    assert metadata.get(path) is None


def test_user_data_and_identity(metadata):
    assert metadata.get("user-data") == b"#!/bin/sh\n\xff"
    identity = json.loads(metadata.get("dynamic/instance-identity/document"))
    assert (identity["instanceId"], identity["region"], identity["accountId"]) == (
        "i-0a",
        "eu-west-1",
        "123456789012",
    )
    assert identity["architecture"] == "arm64"


def test_interruption(metadata):
    metadata.instance = replace(
        INSTANCE, interruption={"action": "terminate", "time": "2026-11-22T12:02:00Z"}
    )
    action = json.loads(metadata.get("meta-data/spot/instance-action"))
    assert action == {"action": "terminate", "time": "2026-11-22T12:02:00Z"}
    assert metadata.get("meta-data/spot/termination-time") == b"2026-11-22T12:02:00Z"
    rebalance = json.loads(metadata.get("meta-data/events/recommendations/rebalance"))
    assert rebalance == {"noticeTime": "2026-11-22T12:00:00Z"}


def test_a_rebalance_recommendation_without_a_notice(metadata):
    metadata.instance = replace(INSTANCE, rebalance="2026-11-22T11:58:00Z")
    assert metadata.get("meta-data/spot/instance-action") is None
    told = json.loads(metadata.get("meta-data/events/recommendations/rebalance"))
    assert told == {"noticeTime": "2026-11-22T11:58:00Z"}


def test_no_role_no_credentials(metadata):
    metadata.instance = replace(INSTANCE, role=None)
    assert metadata.get("meta-data/iam/security-credentials/") is None
    assert metadata.get("meta-data/iam/info") is None


def test_credentials_are_kept_and_renewed_before_they_end(metadata, cloud):
    def key():
        return json.loads(metadata.get("meta-data/iam/security-credentials/trainer"))

    assert (key()["AccessKeyId"], key()["AccessKeyId"]) == ("ASIA1", "ASIA1")
    assert key()["Expiration"] == "2026-11-22T13:00:00Z"
    cloud.now += timedelta(minutes=49)
    assert key()["AccessKeyId"] == "ASIA1"
    cloud.now += timedelta(minutes=2)
    assert key()["AccessKeyId"] == "ASIA2"
    metadata.instance = replace(INSTANCE, role="arn:aws:iam::1:role/second")
    assert json.loads(metadata.get("meta-data/iam/security-credentials/second"))["AccessKeyId"] == "ASIA3"


def test_tokens_end_and_are_bounded():
    time = [0.0]
    tokens = SessionTokens(lambda: time[0])
    first = tokens.issue(60)
    assert tokens.valid(first)
    assert not tokens.valid("made up")
    assert not tokens.valid(None)
    time[0] = 61
    assert not tokens.valid(first)
    kept = [tokens.issue(60) for _ in range(1001)]
    assert not tokens.valid(kept[0])
    assert tokens.valid(kept[-1])


def test_host_name():
    assert host_name(INSTANCE) == "ip-10-1-2-3"
    assert host_name(replace(INSTANCE, private_ip="")) == "i-0a"
