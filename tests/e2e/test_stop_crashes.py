"""`stop` and `resume` killed at changing calls of the provider: the next command finishes what was begun."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.cloud_scanner import leaks
from support.crash_points import Crash, Point, Who
from support.runctl_cli import Runctl

pytestmark = [pytest.mark.sandbox, pytest.mark.matrix]

FORMS: dict[str, dict[str, Any]] = {"instance": {}, "group": {"recovery": "cloud"}}
OPERATIONS = ("stop", "resume")
WHO: tuple[Who, ...] = ("group", "alone", "provider")
_OVER = "the command ended without that call"


@pytest.fixture
def crashed(runctl: Runctl, ended: list[str]) -> Crash:
    one_by_one = Runctl(runctl.folder, {**runctl.env, "RUNCTL_PARALLEL": "1"})
    job = f"stopping-{len(list(runctl.folder.glob('stopping-*.yaml'))) + 1}"
    ended.append(job)
    return Crash(one_by_one, job)


def endless_job(crash: Crash, **changes: Any) -> Path:
    """The file of a job that runs until it is told to leave."""
    work = crash.runctl.folder / f"{crash.job}-work"
    work.mkdir()
    (work / "readme.txt").write_text("nothing is needed\n")
    job = {
        "name": crash.job,
        "region": "us-east-1",
        "workdir": work.name,
        "resources": {"instance_types": ["m5.large"], "disk": "20GB"},
        "spot_policy": "spot",
        "max_duration": "2h",
        "run": "trap 'exit 0' TERM; while true; do sleep 0.2; done",
        **changes,
    }
    file = crash.runctl.folder / f"{crash.job}.yaml"
    file.write_text(yaml.safe_dump(job))
    return file


def machines(crash: Crash, url: str) -> list[str]:
    return [found.id for found in leaks(crash.job, url) if found.kind == "instance"]


def is_stopped(crash: Crash, url: str) -> None:
    stopped = crash.runctl.json("stop", crash.job, "--yes", "--grace", "1")
    assert stopped["phase"] == "stopped"
    assert machines(crash, url) == []
    assert crash.runctl.json("status", crash.job)["machine"] is None


def is_resumed(crash: Crash, url: str) -> None:
    crash.runctl.json("resume", crash.job, "--yes")
    if crash.runctl.json("status", crash.job)["group"] is None:
        assert len(machines(crash, url)) == 1
    assert crash.runctl.json("status", crash.job)["phase"] != "stopped"


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_the_next_command_finishes_it(crashed: Crash, cloud_url: str, form: str, operation: str) -> None:
    file = endless_job(crashed, **FORMS[form])
    crashed.runctl("up", str(file), "--yes", "--detach")
    killed = 0
    for number, who in zip(itertools.count(1), itertools.cycle(WHO)):
        if operation == "resume":
            is_stopped(crashed, cloud_url)
        elif number > 1:
            is_resumed(crashed, cloud_url)
        command = ("stop", crashed.job, "--yes", "--grace", "1")
        if operation == "resume":
            command = ("resume", crashed.job, "--yes")
        when = "before" if number % 2 else "after"
        try:
            cut = crashed.kill_at(Point("cloud", number, when, who), *command)  # type: ignore[arg-type]
        except AssertionError as error:
            if not str(error).startswith(_OVER):
                raise
            break
        killed += 1
        print(f"COUNTED {form} {operation} {number} {when} {who}: at {cut.at}")
        is_stopped(crashed, cloud_url)
        is_resumed(crashed, cloud_url)
    assert killed >= 2, "it has changing calls"


def test_a_stop_request_that_an_interrupted_down_left_is_cleared(
    crashed: Crash, runctl: Runctl, cloud_url: str
) -> None:
    file = endless_job(crashed)
    crashed.runctl("up", str(file), "--yes", "--detach")
    crashed.kill_at(Point("cloud", 1, "before", "group"), "down", crashed.job, "--yes", "--grace", "1")
    is_resumed(crashed, cloud_url)
