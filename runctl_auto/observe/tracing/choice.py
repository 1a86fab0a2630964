"""Whether a command is traced, and where to: a collector by OpenTelemetry's variables, or a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

FILE = "RUNCTL_TRACE_FILE"
ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")


@dataclass(frozen=True)
class Wanted:
    """Where spans go. ``file`` is a file, or a folder that gets a file for each trace. ``collector``: they
    are sent to the collector that the environment names, with ``grpc`` by that protocol. ``service`` is the
    name that they carry, ``resource`` more of the kind.
    """

    file: Path | None = None
    collector: bool = False
    grpc: bool = False
    service: str = "runctl"
    resource: Mapping[str, str] = field(default_factory=dict)


def wanted(environ: Mapping[str, str], file: Path | None = None) -> Wanted | None:
    """What environment and setting ask for; None when nothing is traced.

    ``OTEL_SDK_DISABLED=true`` turns all off. A collector is asked for by its address, or by
    ``OTEL_TRACES_EXPORTER=otlp``; any other exporter turns that off, ``none`` among them.
    """
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return None
    exporter = environ.get("OTEL_TRACES_EXPORTER", "").strip().lower()
    named = any(environ.get(name) for name in ENDPOINTS)
    collector = "otlp" in exporter.split(",") if exporter else named
    path = Path(environ[FILE]).expanduser() if environ.get(FILE) else file
    if not collector and path is None:
        return None
    protocol = next((environ[name] for name in _PROTOCOLS if environ.get(name)), "")
    resource = dict(_resource(environ.get("OTEL_RESOURCE_ATTRIBUTES", "")))
    service = environ.get("OTEL_SERVICE_NAME") or resource.pop("service.name", "") or "runctl"
    return Wanted(path, collector, protocol == "grpc", service, resource)


def _resource(text: str) -> Mapping[str, str]:
    """``key=value,key=value``, percent-encoded."""
    pairs = (part.partition("=") for part in text.split(","))
    return {key.strip(): unquote(value.strip()) for key, sign, value in pairs if sign and key.strip()}
