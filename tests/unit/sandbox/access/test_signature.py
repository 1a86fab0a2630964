"""The signature against botocore's, for what AWS's clients send."""

import hashlib
from dataclasses import replace
from datetime import datetime, timezone
from urllib.parse import urlsplit

import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from sandbox.access.keys import CloudKeys
from sandbox.access.signature import Signature, SignedRequest, is_signed_with, signed_headers

KEYS = CloudKeys("AKIAEXAMPLE", "the-secret", "token")
HOST = "http://127.0.0.1:4000"
HEADER = (
    f"AWS4-HMAC-SHA256 Credential=a/20260101/r/ec2/aws4_request, SignedHeaders=host, Signature={'0' * 64}"
)
REQUESTS = [
    ("ec2", "POST", "/", b"Action=DescribeInstances&Version=2016-11-15"),
    ("sts", "POST", "/", b"Action=GetCallerIdentity&Version=2011-06-15"),
    ("ssm", "POST", "/", b'{"Names": ["/runctl/a/b"]}'),
    ("scheduler", "GET", "/schedules?ScheduleGroup=a&NamePrefix=b%20c", b""),
    ("scheduler", "POST", "/tags/arn%3Aaws%3Ascheduler%3A%3A1%3Agroup%2Fx", b"{}"),
    ("s3", "GET", "/bucket?list-type=2&prefix=a%2Fb&delimiter=&start-after", b""),
    ("s3", "PUT", "/bucket/a%20b/%C3%A4~%2B", b"content"),
    ("s3", "HEAD", "/bucket/key?versionId=1", b""),
]


def signed(service: str, method: str, path: str, body: bytes, token: str | None = None) -> SignedRequest:
    """What botocore sends, as the cloud sees it; the header `authorization` included."""
    request = AWSRequest(method, f"{HOST}{path}", data=body)
    request.headers["Host"] = "127.0.0.1:4000"
    request.headers["Content-Type"] = "application/x-amz-json-1.1;  charset=utf-8"
    auth = S3SigV4Auth if service == "s3" else SigV4Auth
    credentials = Credentials(KEYS.access_key_id, KEYS.secret_access_key, token)
    auth(credentials, service, "us-east-1").add_auth(request)
    sent = {name.lower(): value for name, value in request.prepare().headers.items()}
    parts = urlsplit(f"{HOST}{path}")
    digest = sent.get("x-amz-content-sha256") or hashlib.sha256(body).hexdigest()
    return SignedRequest(method, parts.path, parts.query, lambda name: sent.get(name, ""), digest)


def parsed(request: SignedRequest) -> Signature:
    found = Signature.of(request.header("authorization"))
    assert found is not None
    return found


@pytest.mark.parametrize("given", REQUESTS, ids=lambda given: f"{given[0]}-{given[1]}{given[2]}")
@pytest.mark.parametrize("token", [None, "a-session-token"])
def test_what_botocore_signs_is_accepted(given: tuple[str, str, str, bytes], token: str | None) -> None:
    request = signed(*given, token)
    signature = parsed(request)
    assert (signature.access_key, signature.region, signature.service) == (
        "AKIAEXAMPLE",
        "us-east-1",
        given[0],
    )
    assert is_signed_with("the-secret", signature, request)


@pytest.mark.parametrize("given", REQUESTS, ids=lambda given: f"{given[0]}-{given[1]}{given[2]}")
def test_with_another_secret_or_a_change_it_is_refused(given: tuple[str, str, str, bytes]) -> None:
    request = signed(*given)
    signature = parsed(request)
    assert not is_signed_with("another-secret", signature, request)
    changes = [
        replace(request, method="DELETE"),
        replace(request, path=request.path + "x"),
        replace(request, query="x=1"),
        replace(request, payload_sha256="0" * 64),
        replace(request, header=lambda name: "127.0.0.1:1" if name == "host" else request.header(name)),
    ]
    assert not any(is_signed_with("the-secret", signature, changed) for changed in changes)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer token",
        "AWS AKIA:signature",
        "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/ec2/aws4_request, SignedHeaders=host, Signature=0",
        f"AWS4-HMAC-SHA256 Credential=a/1/r/ec2/aws4_request, SignedHeaders=host, Signature={'0' * 64}",
        f"x {HEADER}",
        f"{HEADER}, Credential=b/20260101/r/s3/aws4_request",
    ],
)
def test_other_headers_are_no_signature(header: str) -> None:
    assert Signature.of(header) is None


def test_the_host_must_be_signed() -> None:
    request = signed(*REQUESTS[0])
    signature = parsed(request)
    less = Signature(
        signature.access_key, signature.date, signature.region, signature.service, ("x-amz-date",), "0" * 64
    )
    assert not is_signed_with("the-secret", less, request)


def test_hosts_sign_what_the_cloud_accepts() -> None:
    body = b"Action=AssumeRole"
    digest = hashlib.sha256(body).hexdigest()
    now = datetime(2026, 11, 30, 1, 2, 3, tzinfo=timezone.utc)
    named = {"host": "127.0.0.1:4000", "content-type": "application/x-www-form-urlencoded"}
    headers = signed_headers("POST", "/", digest, named, keys=KEYS, place=("us-east-1", "sts"), now=now)
    request = SignedRequest("POST", "/", "", lambda name: headers.get(name, ""), digest)
    assert headers["x-amz-date"] == "20261130T010203Z"
    assert is_signed_with("the-secret", parsed(request), request)
