"""Connections of engines side by side: configuration, cancellation and work in flight are each one's own."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent import futures
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, status_pb2
from support.grpc_channel import channel_to
from support.provider_stub import provider_stub

from sandbox.aws.provider.wire import decode, encode

pytestmark = pytest.mark.sandbox

URN = "urn:pulumi:s::p::"
LONG = 120.0


class Connection:
    """What an engine does over the connection of one provider resource."""

    def __init__(self, provider: Any, region: str, tags: str) -> None:
        self.channel = channel_to(provider.port)
        self.stub = provider_stub(self.channel, provider.bearer)
        self.stub.Handshake(provider_pb2.ProviderHandshakeRequest())
        self.stub.Attach(plugin_pb2.PluginAttach(address="127.0.0.1:1"))
        self.stub.Configure(
            provider_pb2.ConfigureRequest(
                args=encode({"region": region, "defaultTags": tags, "maxRetries": "25"})
            )
        )

    def check(self, token: str, **given: Any) -> dict[str, Any]:
        answer = self.stub.Check(
            provider_pb2.CheckRequest(urn=f"{URN}{token}::it", news=encode(given), randomSeed=b"s")
        )
        assert not answer.failures
        return decode(answer.inputs)

    def create(self, token: str, **given: Any) -> tuple[str, dict[str, Any]]:
        inputs = self.check(token, **given)
        request = provider_pb2.CreateRequest(urn=f"{URN}{token}::it", properties=encode(inputs))
        answer = self.stub.Create(request, timeout=LONG)
        return answer.id, decode(answer.properties)

    def delete(self, token: str, identifier: str, outputs: dict[str, Any]) -> None:
        self.stub.Delete(
            provider_pb2.DeleteRequest(id=identifier, urn=f"{URN}{token}::it", properties=encode(outputs)),
            timeout=LONG,
        )

    def invoke(self, token: str, **arguments: Any) -> dict[str, Any]:
        answer = self.stub.Invoke(provider_pb2.InvokeRequest(tok=token, args=encode(arguments)))
        return decode(getattr(answer, "return"))

    def cancel(self) -> None:
        self.stub.Cancel(empty_pb2.Empty())

    def launch(self, instance_type: str) -> tuple[str, dict[str, Any]]:
        name = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
        image = self.invoke("aws:ssm/getParameter:getParameter", name=name)["value"].value
        return self.create(INSTANCE, ami=image, instanceType=instance_type)


INSTANCE = "aws:ec2/instance:Instance"
VOLUME = "aws:ebs/volume:Volume"


@pytest.fixture
def one(provider: Any) -> Iterator[Connection]:
    connection = Connection(provider, "us-east-1", '{"tags":{"who":"one"}}')
    yield connection
    connection.channel.close()


@pytest.fixture
def other(provider: Any) -> Iterator[Connection]:
    connection = Connection(provider, "eu-west-1", '{"tags":{"who":"other"}}')
    yield connection
    connection.channel.close()


@pytest.fixture
def pool() -> Iterator[futures.ThreadPoolExecutor]:
    with futures.ThreadPoolExecutor(4) as pool:
        yield pool


def test_each_makes_its_own_in_its_own_region(one: Connection, other: Connection) -> None:
    made = {
        who: connection.create(VOLUME, availabilityZone=f"{region}a", size=1)
        for who, connection, region in (("one", one, "us-east-1"), ("other", other, "eu-west-1"))
    }
    for who, (_, outputs) in made.items():
        assert outputs["tagsAll"] == {"who": who}
    assert made["one"][1]["region"] == "us-east-1"
    assert made["other"][1]["region"] == "eu-west-1"
    one.delete(VOLUME, *made["one"])
    other.delete(VOLUME, *made["other"])


def test_one_is_cancelled_while_the_other_works(
    one: Connection, other: Connection, healthy: Any, pool: futures.ThreadPoolExecutor
) -> None:
    healthy.fail(
        service="ec2",
        operation="RunInstances",
        code="InsufficientInstanceCapacity",
        times=1000,
        match={"InstanceType": "t3.small"},
    )
    stuck = pool.submit(one.launch, "t3.small")
    identifier, outputs = other.launch("t3.micro")
    assert outputs["instanceState"] == "running"
    assert not stuck.done()
    one.cancel()
    with pytest.raises(grpc.RpcError) as refused:
        stuck.result(timeout=LONG)
    assert refused.value.code() is grpc.StatusCode.CANCELLED
    with pytest.raises(grpc.RpcError):
        one.check(VOLUME, availabilityZone="us-east-1a", size=1)
    other.delete(INSTANCE, identifier, outputs)


def test_cancelling_while_waiting_records_what_was_made(
    one: Connection, healthy: Any, pool: futures.ThreadPoolExecutor
) -> None:
    launched = threading.Event()
    healthy.fail(service="ec2", operation="DescribeInstances", code="RequestLimitExceeded", times=1000)

    def launch() -> Any:
        launched.set()
        return one.launch("t3.micro")

    stuck = pool.submit(launch)
    launched.wait(LONG)
    ec2 = healthy.client("ec2")
    wait_until_launched(ec2)
    one.cancel()
    with pytest.raises(grpc.RpcError) as refused:
        stuck.result(timeout=LONG)
    details = dict(refused.value.trailing_metadata() or ())["grpc-status-details-bin"]
    failed = provider_pb2.ErrorResourceInitFailed()
    assert status_pb2.Status.FromString(details).details[0].Unpack(failed)
    assert failed.id.startswith("i-")
    ec2.terminate_instances(InstanceIds=[failed.id])


def wait_until_launched(ec2: Any) -> None:
    import time

    deadline = time.monotonic() + LONG
    while not ec2.describe_volumes(Filters=[{"Name": "attachment.status", "Values": ["attached"]}])[
        "Volumes"
    ]:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_no_capacity_is_told_with_the_services_code(provider: Any, healthy: Any) -> None:
    healthy.fail(service="ec2", operation="RunInstances", code="InsufficientInstanceCapacity", times=1000)
    connection = Connection(provider, "us-east-1", "{}")
    connection.channel.close()
    impatient = Connection.__new__(Connection)
    impatient.channel = channel_to(provider.port)
    impatient.stub = provider_stub(impatient.channel, provider.bearer)
    impatient.stub.Configure(provider_pb2.ConfigureRequest(args=encode({"maxRetries": "2"})))
    with pytest.raises(grpc.RpcError, match="InsufficientInstanceCapacity") as refused:
        impatient.launch("t3.micro")
    assert "exceeded maximum number of attempts, 2, https response error StatusCode: 500" in str(
        refused.value.details()
    )
    impatient.channel.close()
