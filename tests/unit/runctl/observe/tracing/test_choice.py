"""Which variables and settings ask for a trace."""

from __future__ import annotations

from pathlib import Path

import pytest

from runctl_auto.observe.tracing.choice import Wanted, wanted

URL = "http://127.0.0.1:4318"


def test_nothing_is_traced_unless_it_is_asked_for() -> None:
    assert wanted({"HOME": "/root", "OTEL_SERVICE_NAME": "x"}) is None


@pytest.mark.parametrize(
    "environ",
    [
        {"OTEL_EXPORTER_OTLP_ENDPOINT": URL},
        {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": URL},
        {"OTEL_TRACES_EXPORTER": "otlp"},
        {"OTEL_TRACES_EXPORTER": "console,otlp"},
    ],
)
def test_a_collector_is_asked_for_by_its_address_or_by_the_exporter(environ: dict[str, str]) -> None:
    assert wanted(environ) == Wanted(collector=True)


@pytest.mark.parametrize(
    "off",
    [
        {"OTEL_SDK_DISABLED": "true"},
        {"OTEL_SDK_DISABLED": "TRUE"},
        {"OTEL_TRACES_EXPORTER": "none"},
        {"OTEL_TRACES_EXPORTER": "console"},
    ],
)
def test_what_turns_it_off_counts_more_than_an_address(off: dict[str, str]) -> None:
    assert wanted({"OTEL_EXPORTER_OTLP_ENDPOINT": URL, **off}) is None


def test_a_file_is_written_without_a_collector_and_not_when_all_is_off() -> None:
    assert wanted({"RUNCTL_TRACE_FILE": "t.jsonl"}) == Wanted(file=Path("t.jsonl"))
    assert wanted({}, Path("traces")) == Wanted(file=Path("traces"))
    assert wanted({"OTEL_SDK_DISABLED": "true"}, Path("traces")) is None


def test_the_variable_is_stronger_than_the_setting() -> None:
    found = wanted({"RUNCTL_TRACE_FILE": "mine"}, Path("traces"))
    assert found is not None
    assert found.file == Path("mine")


def test_protocol_service_and_resource_are_taken_from_the_standard_variables() -> None:
    found = wanted(
        {
            "OTEL_EXPORTER_OTLP_ENDPOINT": URL,
            "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
            "OTEL_RESOURCE_ATTRIBUTES": "service.name=other,team=a%20b, env = ci ,broken",
        }
    )
    assert found == Wanted(collector=True, grpc=True, service="other", resource={"team": "a b", "env": "ci"})
    named = wanted({"OTEL_TRACES_EXPORTER": "otlp", "OTEL_SERVICE_NAME": "mine"})
    assert named is not None
    assert named.service == "mine"
