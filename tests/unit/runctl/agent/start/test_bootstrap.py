from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from support.scripted_web import ScriptedWeb

from runctl_auto.agent.errors import AgentError, CredentialsError, IntegrityError, S3Error
from runctl_auto.agent.packages import package_key
from runctl_auto.agent.start.bootstrap import Bootstrap
from runctl_auto.agent.store.s3_request import Bucket, S3Requests
from runctl_auto.agent.store.sigv4 import Credentials

BUNDLE = b"the agent"
DIGEST = hashlib.sha256(BUNDLE).hexdigest()
MISSING = (404, b"<Error><Code>NoSuchKey</Code></Error>")
CONFIG = {"job": "digits", "run": "r1", "agent": {"key": package_key("agent", DIGEST), "sha256": DIGEST}}
DENIED = (403, b"<Error><Code>AccessDenied</Code></Error>")


class Machine:
    def __init__(self, tmp_path: Path, clock, *answers: object, code: int = 0) -> None:
        self.web = ScriptedWeb(list(answers))
        self.runs: list[tuple[list[str], str]] = []
        self.code = code
        self.no_credentials = 0
        requests = S3Requests(self.web, Bucket("b", "us-east-1", "1"), self.credentials)
        self.bootstrap = Bootstrap(CONFIG, tmp_path, requests, self.run, clock, clock.wait)

    def credentials(self) -> Credentials:
        if self.no_credentials:
            self.no_credentials -= 1
            raise CredentialsError("not ready")
        return Credentials("a", "s")

    def run(self, argv: list[str], text: str) -> int:
        self.runs.append((argv, text))
        return self.code


def test_the_agent_is_fetched_checked_and_installed(tmp_path, clock) -> None:
    machine = Machine(tmp_path, clock, (200, BUNDLE))
    machine.bootstrap.start(12.5)
    bundle = tmp_path / f"var/lib/runctl/agent-{DIGEST}.pyz"
    assert bundle.read_bytes() == BUNDLE
    argv, text = machine.runs[0]
    assert argv == ["python3", str(bundle), "install"]
    assert json.loads(text) == {**CONFIG, "booted_at": 12.5}


@pytest.mark.parametrize("passing", [DENIED, MISSING, (503, b""), (429, b"")])
def test_what_has_not_propagated_yet_is_waited_for(tmp_path, clock, passing) -> None:
    machine = Machine(tmp_path, clock, *[passing] * 20, (200, BUNDLE))
    machine.no_credentials = 10
    machine.bootstrap.start(0)
    assert sum(clock.waits) == 60


def test_two_minutes_and_no_longer(tmp_path, clock) -> None:
    machine = Machine(tmp_path, clock, *[DENIED] * 100)
    with pytest.raises(S3Error, match="AccessDenied"):
        machine.bootstrap.start(0)
    assert sum(clock.waits) == 120


def test_a_refused_request_is_not_repeated(tmp_path, clock) -> None:
    machine = Machine(tmp_path, clock, (400, b"<Error><Code>InvalidRequest</Code></Error>"))
    with pytest.raises(S3Error):
        machine.bootstrap.start(0)
    assert clock.waits == []


def test_another_agent_is_never_run(tmp_path, clock) -> None:
    machine = Machine(tmp_path, clock, (200, b"something else"))
    with pytest.raises(IntegrityError, match=DIGEST):
        machine.bootstrap.start(0)
    assert machine.runs == []


def test_a_failed_installation_is_an_error(tmp_path, clock) -> None:
    with pytest.raises(AgentError, match="exit code 3"):
        Machine(tmp_path, clock, (200, BUNDLE), code=3).bootstrap.start(0)


def reported(machine: Machine) -> dict[str, Any]:
    machine.bootstrap.report("no agent")
    assert machine.web.asked[-1].method == "PUT"
    status: dict[str, Any] = json.loads(machine.web.asked[-1].body)
    return status


def test_a_failure_is_left_in_the_status(tmp_path, clock) -> None:
    status = reported(Machine(tmp_path, clock, DENIED, (200, b"")))
    assert (status["phase"], status["reason"], status["message"]) == ("failed", "agent_error", "no agent")
    contract = {
        "schema",
        "job",
        "run",
        "attempt",
        "node",
        "instance",
        "phase",
        "exit_code",
        "reason",
        "message",
        "started_at",
        "updated_at",
        "ended_at",
        "phases",
        "resumed_from",
        "checkpoints",
        "artifacts",
        "log_parts",
        "unsaved",
        "suspect",
        "resumes",
    }
    assert set(status) == contract


def test_an_earlier_status_is_gone_on_with(tmp_path, clock) -> None:
    earlier = {"phase": "interrupted", "log_parts": 7, "started_at": "then"}
    status = reported(Machine(tmp_path, clock, (200, json.dumps(earlier).encode()), (200, b"")))
    assert (status["phase"], status["log_parts"], status["started_at"]) == ("failed", 7, "then")


def test_a_run_that_has_ended_keeps_its_status(tmp_path, clock) -> None:
    machine = Machine(tmp_path, clock, (200, b'{"phase": "succeeded"}'))
    machine.bootstrap.report("no agent")
    assert [asked.method for asked in machine.web.asked] == ["GET"]


def test_a_status_that_cannot_be_written_is_no_further_failure(tmp_path, clock) -> None:
    Machine(tmp_path, clock, DENIED, DENIED).bootstrap.report("no agent")
