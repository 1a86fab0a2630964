"""Who gets past the guard of the cloud, and how the others are told."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from sandbox.access.keys import CloudKeys
from sandbox.aws.cloud.aws_error import AwsError
from sandbox.aws.cloud.guard import Guard, SessionRequest
from sandbox.aws.cloud.operations import AwsCall
from sandbox.aws.cloud.roles import RoleSession

KEYS = CloudKeys("AKIAOWNER", "owner-secret", "control-token")
SESSION = RoleSession("ASIA1", "role-secret", "role-token", "arn:aws:iam::123456789012:role/trainer", "i-1")
OWN_HOST = "127.0.0.1:4000"
EC2 = b"Action=DescribeInstances&Version=2016-11-15"


class Sessions:
    """One session, which may do nothing but list."""

    def __init__(self) -> None:
        self.judged: list[tuple[str, bytes]] = []

    def find(self, access_key: str) -> RoleSession | None:
        return SESSION if access_key == SESSION.access_key else None

    def refusal(self, session: RoleSession, call: AwsCall, request: SessionRequest) -> AwsError | None:
        self.judged.append((call.name, request.body))
        return None if call.operation.startswith("List") else AwsError("AccessDenied", "no", 403)


class World:
    def __init__(self) -> None:
        self.arrived: list[bytes] = []
        self.sessions = Sessions()
        self.guard = Guard(self._cloud, KEYS, self.sessions)

    def _cloud(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        self.arrived.append(environ["wsgi.input"].read())
        start_response("200 OK", [])
        return [b"answer"]

    def send(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, str]:
        """Status and body; header names with `_` for `-`. The host is the cloud's own unless given."""
        bare, _, query = path.partition("?")
        given = {f"HTTP_{name.upper()}": value for name, value in {"host": OWN_HOST, **headers}.items()}
        if "HTTP_CONTENT_TYPE" in given:
            given["CONTENT_TYPE"] = given.pop("HTTP_CONTENT_TYPE")
        told: list[str] = []
        answer = self.guard(
            {
                "REQUEST_METHOD": method,
                "PATH_INFO": bare,
                "QUERY_STRING": query,
                "RAW_URI": path,
                "SERVER_PORT": "4000",
                "CONTENT_LENGTH": str(len(body)),
                "wsgi.input": io.BytesIO(body),
                **given,
            },
            lambda status, _: told.append(status),
        )
        return int(told[0].split()[0]), b"".join(answer).decode()

    def signed(
        self,
        service: str,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        key: str = KEYS.access_key_id,
        secret: str = KEYS.secret_access_key,
        token: str | None = None,
        **more: str,
    ) -> tuple[int, str]:
        request = AWSRequest(method, f"http://{OWN_HOST}{path}", data=body)
        request.headers["Content-Type"] = "application/x-www-form-urlencoded"
        auth = S3SigV4Auth if service == "s3" else SigV4Auth
        auth(Credentials(key, secret, token), service, "us-east-1").add_auth(request)
        headers = {name.lower().replace("-", "_"): value for name, value in request.prepare().headers.items()}
        headers.pop("content_length", None)
        return self.send(method, path, body, **{**headers, **more})

    def as_role(
        self, service: str, method: str, path: str, body: bytes = b"", **more: str
    ) -> tuple[int, str]:
        told = {"key": SESSION.access_key, "secret": SESSION.secret, "token": SESSION.token, **more}
        return self.signed(service, method, path, body, **told)


@pytest.fixture
def world() -> World:
    return World()


def test_the_owner_of_the_keys_gets_everything(world: World) -> None:
    assert world.signed("ec2", "POST", "/", EC2) == (200, "answer")
    assert world.signed("s3", "PUT", f"/bucket/{quote('a b')}", b"content") == (200, "answer")
    assert world.signed("iam", "POST", "/", b"Action=DeleteRole&Version=2010-05-08")[0] == 200
    assert world.arrived[:2] == [EC2, b"content"]
    assert world.sessions.judged == []


def test_localhost_is_this_server_too(world: World) -> None:
    assert (
        world.send("GET", "/sandbox-api/health", authorization=KEYS.bearer, host="localhost:4000")[0] == 200
    )


@pytest.mark.parametrize(
    ("path", "method"), [("/", "POST"), ("/", "GET"), ("/bucket/key", "GET"), ("/bucket/key", "PUT")]
)
@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer control-token",
        "AWS AKIAOWNER:c2lnbmF0dXJl",
        "AWS4-HMAC-SHA256 Credential=sandbox/20261130/us-east-1/s3/aws4_request",
        "AWS4-HMAC-SHA256 Credential=AKIAOWNER/20261130/us-east-1/s3/aws4_request, SignedHeaders=host, "
        "Signature=none",
    ],
)
def test_unsigned_calls_are_refused(world: World, path: str, method: str, authorization: str) -> None:
    status, told = world.send(method, path, EC2, authorization=authorization)
    assert status == 403
    assert "no signature" in told or method == "HEAD"
    assert world.arrived == []


@pytest.mark.parametrize(
    "service", ["ec2", "s3", "iam", "sts", "ssm", "logs", "scheduler", "kms", "dynamodb"]
)
def test_other_keys_and_wrong_signatures_are_refused(world: World, service: str) -> None:
    for key, secret in (
        ("sandbox", "sandbox"),
        ("test", "test"),
        ("AKIAOWNER", "sandbox"),
        ("ASIA1", "role-secret"),
    ):
        assert world.signed(service, "POST", "/", EC2, key=key, secret=secret)[0] == 403
    assert world.as_role(service, "POST", "/", EC2, token="another")[0] == 403
    assert world.as_role(service, "POST", "/", EC2, secret="another")[0] == 403
    assert world.arrived == []
    assert world.sessions.judged == []


@pytest.mark.parametrize(
    ("service", "code"),
    [
        ("s3", "InvalidAccessKeyId"),
        ("ec2", "AuthFailure"),
        ("sts", "InvalidClientTokenId"),
        ("ssm", "UnrecognizedClientException"),
    ],
)
def test_an_unknown_key_is_told_with_the_services_code(world: World, service: str, code: str) -> None:
    assert code in world.signed(service, "POST", "/", EC2, key="sandbox")[1]


def test_a_body_that_was_not_signed_is_refused(world: World) -> None:
    request = AWSRequest("POST", f"http://{OWN_HOST}/", data=EC2)
    SigV4Auth(Credentials("AKIAOWNER", "owner-secret"), "ec2", "us-east-1").add_auth(request)
    headers = {name.lower().replace("-", "_"): value for name, value in request.headers.items()}
    status, told = world.send("POST", "/", b"Action=TerminateInstances", **headers)
    assert (status, "AuthFailure" in told) == (403, True)


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": f"http://{OWN_HOST}"},
        {"host": "evil.example"},
        {"host": "evil.example:4000"},
        {"host": "bucket.localhost:4000"},
        {"host": "127.0.0.1"},
        {"host": "127.0.0.1:4001"},
        {"host": ""},
    ],
    ids=str,
)
def test_pages_of_a_browser_are_refused_whatever_they_carry(world: World, headers: dict[str, str]) -> None:
    bearer = {"authorization": KEYS.bearer}
    assert world.send("GET", "/sandbox-api/health", **{**bearer, **headers})[0] == 403
    assert world.send("OPTIONS", "/", **headers)[0] == 403
    assert world.signed("ec2", "POST", "/", EC2, **headers)[0] == 403
    assert world.arrived == []


@pytest.mark.parametrize(
    "authorization", ["", "Bearer ", "Bearer control-toke", "control-token", "bearer control-token"]
)
@pytest.mark.parametrize("path", ["health", "instances", "inventory", "faults", "points", "anything"])
def test_the_control_interface_needs_its_token(world: World, authorization: str, path: str) -> None:
    assert world.send("GET", f"/sandbox-api/{path}", authorization=authorization)[0] == 401
    assert world.send("POST", f"/sandbox-api/{path}", b"{}", authorization=authorization)[0] == 401
    assert world.signed("s3", "POST", f"/sandbox-api/{path}", b"{}")[0] == 401
    assert world.as_role("s3", "GET", f"/sandbox-api/{path}")[0] == 401
    assert world.arrived == []


@pytest.mark.parametrize(
    "path",
    [
        "/moto-api",
        "/moto-api/",
        "/moto-api/data.json",
        "//moto-api/reset",
        "/MOTO-API",
        "/moto-api-x",
        "/favicon.ico",
    ],
)
def test_motos_dashboard_is_off(world: World, path: str) -> None:
    assert world.send("GET", path)[0] == 404
    assert world.signed("s3", "POST", path)[0] == 404
    assert world.arrived == []


def test_a_role_session_is_judged_by_its_call(world: World) -> None:
    assert world.as_role("s3", "GET", "/bucket?list-type=2") == (200, "answer")
    status, told = world.as_role("s3", "GET", "/bucket/key")
    assert (status, "<Code>AccessDenied</Code>" in told) == (403, True)
    deletion = b"<Delete><Object><Key>a</Key></Object></Delete>"
    assert world.as_role("s3", "POST", "/bucket?delete", deletion)[0] == 403
    assert world.sessions.judged == [
        ("s3:ListObjectsV2", b""),
        ("s3:GetObject", b""),
        ("s3:DeleteObjects", deletion),
    ]


def test_a_body_that_is_too_large_to_verify_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.aws.cloud.guard._LARGEST_BODY", 10)
    assert world.signed("ec2", "POST", "/", EC2)[0] == 413
    assert world.signed("s3", "PUT", "/bucket/key", b"x" * 100)[0] == 200


def test_a_chunked_body_is_verified_too(world: World) -> None:
    request = AWSRequest("POST", f"http://{OWN_HOST}/", data=EC2)
    SigV4Auth(Credentials("AKIAOWNER", "owner-secret"), "ec2", "us-east-1").add_auth(request)
    environ = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in request.headers.items()}
    told: list[str] = []
    world.guard(
        {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": "/",
            "QUERY_STRING": "",
            "RAW_URI": "/",
            "SERVER_PORT": "4000",
            "HTTP_HOST": OWN_HOST,
            "wsgi.input": io.BytesIO(EC2),
            "wsgi.input_terminated": True,
            **environ,
        },
        lambda status, _: told.append(status),
    )
    assert told == ["200 OK"]
    assert world.arrived == [EC2]
