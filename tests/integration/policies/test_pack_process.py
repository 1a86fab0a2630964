"""The policy pack as an engine starts it: a process of its own, from any folder, judging over gRPC."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc
from support.grpc_channel import channel_to

from policies.machine_end import INSTANCE
from policies.rules import LATER, RULES, STACK_RULES

pytestmark = pytest.mark.sandbox

ROOT = Path(__file__).parents[3]


def installed(folder: Path) -> Path:
    """The pack as it lies among installed packages, which nobody may write to."""
    for package in ("components", "policies"):
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    for each in [folder, *folder.rglob("*")]:
        each.chmod(0o555 if each.is_dir() else 0o444)
    return folder / "policies"


@pytest.fixture
def analyzer(tmp_path: Path) -> Iterator[analyzer_pb2_grpc.AnalyzerStub]:
    """The pack, started from where a wheel puts it in a folder whose modules would shadow it."""
    pack = installed(tmp_path / "site-packages")
    for name in ("components", "policies"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise SystemExit('shadowed')\n")
    environment = {
        **os.environ,
        "PULUMI_PROJECT": "runctl",
        "PULUMI_STACK": "digits",
        "PULUMI_DRY_RUN": "false",
        "PYTHONPATH": str(tmp_path),
    }
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "pulumi.policy", "127.0.0.1:1", str(pack)],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        port = int(process.stdout.readline())
        with channel_to(port) as channel:
            grpc.channel_ready_future(channel).result(timeout=120)
            yield analyzer_pb2_grpc.AnalyzerStub(channel)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        for folder in [pack.parent, *(each for each in pack.parent.rglob("*") if each.is_dir())]:
            folder.chmod(0o755)  # so that the folder of the test can be removed


def request(**properties: Any) -> analyzer_pb2.AnalyzeRequest:
    inputs = struct_pb2.Struct()
    inputs.update(properties)
    return analyzer_pb2.AnalyzeRequest(
        type=INSTANCE,
        properties=inputs,
        urn=f"urn:pulumi:digits::runctl::{INSTANCE}::machine",
        name="machine",
        options=analyzer_pb2.AnalyzerResourceOptions(),
    )


def test_it_tells_its_rules_and_judges_by_them(analyzer: analyzer_pb2_grpc.AnalyzerStub) -> None:
    info = analyzer.GetAnalyzerInfo(empty_pb2.Empty(), timeout=120)
    assert info.name == "runctl"
    levels = {policy.name: policy.enforcementLevel for policy in info.policies}
    assert levels.keys() == {LATER, *(rule.name for rule in [*RULES, *STACK_RULES])}
    assert levels.pop(LATER) == analyzer_pb2.ADVISORY
    assert levels.pop("required-tags") == analyzer_pb2.REMEDIATE
    assert set(levels.values()) == {analyzer_pb2.MANDATORY}

    found = analyzer.Analyze(request(instanceInitiatedShutdownBehavior="stop"), timeout=120).diagnostics
    assert {each.policyName for each in found} == {
        "required-tags",
        "instance-disks-encrypted",
        "instance-metadata-v2",
        "instance-ends-at-shutdown",
    }
    assert any("allowed: terminate" in each.message for each in found)


def test_what_a_pack_imports_stays_light() -> None:
    """It starts with every preview: the SDK of the cloud alone would double that."""
    done = subprocess.run(
        [sys.executable, "-c", "import policies.pack, sys; print(*sys.modules, sep='\\n')"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert {"pulumi_aws", "boto3", "pydantic", "runctl_auto", "sandbox"}.isdisjoint(done.stdout.split())
