"""Traces as a collector gets them: of a job that lost its machine, and from a collector that refuses."""

from __future__ import annotations

import json
import secrets
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.counting_job import write_job
from support.runctl_cli import Runctl
from support.trace_collector import Collector, ReceivedSpan, collector
from support.waiting import wait_for_step

PATIENCE_SECONDS = 600


def traced(runctl: Runctl, found: Collector, **more: str) -> Runctl:
    """The same project, with a collector."""
    return replace(
        runctl,
        env={**runctl.env, "OTEL_EXPORTER_OTLP_ENDPOINT": found.url, "OTEL_SERVICE_NAME": "mine", **more},
    )


def above(span: ReceivedSpan, spans: dict[str, ReceivedSpan]) -> list[ReceivedSpan]:
    """The spans that a span is in, the innermost first."""
    found = []
    while span.parent in spans:
        span = spans[span.parent]
        found.append(span)
    return found


@pytest.mark.sandbox
@pytest.mark.matrix
def test_a_job_that_lost_its_machine_is_one_trace(runctl: Runctl, ended: list[str]) -> None:
    ended.append("traced")
    secret, header = f"planted-{secrets.token_hex(8)}", f"planted-{secrets.token_hex(8)}"
    job = write_job(
        runctl.folder,
        "traced",
        env={"HOLD_AT": "1", "STEPS": "3"},
        secrets=["HF_TOKEN"],
        setup='echo "token $HF_TOKEN"',
    )
    with collector() as found:
        command = traced(runctl, found, HF_TOKEN=secret, OTEL_EXPORTER_OTLP_HEADERS=f"x-key={header}")
        process = command.start("--log-format", "json", "up", str(job), "--yes")
        wait_for_step(runctl, "traced", 1, seconds=PATIENCE_SECONDS)
        runctl("sandbox", "interrupt", "traced", "--notice", "30s", timeout=PATIENCE_SECONDS)
        out, err = process.communicate(timeout=PATIENCE_SECONDS)
        assert process.returncode == 0, err
        logs = runctl("logs", "traced").out
        (root,) = found.named("runctl up")
        spans = {each.id: each for each in found.spans}
        assert {each.trace for each in found.spans} == {root.trace}
        assert len(spans) == len(found.spans), "each is sent once"
        orphans = [each.name for each in found.spans if each.parent and each.parent not in spans]
        assert orphans == []

        first, second = sorted(found.named("machine"), key=lambda each: each.attributes["number"])
        assert {first.parent, second.parent} == {root.id}
        assert (first.links, second.links) == ((), (first.id,))
        assert first.attributes["machine"] != second.attributes["machine"]
        names = {each.name for each in found.spans}
        assert {"up: plan", "up: apply", "engine: preview", "engine: update", "pulumi", "cloud call"} <= names
        assert {"create traced-machine-instance", "fetch artifacts"} <= names
        for machine in (first, second):
            own = {each.name for each in found.spans if machine in above(each, spans)}
            assert {"boot", "fetch", "run", "upload", "save checkpoint", "restore checkpoint"} <= own
        engine = found.named("pulumi")[0]
        assert above(engine, spans)[-1] == root
        assert {each.service for each in found.spans} == {"mine", "mine-agent", "mine-engine"}

        assert header in json.dumps(found.headers)
        assert header.encode() not in found.raw
        assert secret.encode() not in found.raw
        records = [json.loads(line) for line in err.splitlines()]
    assert secret not in out + err + logs
    assert header not in out + err + logs
    run = next(each["run"] for each in records if each.get("run"))
    assert {each.get("job", "traced") for each in records} == {"traced"}
    assert {each["trace_id"] for each in records if "trace_id" in each} == {root.trace}
    own = [line for line in logs.splitlines() if line.startswith("[runctl")]
    assert own
    assert all(line.startswith(f"[runctl {run}] ") for line in own)


@pytest.mark.matrix
@pytest.mark.sandbox
def test_a_command_and_its_machine_are_one_trace_and_a_later_command_sends_the_rest(
    runctl: Runctl, ended: list[str]
) -> None:
    ended.append("trace")
    job = write_job(runctl.folder, "trace", env={"STEPS": "1"})
    with collector() as found:
        command = traced(runctl, found)
        command("up", str(job), "--yes", "--detach")
        (root,) = found.named("runctl up")
        assert {each.trace for each in found.spans} == {root.trace}
        assert {"engine: update", "pulumi"} <= {each.name for each in found.spans}
        runctl("logs", "-f", "trace")
        found.mood = "refuses"
        refused = command("status", "trace")
        assert "did not reach the collector" in refused.err
        assert found.named("machine") == []
        found.mood = "takes"
        command("status", "trace")
        command("status", "trace")
        (machine,) = found.named("machine")
        assert (machine.trace, machine.parent) == (root.trace, root.id)
        (run,) = found.named("run")
        assert (run.trace, run.parent) == (root.trace, machine.id)
        assert len(found.named("runctl status")) == 2


@pytest.mark.parametrize("mood", ["hangs", "refuses", "closed"])
def test_a_hostile_collector_changes_neither_the_command_nor_its_exit_code(mood: Any, tmp_path: Path) -> None:
    """The collector that hangs answers nobody before the command has ended."""
    command = Runctl(tmp_path)
    plain = command("validate", "none.yaml", code=7)
    with collector("refuses" if mood == "closed" else mood) as found:
        hostile = traced(command, found)
        if mood != "closed":
            ran = hostile("validate", "none.yaml", code=7)
    if mood == "closed":
        ran = hostile("validate", "none.yaml", code=7)
    told = ran.err.removeprefix(plain.err)
    assert ran.out == plain.out
    assert told.startswith("the trace did not reach the collector: "), ran.err
    assert len(told.splitlines()) == 1
