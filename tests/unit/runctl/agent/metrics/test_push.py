from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any
from unittest.mock import create_autospec

import pytest

from runctl_auto.agent.errors import UnreachableError
from runctl_auto.agent.metrics.machine_use import GpuNow, MachineUse
from runctl_auto.agent.metrics.push import GATEWAY, OTLP, OTLP_HEADERS, Push, push_of
from runctl_auto.agent.store.web import Response, Web

MACHINE = MachineUse(
    1_790_000_000.5, 0.5, 10, 20, None, None, None, None, gpus=(GpuNow(0.25, None, None, None, None),)
)
VALUES = {"loss": (3.0, float("nan")), 'a"b\\': (3.0, 0.5)}


class Receivers:
    """The other side."""

    def __init__(self, status: int = 200) -> None:
        self.web: Any = create_autospec(Web, instance=True)
        self.web.send.side_effect = lambda *_: Response(status, {}, io.BytesIO())
        self.said: list[str] = []

    def push(self, variables: Mapping[str, str]) -> Push:
        found = push_of(variables, "digits", "r1", self.web, self.said.append)
        assert found is not None
        found._thread = object()  # type: ignore[assignment]  # the test is the thread
        return found

    def sent(self, variables: Mapping[str, str]) -> list[tuple[str, str, dict[str, str], bytes]]:
        push = self.push(variables)
        push(VALUES, MACHINE)
        push.send_next()
        return [each.args[:4] for each in self.web.send.call_args_list]


def test_nothing_is_pushed_unless_the_job_says_so() -> None:
    assert push_of({"OTEL_EXPORTER_OTLP_ENDPOINT": "https://x"}, "digits", "r1", Web(), pytest.fail) is None
    assert push_of({OTLP: " "}, "digits", "r1", Web(), pytest.fail) is None


def test_a_collector_gets_json() -> None:
    variables = {OTLP: "https://otlp.example/", OTLP_HEADERS: "Authorization=Basic%20abc, x=1,broken"}
    ((method, address, headers, body),) = Receivers().sent(variables)
    assert (method, address) == ("POST", "https://otlp.example/v1/metrics")
    assert headers["Authorization"] == "Basic abc"
    assert (headers["x"], headers["Content-Type"]) == ("1", "application/json")
    (resource,) = json.loads(body)["resourceMetrics"]
    described = {each["key"]: each["value"]["stringValue"] for each in resource["resource"]["attributes"]}
    assert described == {"service.name": "runctl", "runctl.job": "digits", "runctl.run": "r1"}
    (scope,) = resource["scopeMetrics"]
    metrics = {each["name"]: each["gauge"]["dataPoints"] for each in scope["metrics"]}
    loss, other = metrics["runctl_training_metric"]
    assert (loss["asDouble"], loss["timeUnixNano"]) == ("NaN", "1790000000500000000")
    assert other["attributes"] == [{"key": "metric", "value": {"stringValue": 'a"b\\'}}]
    assert metrics["runctl_gpu_use_ratio"][0]["asDouble"] == 0.25
    assert "runctl_machine_disk_bytes" not in metrics


def test_a_gateway_gets_text() -> None:
    ((method, address, _, body),) = Receivers().sent({GATEWAY: "http://push.example:80/base/"})
    assert (method, address) == ("PUT", "http://push.example:80/base/metrics/job/runctl/job_name/digits")
    lines = body.decode().splitlines()
    assert lines[:3] == [
        "# TYPE runctl_training_metric gauge",
        'runctl_training_metric{metric="loss"} NaN',
        'runctl_training_metric{metric="a\\"b\\\\"} 0.5',
    ]
    assert "runctl_machine_cpu_ratio 0.5" in lines


def test_both_are_sent_to_and_a_failure_is_told_once_without_the_address() -> None:
    receivers = Receivers(status=401)
    push = receivers.push({OTLP: "https://secret-place.example", GATEWAY: "https://b.example"})
    for _ in range(3):
        push(VALUES, MACHINE)
        push.send_next()
    assert receivers.web.send.call_count == 6
    assert receivers.said == ["metrics could not be pushed: HTTP 401"]
    receivers.web.send.side_effect = UnreachableError("POST https://secret-place.example: no")
    push(VALUES, MACHINE)
    push.send_next()
    assert receivers.said[1:] == ["metrics could not be pushed: UnreachableError"]


def test_a_receiver_that_is_slow_gets_fewer_values_and_holds_nothing_up() -> None:
    push = Receivers().push({GATEWAY: "https://b.example"})
    for _ in range(100):
        push(VALUES, MACHINE)


@pytest.mark.parametrize("address", ["ftp://x", "https://", "x", "https://[", "https://x:0/", "https://é"])
def test_what_is_no_address_is_told(address: str) -> None:
    said: list[str] = []
    assert push_of({GATEWAY: address}, "digits", "r1", Web(), said.append) is None
    assert said == ["RUNCTL_PUSHGATEWAY is no http:// or https:// address: no metrics are pushed to it"]
