"""What a job's role reaches in the emulated cloud, with the policy that the components give it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import pytest

from components.machine_access import MachineAccess, access_policy
from sandbox.aws.cloud.operations import read_call
from sandbox.aws.cloud.roles import RoleSession
from sandbox.aws.cloud.session_access import refusal_of
from sandbox.aws.cloud.tagged_resources import Tagged

SESSION = RoleSession("ASIA1", "s", "t", "arn:aws:iam::123456789012:role/runctl-own", "i-1")
POLICY = access_policy(
    MachineAccess(
        account="123456789012",
        partition="aws",
        region="us-east-1",
        job="own",
        run="run-1",
        lineage="line",
        bucket="own-bucket",
        has_secrets=True,
        data=["s3://data/train"],
    )
)
FORM, JSON = "application/x-www-form-urlencoded; charset=utf-8", "application/x-amz-json-1.1"


GROUPS = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": ["autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup"],
            "Resource": "arn:aws:autoscaling:*:*:autoScalingGroup:*:autoScalingGroupName/runctl-own",
        },
        {
            "Effect": "Allow",
            "Action": "autoscaling:CreateOrUpdateTags",
            "Resource": "arn:aws:autoscaling:*:*:autoScalingGroup:*:autoScalingGroupName/runctl-own",
            "Condition": {"ForAllValues:StringEquals": {"aws:TagKeys": ["runctl:failed-boots"]}},
        },
        {
            "Effect": "Allow",
            "Action": "ec2:AttachVolume",
            "Resource": "arn:aws:ec2:us-east-1:123456789012:volume/vol-own",
        },
        {
            "Effect": "Allow",
            "Action": "ec2:AttachVolume",
            "Resource": "arn:aws:ec2:us-east-1:123456789012:instance/*",
            "Condition": {"StringEquals": {"aws:ResourceTag/runctl:job": "own"}},
        },
    ],
}


@dataclass
class Request:
    """A request as the guard hands it on."""

    region: str
    service: str
    query: str
    body: bytes
    given: dict[str, str]

    def headers(self, name: str) -> str:
        return self.given.get(name, "")


class Resources:
    """Two jobs' groups, volumes and machines."""

    place = "us-east-1:123456789012"

    def group(self, account: str, region: str, name: str) -> Tagged:
        assert (account, region) == ("123456789012", "us-east-1")
        tags = {"runctl:job": name.removeprefix("runctl-")}
        arn = f"arn:aws:autoscaling:{self.place}:autoScalingGroup:1f:autoScalingGroupName/{name}"
        return Tagged(arn, tags)

    def group_of(self, account: str, region: str, instance: str) -> str:
        del account, region
        return {"i-own": "runctl-own", "i-other": "runctl-other"}.get(instance, "")

    def in_ec2(self, account: str, region: str, kind: str, identity: str) -> Tagged:
        del account, region
        tags = {"runctl:job": identity.partition("-")[2]}
        return Tagged(f"arn:aws:ec2:{self.place}:{kind}/{identity}", tags)


def refusal(
    service: str, method: str, path: str, body: bytes = b"", *, policy: Any = POLICY, **headers: str
) -> str | None:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    bare, _, asked = path.partition("?")
    scope = f"AWS4-HMAC-SHA256 Credential=ASIA1/20261130/us-east-1/{service}/aws4_request"
    environ = {
        "REQUEST_METHOD": method,
        "PATH_INFO": bare,
        "QUERY_STRING": asked,
        "HTTP_AUTHORIZATION": scope,
    }
    environ |= {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in given.items()}
    request = Request("us-east-1", service, asked, body, given)
    found = refusal_of([policy], SESSION, read_call(environ, body), request, Resources())
    assert found is None or found.status == 403
    return None if found is None else f"{found.code}: {found.message}"


def s3(method: str, path: str, body: bytes = b"", **headers: str) -> str | None:
    return refusal("s3", method, path, body, **headers)


def ssm(operation: str, content: Any, **headers: str) -> str | None:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    named = {"content_type": JSON, "x_amz_target": f"AmazonSSM.{operation}", **headers}
    return refusal("ssm", "POST", "/", body, **named)


def query(service: str, *pairs: tuple[str, str], policy: Any = POLICY, **headers: str) -> str | None:
    body = urlencode(pairs).encode()
    return refusal(service, "POST", "/", body, policy=policy, **{"content_type": FORM, **headers})


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/own-bucket?list-type=2&prefix=checkpoints/"),
        ("HEAD", "/own-bucket"),
        ("GET", "/own-bucket/code/a.tar.gz"),
        ("HEAD", "/own-bucket/checkpoints/line/00000007/manifest.json"),
        ("PUT", "/own-bucket/runs/run-1/status.json"),
        ("POST", "/own-bucket/checkpoints/line/00000007/model?uploads"),
        ("PUT", "/own-bucket/checkpoints/line/00000007/model?partNumber=1&uploadId=u"),
        ("POST", "/own-bucket/checkpoints/line/00000007/model?uploadId=u"),
        ("DELETE", "/own-bucket/checkpoints/line/00000007/model?uploadId=u"),
        ("DELETE", "/own-bucket/checkpoints/line/00000007/manifest.json"),
        ("GET", "/data/train/a.txt"),
        ("GET", "/data?list-type=2&prefix=train/"),
    ],
)
def test_a_host_reaches_what_is_its_jobs(method: str, path: str) -> None:
    assert s3(method, path) is None


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/other-bucket?list-type=2"),
        ("HEAD", "/other-bucket"),
        ("GET", "/other-bucket/code/a.tar.gz"),
        ("GET", "/own-bucket-2/code/a.tar.gz"),
        ("GET", "//other-bucket/code/a.tar.gz"),
        ("PUT", "/other-bucket/checkpoints/line/00000007/model"),
        ("PUT", "/new-bucket"),
        ("DELETE", "/own-bucket"),
        ("PUT", "/own-bucket/code/a.tar.gz"),
        ("PUT", "/own-bucket/runs/run-2/status.json"),
        ("PUT", "/own-bucket/runs/run-1/spec.json"),
        ("PUT", "/own-bucket/runs/run-1/control/stop.json"),
        ("PUT", "/own-bucket/runs/run-1/spec.json?tagging"),
        ("POST", "/own-bucket/runs/run-1/spec.json?uploads"),
        ("PUT", "/own-bucket/checkpoints/line/chosen.json"),
        ("PUT", "/own-bucket/checkpoints/other/00000007/manifest.json"),
        ("DELETE", "/own-bucket/checkpoints/other/00000007/manifest.json"),
        ("GET", "/own-bucket/checkpoints/other/00000007/manifest.json"),
        ("PUT", "/own-bucket/CHECKPOINTS/line/00000007/model"),
        ("GET", "/own-bucket/runs/run-2/status.json"),
        ("DELETE", "/own-bucket/runs/run-1/status.json"),
        ("DELETE", "/own-bucket/checkpoints/line/00000007/model?versionId=1"),
        ("GET", "/own-bucket/checkpoints/line/00000007/model?versionId=1"),
        ("PUT", "/own-bucket?policy"),
        ("PUT", "/own-bucket?versioning"),
        ("GET", "/own-bucket?versions"),
        ("PUT", "/own-bucket/checkpoints/line/00000007/model?acl"),
        ("POST", "/own-bucket"),
        ("GET", "/data/other/a.txt"),
        ("GET", "/data/training/a.txt"),
        ("GET", "/data?list-type=2"),
        ("GET", "/data?list-type=2&prefix=other/"),
        ("GET", "/latest/meta-data/"),
        ("POST", "/v20180820/jobs"),
    ],
)
def test_a_host_reaches_nothing_else(method: str, path: str) -> None:
    assert "AccessDenied" in str(s3(method, path))


def test_copies_are_judged_by_their_source_too() -> None:
    target = "/own-bucket/checkpoints/line/00000007/model"
    assert s3("PUT", target, x_amz_copy_source="own-bucket/checkpoints/line/00000006/model") is None
    for source in (
        "other-bucket/checkpoints/line/00000006/model",
        "/other-bucket/a",
        "%2Fother-bucket%2Fa",
        "other-bucket/a?versionId=1",
    ):
        assert "other-bucket" in str(s3("PUT", target, x_amz_copy_source=source))
        assert "other-bucket" in str(s3("PUT", f"{target}?partNumber=1&uploadId=u", x_amz_copy_source=source))


def test_deletions_are_judged_by_every_key() -> None:
    own = "checkpoints/line/00000001"

    def deletion(*keys: str, more: str = "") -> bytes:
        objects = "".join(f"<Object><Key>{key}</Key>{more}</Object>" for key in keys)
        return f'<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{objects}</Delete>'.encode()

    assert s3("POST", "/own-bucket?delete", deletion(f"{own}/a", f"{own}/&lt;b")) is None
    assert s3("POST", "/own-bucket?delete", deletion(f"{own}/a", "runs/run-1/spec.json"))
    assert s3("POST", "/own-bucket?delete", deletion(f"{own}/a", "checkpoints/other/00000001/a"))
    assert s3("POST", "/own-bucket?delete", deletion(f"{own}/a", more="<VersionId>1</VersionId>"))
    assert s3("POST", "/other-bucket?delete", deletion(f"{own}/a"))
    assert s3("POST", "/own-bucket?delete", deletion(f"{own}/a"), content_encoding="gzip")
    for body in (
        b"",
        b"<Delete/>",
        b"not xml",
        b"\x1f\x8b",
        b"<Delete><Object><Key><![CDATA[runs/x]]></Key></Object></Delete>",
    ):
        assert s3("POST", "/own-bucket?delete", body)


def test_parameters_are_judged_by_every_name() -> None:
    assert ssm("GetParameters", {"Names": ["/runctl/own/A", "/runctl/own/B"], "WithDecryption": True}) is None
    refused = [
        ssm("GetParameters", {"Names": ["/runctl/own/A", "/runctl/other/B"]}),
        ssm("GetParameters", {"Names": ["/runctl/owner/B"]}),
        ssm("GetParameters", {"Names": ["arn:aws:ssm:us-east-1:123456789012:parameter/runctl/other/B"]}),
        ssm("GetParameters", {"Names": []}),
        ssm("GetParameters", {}),
        ssm("GetParameter", {"Name": "/runctl/own/A"}),
        ssm("GetParametersByPath", {"Path": "/runctl/own/"}),
        ssm("DescribeParameters", {}),
        ssm("PutParameter", {"Name": "/runctl/own/A", "Value": "x"}),
        ssm("SendCommand", {"InstanceIds": ["i-1"]}),
    ]
    assert all("AccessDeniedException" in str(each) for each in refused)


@pytest.mark.parametrize(
    "attempt",
    [
        lambda: ssm("GetParameters", b'{"Names": ["/runctl/own/A"], "x": "&Action=DescribeParameters&"}'),
        lambda: ssm("GetParameters", b"Names=/runctl/own/A"),
        lambda: ssm("GetParameters", b'["/runctl/own/A"]'),
        lambda: ssm("GetParameters", {"Names": ["/runctl/own/A"]}, action="DescribeParameters"),
        lambda: ssm("GetParameters", {"Names": ["/runctl/own/A"]}, content_type=FORM),
        lambda: ssm("GetParameters", {"Names": ["/runctl/own/A"]}, content_encoding="gzip"),
        lambda: ssm("GetParameters", {"Names": ["/runctl/own/A"]}, x_amz_target="Other.GetParameters"),
        lambda: refusal(
            "ssm",
            "POST",
            "/?Action=DescribeParameters",
            b'{"Names": ["/runctl/own/A"]}',
            content_type=JSON,
            x_amz_target="AmazonSSM.GetParameters",
        ),
        lambda: refusal(
            "iam",
            "POST",
            "/",
            b'{"Names": ["/runctl/own/A"]}',
            content_type=JSON,
            x_amz_target="AmazonSSM.GetParameters",
        ),
        lambda: query("sts", ("Action", "AssumeRole"), ("Action", "GetCallerIdentity")),
        lambda: query("sts", ("Action", "GetCallerIdentity"), content_type=JSON),
        lambda: query("sts", ("Action", "GetCallerIdentity"), x_amz_target="X.GetCallerIdentity"),
        lambda: refusal("sts", "POST", "/?Action=AssumeRole", b"Action=GetCallerIdentity", content_type=FORM),
        lambda: refusal("sts", "GET", "/?Action=GetCallerIdentity"),
        lambda: s3("GET", "/own-bucket/code/a.tar.gz", x_amz_target="AmazonSSM.GetParameters"),
    ],
)
def test_calls_that_can_be_read_in_two_ways_are_refused(attempt: Any) -> None:
    assert attempt() is not None


@pytest.mark.parametrize(
    ("service", "action"),
    [
        ("sts", "AssumeRole"),
        ("sts", "GetSessionToken"),
        ("iam", "CreateAccessKey"),
        ("iam", "PutRolePolicy"),
        ("ec2", "RunInstances"),
        ("ec2", "DescribeInstances"),
        ("ec2", "TerminateInstances"),
    ],
)
def test_calls_of_other_services_need_their_action(service: str, action: str) -> None:
    assert f"{service}:{action}" in str(query(service, ("Action", action)))


def test_everybody_may_ask_who_they_are() -> None:
    assert query("sts", ("Action", "GetCallerIdentity")) is None


@pytest.mark.parametrize(
    ("service", "target", "action"),
    [
        ("tagging", "ResourceGroupsTaggingAPI_20170126.GetResources", "tag:GetResources"),
        ("servicequotas", "ServiceQuotasV20190624.GetServiceQuota", "servicequotas:GetServiceQuota"),
        ("logs", "Logs_20140328.DescribeLogGroups", "logs:DescribeLogGroups"),
    ],
)
def test_services_that_speak_json_are_known(service: str, target: str, action: str) -> None:
    for allowed in (action, "ec2:RunInstances"):
        policy = {"Statement": [{"Effect": "Allow", "Action": allowed, "Resource": "*"}]}
        found = refusal(service, "POST", "/", b"{}", policy=policy, content_type=JSON, x_amz_target=target)
        assert (found is None) is (allowed == action)


def test_parameters_of_aws_are_in_no_account() -> None:
    public = "arn:aws:ssm:us-east-1::parameter/aws/service/*"
    policy = {"Statement": [{"Effect": "Allow", "Action": "ssm:GetParameter", "Resource": public}]}
    named = {"content_type": JSON, "x_amz_target": "AmazonSSM.GetParameter"}
    for name, reached in (("/aws/service/ami/al2023", True), ("/own/aws/service/x", False)):
        body = json.dumps({"Name": name}).encode()
        assert (refusal("ssm", "POST", "/", body, policy=policy, **named) is None) is reached


def of_group(operation: str, *pairs: tuple[str, str]) -> str | None:
    return query("autoscaling", ("Action", operation), *pairs, policy=GROUPS)


@pytest.mark.parametrize("job", ["own", "other"])
def test_a_machine_changes_the_capacity_of_its_own_group_only(job: str) -> None:
    named = ("AutoScalingGroupName", f"runctl-{job}")
    told = of_group("SetDesiredCapacity", named, ("DesiredCapacity", "0"))
    assert (told is None) == (job == "own")
    ended = of_group("TerminateInstanceInAutoScalingGroup", ("InstanceId", f"i-{job}"))
    assert (ended is None) == (job == "own")
    assert of_group("UpdateAutoScalingGroup", named, ("MaxSize", "9")) is not None
    assert of_group("DescribeAutoScalingGroups") is not None


@pytest.mark.parametrize(
    ("job", "key", "may"),
    [
        ("own", "runctl:failed-boots", True),
        ("own", "runctl:job", False),
        ("other", "runctl:failed-boots", False),
    ],
)
def test_a_machine_sets_one_tag_of_its_group(job: str, key: str, may: bool) -> None:
    told = of_group(
        "CreateOrUpdateTags", ("Tags.member.1.ResourceId", f"runctl-{job}"), ("Tags.member.1.Key", key)
    )
    assert (told is None) == may
    both = (("Tags.member.2.ResourceId", "runctl-own"), ("Tags.member.2.Key", "Name"))
    first = (("Tags.member.1.ResourceId", f"runctl-{job}"), ("Tags.member.1.Key", key))
    assert of_group("CreateOrUpdateTags", *first, *both) is not None, "one of the keys is not allowed"


@pytest.mark.parametrize("volume", ["vol-own", "vol-other"])
@pytest.mark.parametrize("machine", ["i-own", "i-other"])
def test_a_volume_is_attached_where_both_are_the_jobs(volume: str, machine: str) -> None:
    pairs = (("Action", "AttachVolume"), ("VolumeId", volume), ("InstanceId", machine))
    told = query("ec2", *pairs, policy=GROUPS)
    assert (told is None) == ((volume, machine) == ("vol-own", "i-own"))
