"""The contract with machines that run: a change here strands them, or blinds whoever watches them."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from datetime import datetime, timezone
from fnmatch import fnmatch
from pathlib import Path
from typing import get_args, get_type_hints

import pytest
from support.s3_in_memory import OWNER, S3InMemory
from support.s3_web import s3_store

from components.machine_access import MachineAccess, access_policy
from runctl_auto.agent import contract, keys, packages, spec_format, status_format
from runctl_auto.agent.contract import Background, Phase, Reason
from runctl_auto.agent.job.output_log import LogShipper
from runctl_auto.agent.job.stopping import StopSwitch
from runctl_auto.agent.machine.machine_identity import MachineIdentity
from runctl_auto.agent.nodes import address
from runctl_auto.agent.notices import notice_contract
from runctl_auto.agent.saving.artifacts import collect, upload_artifacts
from runctl_auto.agent.saving.manifest import Manifest, StoredFile
from runctl_auto.agent.saving.manifest_reading import parse_manifest
from runctl_auto.agent.start import boot_format
from runctl_auto.agent.start.config import AgentConfig
from runctl_auto.agent.status import Outcome, StatusWriter
from runctl_auto.agent.tracing import trace_contract
from runctl_auto.agent.watchers import StopRequestWatcher
from runctl_auto.observe.logs import LogReader
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.bucket import JobBucket

PRODUCT = Path(contract.__file__).parents[1]


def test_keys_in_the_bucket() -> None:
    assert packages.package_key("code", "abc") == "code/abc.tar.gz"
    assert packages.package_key("agent", "abc") == "agent/abc.pyz"
    assert keys.spec_key("abc") == "runs/abc/spec.json"
    assert keys.status_key("abc") == "runs/abc/status.json"
    assert keys.stop_key("abc") == "runs/abc/control/stop.json"
    part = keys.node_logs_prefix("abc", 0) + keys.log_part_name(41)
    assert part == "runs/abc/logs/0/00000041.log"
    assert part.startswith(keys.logs_prefix("abc"))
    artifacts = keys.artifacts_prefix("abc")
    assert keys.file_key(artifacts, "model/m") == "runs/abc/artifacts/files/model/m"
    assert keys.manifest_key(artifacts) == "runs/abc/artifacts/manifest.json"
    checkpoint = keys.checkpoint_prefix("abc", keys.numbered(1))
    assert keys.file_key(checkpoint, "m") == "checkpoints/abc/00000001/files/m"
    assert keys.manifest_key(checkpoint) == "checkpoints/abc/00000001/manifest.json"
    assert keys.pack_key(checkpoint, 7) == "checkpoints/abc/00000001/packs/00000007"
    assert keys.chosen_key("abc") == "checkpoints/abc/chosen.json"
    assert checkpoint.startswith(keys.lineage_prefix("abc"))


def test_the_numbers_of_log_parts() -> None:
    assert [keys.log_part_number(keys.log_part_name(number)) for number in (0, 7, 99_999_999)] == [
        0,
        7,
        99_999_999,
    ]


def test_phases() -> None:
    assert contract.LIVE_PHASES == ("booting", "fetching", "setup", "running", "stopping")
    assert {"succeeded", "failed", "stopped"} == contract.TERMINAL_PHASES
    assert {*contract.LIVE_PHASES, *contract.TERMINAL_PHASES, "interrupted"} == contract.PHASES
    assert constants(Phase) == contract.PHASES
    assert contract.TIMED_AS == {
        "booting": "boot",
        "fetching": "fetch",
        "setup": "setup",
        "running": "run",
        "stopping": "upload",
    }


def test_reasons() -> None:
    assert constants(Reason) == {
        "completed",
        "setup_failed",
        "command_failed",
        "left_processes",
        "agent_error",
        "interruption",
        "max_duration",
        "idle_duration",
        "budget",
        "down",
        "replace",
        "user",
        "nodes_missing",
    }
    assert constants(Background) == contract.BACKGROUNDS == {"fail", "wait", "stop"}
    assert contract.DEFAULT_SHELL == "bash -e"
    assert contract.STOP_REASONS == get_args(contract.StopReason) == ("down", "replace", "user")


def test_times() -> None:
    assert contract.HEARTBEAT_SECONDS == 15
    assert (contract.GRACE_SECONDS, contract.REPORTING_SECONDS) == (30, 60)
    assert contract.STOP_BEFORE_DEADLINE_SECONDS == 60
    assert (contract.DEADLINE_SLACK_SECONDS, contract.END_SCHEDULE_SLACK_SECONDS) == (600, 600)


@pytest.mark.parametrize(
    ("shape", "fields"),
    [
        (status_format.MachineJson, "id type zone market launched_at seen_at ended_at price_hour usage"),
        (
            boot_format.UserDataJson,
            "job run region bucket account agent spec_key spec_sha256 mounts market deadline_seconds group "
            "ends_at node",
        ),
        (
            spec_format.SpecJson,
            "schema job run attempt lineage node nodes setup command background shell env code volumes "
            "checkpoints artifacts limits retry secrets data notify trace container elastic",
        ),
        (spec_format.LimitsJson, "max_duration_seconds idle_duration_seconds budget price_hour prices"),
        (contract.StopJson, "reason grace_seconds at"),
        (spec_format.NotifyJson, "webhook format command on"),
        (spec_format.TraceJson, "parent"),
        (spec_format.ElasticJson, "min wait_seconds"),
        (trace_contract.SpanPartJson, "schema trace run machine spans"),
        (trace_contract.SpanJson, "id parent name start_us end_us error attributes events"),
        (trace_contract.TracedJson, "parts machines"),
        (status_format.NodeJson, "node instance address phase since exit_code"),
        (address.AddressJson, "instance attempt address port key at"),
        (status_format.UsageJson, "cpus memory_gb requests sent_bytes"),
        (
            status_format.StatusJson,
            "schema job run attempt node instance phase exit_code reason message started_at updated_at "
            "ended_at phases resumed_from checkpoints artifacts log_parts unsaved suspect resumes data tries "
            "machines metrics nodes",
        ),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_fields_of_files(shape: type, fields: str) -> None:
    assert set(get_type_hints(shape)) == set(fields.split())
    assert contract.SCHEMA == 1


def test_a_first_status_has_every_field_but_those_that_come_later() -> None:
    first = status_format.new_status("digits", "r1", "now")
    assert {*first, "data", "tries", "machines", "metrics", "nodes"} == set(
        get_type_hints(status_format.StatusJson)
    )


def test_a_manifest_is_the_document_that_it_was() -> None:
    manifest = Manifest((StoredFile("a", 1, "0f"),))
    assert json.loads(manifest.to_json()) == {"files": [{"path": "a", "bytes": 1, "sha256": "0f"}]}
    linked = Manifest((), {"latest": "a"})
    assert json.loads(linked.to_json()) == {"files": [], "links": {"latest": "a"}}
    assert parse_manifest(linked.to_json()) == linked


# The machine's role, whose policy cannot import the contract, allows exactly its keys.


def allowed(action: str, *, has_nodes: bool = False) -> list[str]:
    args = MachineAccess(
        account=OWNER, partition="aws", region="us-east-1",
        job="digits", run="abc", lineage="line", bucket="b", has_nodes=has_nodes,
    )  # fmt: skip
    statements = access_policy(args)["Statement"]
    assert isinstance(statements, list)
    return [
        resource.removeprefix("arn:aws:s3:::b/")
        for statement in statements
        if action in statement["Action"]
        for resource in statement["Resource"]
    ]


def test_the_role_may_read_and_write_what_the_agent_does() -> None:
    lineage, own_run = keys.lineage_prefix("line"), keys.run_prefix("abc")
    sequence = "?" * len(keys.numbered(0))
    metrics = keys.metrics_key("abc").rpartition("/")[0] + "/"
    folders = [keys.logs_prefix("abc"), metrics, keys.artifacts_prefix("abc"), f"{own_run}exec/"]
    own = [keys.status_key("abc"), *(f"{folder}*" for folder in folders)]
    checkpoints = f"{lineage}{sequence}/*"
    fetched = [f"{packages.package_key(kind, '*').partition('*')[0]}*" for kind in ("code", "agent")]
    assert sorted(allowed("s3:GetObject")) == sorted([*fetched, f"{own_run}*", f"{lineage}*"])
    assert sorted(allowed("s3:PutObject")) == sorted([*own, checkpoints])
    assert allowed("s3:DeleteObject") == [checkpoints]


def test_one_of_several_machines_may_write_what_its_agent_does_besides() -> None:
    written = [keys.node_status_key("abc", 3), address.address_key("abc")]
    (more,) = set(allowed("s3:PutObject", has_nodes=True)) - set(allowed("s3:PutObject"))
    assert all(fnmatch(key, more) for key in written)
    assert keys.node_status_key("abc", 0) == keys.status_key("abc")
    part = keys.part_prefix(keys.checkpoint_prefix("line", "00000001"), 3)
    assert any(fnmatch(f"{part}files/a", each) for each in allowed("s3:PutObject"))


# Both sides over one bucket: what the agent stores, runctl reads, and the other way round.

CONFIG = AgentConfig("digits", "r1", "us-east-1", "b", OWNER, "a", "x", "s", "d", 1_000_000.0, None)


@pytest.fixture
def s3() -> S3InMemory:
    return S3InMemory("b")


@pytest.fixture
def bucket(s3: S3InMemory) -> JobBucket:
    return JobBucket(Cloud(lambda service, region: s3, "us-east-1", sleep=lambda _: None), "b", OWNER)


def test_runctl_reads_the_status_that_the_agent_writes(s3: S3InMemory, bucket: JobBucket) -> None:
    store = s3_store(s3, "b")
    writer = StatusWriter(CONFIG, MachineIdentity("i-1"), store, clock=lambda: 1_000_000.0, ticks=lambda: 0.0)
    for phase in contract.LIVE_PHASES:
        writer.enter(phase)
        status = bucket.status("r1")
        assert status is not None
        assert (status.phase, status.instance, status.ended) == (phase, "i-1", False)
        (machine,) = status.machines
        assert (machine.id, machine.ended_at) == ("i-1", None)
        assert machine.launched_at == machine.seen_at == datetime.fromtimestamp(1_000_000, timezone.utc)
    writer.end(Outcome(Phase.FAILED, Reason.COMMAND_FAILED, 3, "it failed"), store)
    status = bucket.status("r1")
    assert status is not None
    assert (status.phase, status.reason, status.exit_code, status.message) == (
        "failed",
        "command_failed",
        3,
        "it failed",
    )
    assert status.ended
    assert set(status.seconds) == set(contract.TIMED_AS.values())


def test_runctl_reads_the_logs_that_the_agent_ships(
    s3: S3InMemory, bucket: JobBucket, tmp_path: Path
) -> None:
    (tmp_path / "out").write_text("one\ntwo\n")
    store = s3_store(s3, "b")
    prefix = keys.node_logs_prefix("r1", 0)
    LogShipper(store, prefix, source=tmp_path / "out", position_file=tmp_path / "position").ship_all(store)
    assert list(LogReader(bucket, "r1").new_lines()) == ["one", "two"]


def test_runctl_fetches_the_artifacts_that_the_agent_uploads(
    s3: S3InMemory, bucket: JobBucket, tmp_path: Path
) -> None:
    (tmp_path / "model").write_bytes(b"weights")
    found = collect(tmp_path, ("model",), print)
    manifest = upload_artifacts(s3_store(s3, "b"), "0123456789", tmp_path, found, tmp_path / "scratch")
    assert bucket.artifacts("0123456789") == manifest
    bucket.fetch_artifact("0123456789", manifest.files[0], tmp_path / "fetched")
    assert (tmp_path / "fetched").read_bytes() == b"weights"
    assert bucket.runs() == ("0123456789",)
    assert not bucket.has_unlisted_artifacts("0123456789")


def test_the_agent_obeys_the_request_that_runctl_leaves(s3: S3InMemory, bucket: JobBucket) -> None:
    for reason in contract.STOP_REASONS:
        switch = StopSwitch()
        bucket.request_stop("r1", reason=reason, grace_seconds=7, at=datetime.now(timezone.utc).isoformat())
        StopRequestWatcher(s3_store(s3, "b"), "r1", switch).look()
        assert switch.request is not None
        assert (switch.request.phase, switch.request.reason) == (Phase.STOPPED, reason)
        assert switch.request.grace_seconds == 7


# Said once: no other module spells out a key, a phase or a reason.

KEY = re.compile(r"(^|/)(runs|checkpoints)/|\b(spec|status|stop|manifest)\.json$|control/|^logs/")
WORDS = {
    Phase.BOOTING,
    Phase.FETCHING,
    Reason.SETUP_FAILED,
    Reason.COMMAND_FAILED,
    Reason.AGENT_ERROR,
}
"""Phases and reasons whose words mean nothing else anywhere."""
ROOMS_OF_RUNS = ("agent", "run", "cost")
"""Where every such word is meant as one, but for names of fields and options."""
FIELDS_AND_OPTIONS = {"setup", "budget", "user", "replace"}


def copies(source: str, words: set[str]) -> Iterator[str]:
    """Texts of a module, its docstrings aside, that the contract has a name for."""
    tree = ast.parse(source)
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            text = node.value
            if text in words or (KEY.search(text) and " " not in text):
                yield f"line {node.lineno}: {text!r}"


def constants(namespace: type) -> set[str]:
    return {value for name, value in vars(namespace).items() if name.isupper()}


SAID_IN = {Path(str(each.__file__)) for each in (contract, keys, notice_contract)}
MODULES = sorted(path for path in PRODUCT.rglob("*.py") if path not in SAID_IN)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PRODUCT)))
def test_the_contract_is_said_once(path: Path) -> None:
    words = WORDS
    if path.relative_to(PRODUCT).parts[0] in ROOMS_OF_RUNS:
        words = (constants(Phase) | constants(Reason)) - FIELDS_AND_OPTIONS
    assert list(copies(path.read_text(encoding="utf-8"), words)) == []


def test_a_copy_is_seen() -> None:
    source = '"""runs/x"""\nkey = f"runs/{run}/x"\nother = prefix + "status.json"\nphase = "booting"\n'
    assert len(list(copies(source, WORDS))) == 3


def test_which_reasons_may_be_retried() -> None:
    """A run that left busy processes behind, or that was stopped on purpose, would only be repeated."""
    reasons = {value for name, value in vars(Reason).items() if name.isupper()}
    retried = {"interruption": "interruption", "setup_failed": "error", "command_failed": "error"}
    assert retried == contract.RETRIED_AS
    assert reasons - contract.RETRIED_AS.keys() == {
        "completed",
        "left_processes",
        "agent_error",
        "max_duration",
        "idle_duration",
        "budget",
        "down",
        "replace",
        "user",
        "nodes_missing",
    }
