"""Pushes the newest values to a collector (OTLP over HTTP, as JSON) or to a Pushgateway of Prometheus.

Only the newest values are pushed: a receiver that is slow or away costs nothing but its own values.
"""

from __future__ import annotations

import json
import math
import queue
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import quote, unquote, urlsplit

from runctl_auto.agent.errors import AgentError
from runctl_auto.agent.metrics.machine_use import MachineUse
from runctl_auto.agent.store.web import Web

OTLP, OTLP_HEADERS, GATEWAY = "RUNCTL_PUSH_OTLP", "RUNCTL_PUSH_OTLP_HEADERS", "RUNCTL_PUSHGATEWAY"
"""Variables of the job's ``env`` or ``secrets`` that name the receivers."""
TIMEOUT_SECONDS = 10.0
MOST_HEADERS = 20
Values = Mapping[str, "tuple[float, float]"]


@dataclass(frozen=True)
class Value:
    """One value that is pushed."""

    name: str
    value: float
    labels: Mapping[str, str]


@dataclass(frozen=True)
class Message:
    """A request: the address without what follows it may be told, the rest may be secret."""

    method: str
    address: str
    kind: str
    body: bytes
    headers: Mapping[str, str]


class Receiver(Protocol):
    """Where values go."""

    def message(self, values: list[Value], at: float) -> Message: ...


@dataclass(frozen=True)
class Collector:
    """A collector of OpenTelemetry. ``resource`` describes the run."""

    address: str
    headers: Mapping[str, str]
    resource: Mapping[str, str]

    def message(self, values: list[Value], at: float) -> Message:
        return Message(
            "POST", self.address, "application/json", otlp(values, self.resource, at), self.headers
        )


@dataclass(frozen=True)
class Gateway:
    """A Pushgateway; ``job`` is the group of values that each push replaces."""

    address: str
    job: str

    def message(self, values: list[Value], at: float) -> Message:  # noqa: ARG002 (it takes no times)
        place = f"{self.address.rstrip('/')}/metrics/job/runctl/job_name/{quote(self.job, safe='')}"
        return Message("PUT", place, "text/plain; version=0.0.4", exposed(values), {})


class Push:
    """Sends to all receivers, in a thread of its own. Calling it never blocks and raises nothing."""

    def __init__(self, web: Web, receivers: tuple[Receiver, ...], say: Callable[[str], None]) -> None:
        self._web = web
        self._receivers = receivers
        self._say = say
        self._next: queue.Queue[tuple[list[Value], float]] = queue.Queue(maxsize=1)
        self._told: set[str] = set()
        self._thread: threading.Thread | None = None

    def __call__(self, values: Values, machine: MachineUse) -> None:
        found = (list(pushed(values, machine)), machine.at)
        try:
            self._next.put_nowait(found)
        except queue.Full:  # what waits is older; if it is taken meanwhile, this one waits for the next call
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._serve, name="push", daemon=True)
            self._thread.start()

    def send_next(self) -> None:
        """Sends what waits, or waits for it. Failures are told once each."""
        values, at = self._next.get()
        for receiver in self._receivers:
            try:
                self._send(receiver.message(values, at))
            except (AgentError, OSError, ValueError) as error:
                self._tell(f"metrics could not be pushed: {type(error).__name__}")

    def _send(self, message: Message) -> None:
        headers = {**message.headers, "Content-Type": message.kind, "User-Agent": "runctl"}
        answer = self._web.send(message.method, message.address, headers, message.body, TIMEOUT_SECONDS)
        with answer:
            if not 200 <= answer.status < 300:
                self._tell(f"metrics could not be pushed: HTTP {answer.status}")

    def _tell(self, text: str) -> None:
        """The texts hold no address, which may be a secret."""
        if text not in self._told:
            self._told.add(text)
            self._say(text)

    def _serve(self) -> None:
        while True:
            self.send_next()


def push_of(
    variables: Mapping[str, str], job: str, run: str, web: Web, say: Callable[[str], None]
) -> Push | None:
    """The push that the variables ask for; None where they ask for none. An address that is none is told."""
    receivers: list[Receiver] = []
    for name in (OTLP, GATEWAY):
        address = variables.get(name, "").strip()
        if not address:
            continue
        if not _is_address(address):
            say(f"{name} is no http:// or https:// address: no metrics are pushed to it")
        elif name == OTLP:
            whole = address if address.endswith("/v1/metrics") else f"{address.rstrip('/')}/v1/metrics"
            resource = {"service.name": "runctl", "runctl.job": job, "runctl.run": run}
            receivers.append(Collector(whole, _headers(variables.get(OTLP_HEADERS, "")), resource))
        else:
            receivers.append(Gateway(address, job))
    return Push(web, tuple(receivers), say) if receivers else None


def pushed(values: Values, machine: MachineUse) -> Iterator[Value]:
    """The values by the names that the exporter has, as far as both have them."""
    for name, (step, value) in values.items():
        yield Value("runctl_training_metric", value, {"metric": name})
        yield Value("runctl_training_position", step, {"metric": name})
    yield from _known("runctl_machine_cpu_ratio", machine.cpu)
    yield from _known("runctl_machine_memory_bytes", machine.memory)
    yield from _known("runctl_machine_memory_total_bytes", machine.memory_total)
    yield from _known("runctl_machine_disk_bytes", machine.disk)
    yield from _known("runctl_machine_disk_total_bytes", machine.disk_total)
    for number, gpu in enumerate(machine.gpus):
        yield from _known("runctl_gpu_use_ratio", gpu.use, gpu=str(number))
        yield from _known("runctl_gpu_memory_bytes", gpu.memory, gpu=str(number))


def _known(name: str, value: float | None, **labels: str) -> Iterator[Value]:
    if value is not None:
        yield Value(name, float(value), labels)


def otlp(values: list[Value], resource: Mapping[str, str], at: float) -> bytes:
    """An ExportMetricsServiceRequest in the JSON of protobuf."""
    by_name: dict[str, list[object]] = {}
    for each in values:
        point = {
            "timeUnixNano": str(int(at * 1e9)),
            "asDouble": each.value if math.isfinite(each.value) else _infinite(each.value, "Infinity"),
            "attributes": _attributes(each.labels),
        }
        by_name.setdefault(each.name, []).append(point)
    metrics = [{"name": name, "gauge": {"dataPoints": points}} for name, points in by_name.items()]
    scope = {"scope": {"name": "runctl"}, "metrics": metrics}
    request = {"resource": {"attributes": _attributes(resource)}, "scopeMetrics": [scope]}
    return json.dumps({"resourceMetrics": [request]}, allow_nan=False).encode("ascii")


def exposed(values: list[Value]) -> bytes:
    """The values in the text format of Prometheus."""
    by_name: dict[str, list[str]] = {}
    for each in values:
        labels = ",".join(f'{name}="{_escaped(value)}"' for name, value in each.labels.items())
        number = repr(each.value) if math.isfinite(each.value) else _infinite(each.value, "Inf")
        place = f"{each.name}{{{labels}}}" if labels else each.name
        by_name.setdefault(each.name, []).append(f"{place} {number}\n")
    return "".join(f"# TYPE {name} gauge\n{''.join(lines)}" for name, lines in by_name.items()).encode(
        "utf-8", "replace"
    )


def _attributes(labels: Mapping[str, str]) -> list[object]:
    return [{"key": key, "value": {"stringValue": value}} for key, value in labels.items()]


def _infinite(value: float, name: str) -> str:
    return "NaN" if math.isnan(value) else name if value > 0 else f"-{name}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", " ").replace('"', '\\"')


def _headers(text: str) -> dict[str, str]:
    """Headers as OTEL_EXPORTER_OTLP_HEADERS writes them: ``key=value,key=value``, values percent-encoded."""
    pairs = [each.partition("=") for each in text.split(",")[:MOST_HEADERS]]
    found = {key.strip(): unquote(value).strip() for key, equals, value in pairs if equals and key.strip()}
    return {key: value for key, value in found.items() if key.isascii() and value.isprintable()}


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return (
            parts.scheme in ("http", "https") and bool(parts.hostname) and text.isascii() and parts.port != 0
        )
    except ValueError:
        return False
