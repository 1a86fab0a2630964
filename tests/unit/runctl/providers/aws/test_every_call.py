"""Every call of ours to the cloud, found in the source, passes the one retry layer.

Each is made with a real client of botocore over a transport that answers as the service does: throttled
twice, then well; or denied.
"""

from __future__ import annotations

import ast
import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from support.own_calls import ROOT, SERVICES, operations, own_calls, service_models, source_trees

from runctl_auto.errors import AccessDeniedError, ThrottledError
from runctl_auto.permissions.document import RECORDING_CALLS, calls_of
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.clients import client_maker

QUERY = ("autoscaling", "iam", "sts")
THROTTLING = {"ec2": "RequestLimitExceeded", "s3": "SlowDown", **dict.fromkeys(QUERY, "Throttling")}
DENIED = {"ec2": "UnauthorizedOperation", **dict.fromkeys(("s3", *QUERY), "AccessDenied")}


class Transport:
    """Answers in place of the network: the given codes, one a request, then well."""

    def __init__(self, service: str, operation: str, *codes: str) -> None:
        self.service = service
        self.operation = operation
        self.codes = list(codes)
        self.requests = 0
        self.good: bytes | None = None

    def __call__(self, request: Any, **_: object) -> AWSResponse:
        self.requests += 1
        code = self.codes.pop(0) if self.codes else None
        status = 200 if code is None else 503 if code == "SlowDown" else 400
        body = self.body(code)
        raw = io.BytesIO(body)
        raw.stream = lambda *_, **__: iter([body])  # type: ignore[attr-defined]
        return AWSResponse(request.url, status, {"Content-Length": str(len(body))}, raw)

    def body(self, code: str | None) -> bytes:
        if code is None and self.good is not None:
            return self.good
        protocol = service_models()[self.service].resolved_protocol
        if protocol == "json":
            return b"{}" if code is None else json.dumps({"__type": code, "message": "said so"}).encode()
        if code is None:
            return (
                b"" if protocol == "rest-xml" else f"<Response><{self.operation}Result/></Response>".encode()
            )
        error = f"<Error><Code>{code}</Code><Message>said so</Message></Error>"
        whole = {
            "ec2": f"<Response><Errors>{error}</Errors></Response>",
            "query": f"<ErrorResponse>{error}</ErrorResponse>",
        }
        return whole.get(protocol, error).encode()


@pytest.fixture(scope="module")
def clients() -> Callable[[str, str], Any]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_ACCESS_KEY_ID", "x")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "x")
        environment.delenv("AWS_PROFILE", raising=False)
        environment.setenv("AWS_CONFIG_FILE", "/dev/null")
        make, made = client_maker(), {}
        for service in SERVICES:
            made[service] = make(service, "eu-west-1")
    return lambda service, region: made[service]


def least(shape: Any) -> Any:
    """The least value that botocore takes for a shape."""
    least_number = shape.metadata.get("min", 1)
    if shape.type_name == "structure":
        return {name: least(shape.members[name]) for name in shape.required_members}
    if shape.type_name == "list":
        return [least(shape.member)] * max(1, least_number)
    if shape.type_name == "string":
        return shape.enum[0] if shape.enum else "x" * max(3, least_number)
    return {"map": {}, "blob": b"xxx", "boolean": True}.get(shape.type_name, least_number)


def called(clients: Any, name: str, *codes: str) -> tuple[Transport, list[float]]:
    service, operation = operations()[name]
    transport, waits = Transport(service, operation, *codes), []  # type: ignore[var-annotated]
    event = f"before-send.{service_models()[service].service_id.hyphenize()}.{operation}"
    client = clients(service, "")
    client.meta.events.register(event, transport)
    try:
        shape = service_models()[service].operation_model(operation).input_shape
        parameters = least(shape) if shape is not None else {}
        Cloud(clients, "eu-west-1", sleep=waits.append).call(service, name, **parameters)
    finally:
        client.meta.events.unregister(event, transport)
        called.transport, called.waits = transport, waits  # type: ignore[attr-defined]
    return transport, waits


def test_there_are_calls_to_test() -> None:
    assert {"describe_instances", "get_object", "list_roles", "get_caller_identity"} <= set(own_calls())
    assert len(own_calls()) > 30


def test_each_call_of_ours_succeeds_though_it_is_throttled_two_times_of_three(clients: Any) -> None:
    rows = []
    for name in own_calls():
        service = operations()[name][0]
        code = THROTTLING.get(service, "ThrottlingException")
        transport, waits = called(clients, name, code, code)
        rows.append(f"{service:8} {name:40} {code:22} {transport.requests} attempts")
        assert transport.requests == 3, f"{name}: botocore must not retry beside us"
        assert [round(wait, 1) for wait in waits] == [0.1, 0.2], name
    print("\n".join(["", *rows, f"{len(rows)} calls"]))


def test_each_call_of_ours_stops_at_the_first_refusal(clients: Any) -> None:
    for name in own_calls():
        code = DENIED.get(operations()[name][0], "AccessDeniedException")
        with pytest.raises(AccessDeniedError, match="said so") as raised:
            called(clients, name, code)
        assert raised.value.code == code
        assert called.transport.requests == 1, name  # type: ignore[attr-defined]
        assert called.waits == [], name  # type: ignore[attr-defined]


def test_no_call_of_ours_is_repeated_for_ever(clients: Any) -> None:
    for name in ("describe_instances", "get_object", "list_roles", "get_parameter"):
        code = THROTTLING.get(operations()[name][0], "ThrottlingException")
        with pytest.raises(ThrottledError, match="5 times"):
            called(clients, name, *[code] * 9)
        assert called.transport.requests == 5  # type: ignore[attr-defined]
        assert [round(wait, 1) for wait in called.waits] == pytest.approx([0.1, 0.2, 0.4, 0.8], abs=0.11)  # type: ignore[attr-defined]


def test_a_wait_of_botocores_own_is_retried_too(clients: Any) -> None:
    """A waiter hides the answer that ended it inside an error of its own."""
    transport, waits = Transport("ec2", "DescribeInstances", "RequestLimitExceeded", "Unavailable"), []  # type: ignore[var-annotated]
    client = clients("ec2", "")
    event = "before-send.ec2.DescribeInstances"
    client.meta.events.register(event, transport)
    try:
        waiter = client.get_waiter("instance_exists")
        transport.good = b"<R><reservationSet><item><instancesSet/></item></reservationSet></R>"
        cloud = Cloud(clients, "eu-west-1", sleep=waits.append)
        cloud.retried(lambda: waiter.wait(WaiterConfig={"Delay": 0, "MaxAttempts": 1}), "waiting")
    finally:
        client.meta.events.unregister(event, transport)
    assert transport.requests == 3
    assert len(waits) == 2


def test_clients_are_made_in_one_place() -> None:
    makers = {"create_client"}
    made_in = set()
    for path, tree in source_trees():
        for node in ast.walk(tree):
            imported = isinstance(node, ast.Import) and any(each.name == "boto3" for each in node.names)
            if imported or (isinstance(node, ast.Attribute) and node.attr in makers):
                made_in.add(path.relative_to(ROOT).as_posix())
    assert made_in == {"runctl_auto/providers/aws/clients.py"}


def test_bare_clients_are_used_inside_the_retry_layer_only() -> None:
    """``client(...)`` gives a bare client: whoever takes one runs it with ``retried``."""
    takers = {
        path.relative_to(ROOT).as_posix()
        for path, tree in source_trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "client"
    }
    no_requests = {
        f"runctl_auto/providers/aws/{each}.py" for each in ("access", "object_data/access", "reach")
    }
    for taker in takers - no_requests:
        text = (ROOT / taker).read_text(encoding="utf-8")
        assert "retried(" in text or taker == "runctl_auto/providers/aws/statuses.py", taker


@pytest.mark.parametrize("name", own_calls())
def test_every_call_is_granted_to_somebody(name: str) -> None:
    service, operation = operations()[name]
    signed_as = {"resourcegroupstaggingapi": "tagging", "service-quotas": "servicequotas"}
    granted = calls_of("sweep") | calls_of("reach") | calls_of("runpod") | set(RECORDING_CALLS)
    assert f"{signed_as.get(service, service)}:{operation}" in granted
