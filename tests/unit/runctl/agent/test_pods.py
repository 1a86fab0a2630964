"""A pod in place of a machine: who it is, how it starts, and how it ends itself."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest
from support.scripted_web import ScriptedWeb

from runctl_auto.agent.errors import AgentError, CredentialsError, IntegrityError, UnreachableError
from runctl_auto.agent.machine.own_pod import ATTEMPTS, PAUSE_SECONDS, OwnPod
from runctl_auto.agent.machine.pod_identity import PRIVATE, PodIdentity, for_jobs, is_pod
from runctl_auto.agent.packages import package_key
from runctl_auto.agent.start.bootstrap import Bootstrap
from runctl_auto.agent.start.pod_bootstrap import (
    RESTART_SECONDS,
    Supervision,
    booted_at_of,
    bring_agent,
    deadline_of,
)
from runctl_auto.agent.start.pod_start import LIMIT_BYTES, POD_MODULES, start_command, start_variables
from runctl_auto.agent.store.s3_request import Bucket, S3Requests
from runctl_auto.agent.store.sigv4 import Credentials

POD = {
    "RUNPOD_POD_ID": "p1",
    "RUNPOD_API_KEY": "of-the-pod",
    "RUNPOD_DC_ID": "EU-RO-1",
    "RUNCTL_CONFIG": "{}",
    "RUNCTL_MACHINE_TYPE": "nvidia-a40.1",
    "RUNCTL_ACCESS_KEY_ID": "AKIA1",
    "RUNCTL_SECRET_ACCESS_KEY": "hidden",
}
BUNDLE = b"the agent"
DIGEST = hashlib.sha256(BUNDLE).hexdigest()
CONFIG = {"job": "digits", "run": "r1", "agent": {"key": package_key("agent", DIGEST), "sha256": DIGEST}}


def test_a_pod_says_who_it_is_as_a_machine_does() -> None:
    identity = PodIdentity(POD)
    assert identity.get("meta-data/instance-id") == "p1"
    assert identity.get("meta-data/instance-life-cycle") == "on-demand"
    assert json.loads(identity.get("dynamic/instance-identity/document") or "") == {
        "instanceId": "p1",
        "instanceType": "nvidia-a40.1",
        "availabilityZone": "EU-RO-1",
    }
    assert identity.get("meta-data/spot/instance-action") is None
    assert (is_pod(POD), is_pod({}), is_pod({"RUNPOD_POD_ID": "p1"})) == (True, False, False)


@pytest.mark.parametrize("given", ["", "{{ RUNPOD_SECRET_runctl-x-key }}"])
def test_keys_that_were_not_filled_in_are_none(given: str) -> None:
    assert PodIdentity(POD).credentials() == Credentials("AKIA1", "hidden")
    with pytest.raises(CredentialsError, match="not filled in"):
        PodIdentity({**POD, "RUNCTL_SECRET_ACCESS_KEY": given}).credentials()


def test_a_job_gets_no_keys_of_its_pod() -> None:
    given = for_jobs({**POD, "RUNCTL_BOOT": "x", "RUNCTL_TAGS": "y", "PATH": "/bin"})
    assert not given.keys() & PRIVATE
    assert not {"of-the-pod", "hidden"} & set(given.values())
    assert given["PATH"] == "/bin"


@pytest.mark.parametrize("status", [204, 404])
def test_a_pod_ends_itself_by_its_own_key(clock, said, status: int) -> None:
    web = ScriptedWeb([(status, b"")])
    assert OwnPod(web, POD, said.append, clock.wait).end() is True
    (asked,) = web.asked
    assert (asked.method, asked.url) == ("DELETE", "https://api.runpod.io/v2/pods/p1")
    assert asked.headers["Authorization"] == "Bearer of-the-pod"


def test_what_passes_is_tried_again_and_a_refusal_is_told(clock, said) -> None:
    web = ScriptedWeb([UnreachableError("down"), (500, b""), (429, b""), (204, b"")])
    elsewhere = {**POD, "RUNPOD_ENDPOINT_URL": "http://127.0.0.1:5000/"}
    assert OwnPod(web, elsewhere, said.append, clock.wait).end() is True
    assert web.asked[0].url == "http://127.0.0.1:5000/v2/pods/p1"
    assert clock.waits == [PAUSE_SECONDS] * 3
    assert OwnPod(ScriptedWeb([(403, b"")]), POD, said.append, clock.wait).end() is False
    assert OwnPod(ScriptedWeb([(500, b"")] * ATTEMPTS), POD, said.append, clock.wait).end() is False
    assert said == [
        f"the pod cannot be ended from within: the provider answered {code}" for code in (403, 500)
    ]


class Ran:
    """The agent's process: ends with the next of ``codes``; None is one that goes on."""

    def __init__(self, *codes: int | None) -> None:
        self.codes = list(codes)
        self.started = self.killed = 0

    def start(self) -> Any:
        self.started += 1
        return self

    def wait(self, timeout: float | None = None) -> int:
        code = self.codes.pop(0) if self.codes else -9
        if code is None:
            raise subprocess.TimeoutExpired("agent", timeout or 0)
        return code

    def kill(self) -> None:
        self.killed += 1


def test_an_agent_that_fails_is_started_again(clock) -> None:
    agent = Ran(None, 1, None, 0)
    assert Supervision(agent.start, lambda: None, clock, clock.wait).run() is True
    assert (agent.started, agent.killed, clock.waits) == (2, 0, [RESTART_SECONDS])


def test_at_the_deadline_it_is_killed(clock) -> None:
    agent = Ran(None, None, None)
    ends = iter([None, clock() + 9, clock()])
    assert Supervision(agent.start, lambda: next(ends), clock, clock.wait).run() is False
    assert (agent.started, agent.killed) == (1, 1)


def test_the_deadline_is_that_of_the_limit_or_of_the_budget(tmp_path: Path) -> None:
    assert deadline_of({}, tmp_path, 100.0) is None
    assert deadline_of({"deadline_seconds": 50}, tmp_path, 100.0) == 150.0
    (tmp_path / "deadline").write_text("120.5")
    assert deadline_of({"deadline_seconds": 50}, tmp_path, 100.0) == 120.5
    assert deadline_of({}, tmp_path, 100.0) == 120.5
    (tmp_path / "deadline").write_text("soon")
    assert deadline_of({"deadline_seconds": 50}, tmp_path, 100.0) == 150.0


def test_a_container_that_starts_again_booted_when_it_first_did(tmp_path: Path) -> None:
    first = booted_at_of(tmp_path / "home")
    assert booted_at_of(tmp_path / "home") == first


class Bringing:
    def __init__(self, tmp_path: Path, clock, code: int = 0, data: bytes = BUNDLE) -> None:
        self.runs: list[tuple[list[str], str]] = []
        self.code = code
        web = ScriptedWeb([(200, data)])
        requests = S3Requests(web, Bucket("b", "us-east-1", "1"), lambda: Credentials("a", "s"))
        self.bootstrap = Bootstrap(CONFIG, tmp_path, requests, self.run, clock, clock.wait)

    def run(self, argv: list[str], text: str) -> int:
        self.runs.append((argv, text))
        return self.code


def test_the_agent_is_brought_and_configured(tmp_path: Path, clock) -> None:
    machine = Bringing(tmp_path, clock)
    bundle = bring_agent(machine.bootstrap, tmp_path / "home", 12.5)
    assert bundle.read_bytes() == BUNDLE
    ((argv, text),) = machine.runs
    assert argv[1:] == [str(bundle), "configure"]
    assert json.loads(text) == {**CONFIG, "booted_at": 12.5}


def test_a_false_agent_and_one_that_cannot_be_configured(tmp_path: Path, clock) -> None:
    with pytest.raises(IntegrityError):
        bring_agent(Bringing(tmp_path, clock, data=b"another").bootstrap, tmp_path, 0)
    with pytest.raises(AgentError, match="exit code 3"):
        bring_agent(Bringing(tmp_path, clock, code=3).bootstrap, tmp_path, 0)


def test_what_a_pod_starts_from_is_small_and_complete() -> None:
    variables = start_variables({"job": "digits"})
    assert variables == start_variables({"job": "digits"})
    with tarfile.open(fileobj=io.BytesIO(base64.b64decode(variables["RUNCTL_BOOT"]))) as packed:
        names = set(packed.getnames())
    assert {f"runctl_auto/agent/{each.replace('.', '/')}.py" for each in POD_MODULES} <= names
    assert "pod_bootstrap" in start_command()
    with pytest.raises(ValueError, match="bytes, more than"):
        start_variables({"job": "x" * LIMIT_BYTES})
