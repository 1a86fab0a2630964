"""The smoke test for an AWS account (`tests/aws`), run as it is against the emulated cloud: it differs in
environment variables only. Whatever happens, it leaves nothing.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from aws.proof import report as subjects
from support.cloud_faults import Fault, trouble
from support.cloud_keys import keys_of
from support.cloud_scanner import read_inventory
from support.emulated_cloud import client
from support.runctl_cli import FOREIGN, Runctl

from sandbox.aws.provider.admission import PROVIDER_TOKEN

pytestmark = pytest.mark.sandbox

SMOKE = Path(__file__).parents[1] / "aws" / "smoke.py"
Contents = set[tuple[str, str]]


@dataclass(frozen=True)
class Smoke:
    """The smoke test in a folder of its own; ``url`` is the emulated cloud."""

    folder: Path
    url: str
    provider_port: int

    @property
    def options(self) -> tuple[str, ...]:
        folder = str(self.folder / "project")
        # A busy machine is slow: how long it takes says nothing here.
        return ("--region", "us-east-1", "--pause", "1", "--seconds", "3000", "--folder", folder)

    def start(self, *options: str) -> subprocess.Popen[str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
        keys = keys_of(self.url)
        nowhere = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
        environment = {
            **kept,
            **nowhere,
            "AWS_ENDPOINT_URL": self.url,
            **keys.variables,
            PROVIDER_TOKEN: keys.control_token,
            "AWS_EC2_METADATA_DISABLED": "true",
            "PULUMI_DEBUG_PROVIDERS": f"aws:{self.provider_port}",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_HOME": str(self.folder / "pulumi-home"),
        }
        return subprocess.Popen(
            [sys.executable, str(SMOKE), *self.options, *options],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def ended(self, process: subprocess.Popen[str], told: str = "") -> tuple[int, str]:
        """Exit code and everything that was printed."""
        try:
            out, _ = process.communicate(timeout=3600)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
        return process.returncode, told + out

    def until(self, process: subprocess.Popen[str], text: str) -> str:
        """What was printed up to the line that has ``text``."""
        told = ""
        assert process.stdout is not None
        for line in process.stdout:
            told += line
            if text in line:
                return told
        raise AssertionError(f"it never said {text!r}:\n{told}")

    def contents(self) -> Contents:
        found = {(kind, row["id"]) for kind, rows in read_inventory(self.url).items() for row in rows}
        templates = client(self.url, "fis").list_experiment_templates()["experimentTemplates"]
        return found | {("experiment template", each["id"]) for each in templates}


@pytest.fixture
def smoke(runctl: Runctl, cloud_url: str, tmp_path: Path) -> Iterator[Smoke]:
    """Fails when the test leaves anything in the cloud that was not there before."""
    (port,) = [
        each["port"] for each in runctl.json("sandbox", "status")["processes"] if each["name"] == "provider"
    ]
    # The provider reads packages of its sandbox's project only.
    (tmp_path / "project").symlink_to(runctl.folder)
    smoke = Smoke(tmp_path, cloud_url, port)
    before = smoke.contents()
    yield smoke
    assert smoke.contents() - before == set()


def lines(out: str, outcome: str) -> dict[str, str]:
    """Subject to detail of all lines with the outcome."""
    split = (line.split(" | ", 2) for line in out.splitlines() if line.startswith(f"{outcome:9} | "))
    return {subject: detail for _, subject, detail in split}


@pytest.mark.matrix
def test_it_proves_every_subject_line_by_line(smoke: Smoke) -> None:
    code, out = smoke.ended(smoke.start())
    assert code == 0, out
    assert lines(out, "failed") == {}
    assert lines(out, "not shown") == {}, out
    assert lines(out, "proved").keys() == set(subjects.SUBJECTS), out
    assert "the fault injection service interrupted the machine" in out
    assert "proves nothing about AWS" in out
    assert "\n0 left\n" in out


@pytest.mark.matrix
def test_ctrl_c_leaves_nothing(smoke: Smoke) -> None:
    process = smoke.start()
    told = smoke.until(process, "interrupting the machine")
    os.killpg(process.pid, signal.SIGINT)
    code, out = smoke.ended(process, told)
    assert code == 130, out
    assert "interrupted" in lines(out, "failed")[subjects.SPOT]
    assert "\n0 left\n" in out


@pytest.mark.matrix
def test_a_permission_that_is_missing_is_told_and_leaves_nothing(smoke: Smoke) -> None:
    with trouble(smoke.url, Fault("ec2:RunInstances", "UnauthorizedOperation", 9)):
        code, out = smoke.ended(smoke.start())
    assert code == 1, out
    assert "RunInstances" in lines(out, "failed")[subjects.PERMISSIONS]
    assert "\n0 left\n" in out


@pytest.mark.matrix
@pytest.mark.parametrize(
    "fault",
    [
        Fault("fis:CreateExperimentTemplate", "AccessDeniedException", 9),
        Fault("fis:StartExperiment", "AccessDeniedException", 9),
    ],
    ids=lambda fault: fault.operation,
)
def test_without_fault_injection_the_machine_is_terminated_instead(smoke: Smoke, fault: Fault) -> None:
    with trouble(smoke.url, fault):
        code, out = smoke.ended(smoke.start())
    assert code == 0, out
    assert "terminated instead" in lines(out, "not shown")[subjects.SPOT]
    assert "resumed at step" in lines(out, "proved")[subjects.SPOT]
    assert "\n0 left\n" in out


@pytest.mark.matrix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda each: each.name)
@pytest.mark.parametrize(
    "moment",
    [
        "creating a role",
        "planning",
        "up",
        "looking at the machine",
        "interrupting the machine",
        "waiting for the training",
        "planning again",
        "down",
    ],
)
def test_a_signal_in_any_step_leaves_nothing(smoke: Smoke, moment: str, number: signal.Signals) -> None:
    process = smoke.start()
    told = smoke.until(process, f"... {moment}")
    process.send_signal(number)
    code, out = smoke.ended(process, told)
    assert code == 130, out
    assert "\n0 left\n" in out


@pytest.mark.matrix
@pytest.mark.parametrize("moment", ["up", "looking at the machine", "waiting for the training", "down"])
def test_what_a_killed_run_left_goes_with_the_next(smoke: Smoke, moment: str) -> None:
    process = smoke.start()
    smoke.until(process, f"... {moment}")
    os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.communicate(timeout=30)
    code, out = smoke.ended(smoke.start())
    assert code == 0, out
    assert "found of an earlier run" in out
    assert "\n0 left\n" in out


@pytest.mark.matrix
@pytest.mark.parametrize(
    "fault",
    [
        Fault("iam:CreateRole", "AccessDenied", 1),
        Fault("iam:PutRolePolicy", "LimitExceeded", 1),
        Fault("sts:AssumeRole", "AccessDenied", 999),
        Fault("pricing:GetProducts", "AccessDeniedException", 99),
        Fault("s3:CreateBucket", "AccessDenied", 9),
        Fault("ec2:AttachVolume", "UnauthorizedOperation", 9),
        Fault("scheduler:CreateSchedule", "AccessDeniedException", 9),
        Fault("ec2:DescribeInstanceAttribute", "UnauthorizedOperation", 99),
    ],
    ids=lambda fault: fault.operation,
)
def test_a_failure_at_any_call_leaves_nothing(smoke: Smoke, fault: Fault) -> None:
    with trouble(smoke.url, fault):
        process = smoke.start("--seconds", "330")
        told = smoke.until(process, "... ending commands")
    code, out = smoke.ended(process, told)
    assert code in (0, 1), out
    assert "\n0 left\n" in out


@pytest.mark.matrix
def test_time_that_is_used_up_leaves_nothing(smoke: Smoke) -> None:
    code, out = smoke.ended(smoke.start("--seconds", "250"))
    assert code == 1, out
    assert "did not end in time" in out or "time was used up" in out
    assert "\n0 left\n" in out
