"""One sandbox for all end-to-end tests of a worker; each test has jobs of its own in it."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.cloud_scanner import Found, leaks
from support.runctl_cli import Runctl


@pytest.fixture(scope="session")
def runctl(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runctl]:
    token = f"planted-{secrets.token_hex(8)}"  # as of a CI; `test_job_inputs` looks where it is left
    tokens = {"CI_JOB_TOKEN": token, "GITHUB_TOKEN": token}
    command = Runctl(tmp_path_factory.mktemp("project"), tokens)
    command("sandbox", "start")
    try:
        yield command
    finally:
        command("sandbox", "stop")


@pytest.fixture(scope="session")
def cloud_url(runctl: Runctl) -> str:
    return str(runctl.json("sandbox", "status")["cloud_url"])


@pytest.fixture
def ended(runctl: Runctl, cloud_url: str) -> Iterator[list[str]]:
    """Names of jobs that the test makes: each is taken down afterwards, whatever happened."""
    names: list[str] = []
    yield names
    for name in names:
        with contextlib.suppress(AssertionError):
            runctl("down", name, "--yes", "--discard-artifacts", "--grace", "1", code=None)


def left(job: str, cloud_url: str) -> list[Found]:
    return leaks(job, cloud_url)


def processes_under(folder: Path) -> list[int]:
    """Processes whose command line or working folder is in `folder`."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (entry / "cmdline").read_bytes().decode(errors="replace")
            if str(folder) in words or str((entry / "cwd").readlink()).startswith(str(folder)):
                found.append(int(entry.name))
    return found
