"""runctl, its engine or the provider of AWS killed at writes of the checkpoint of a job on RunPod: one `down`
later nothing is left, neither at RunPod nor at AWS."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from support.crash_points import Crash, Point, Who
from support.runctl_cli import Runctl
from support.runpod_jobs import RunpodJobs

pytestmark = [pytest.mark.sandbox, pytest.mark.matrix]

WRITES = {"up": 53, "down": 46}
"""How often the engine writes the checkpoint in each operation on the job below."""
WHO: tuple[Who, ...] = ("group", "alone", "provider")


def points() -> Iterator[object]:
    """Every write of an operation, each killing somebody else than the one before it."""
    who = itertools.cycle(WHO)
    for operation, count in WRITES.items():
        for number in range(1, count + 1):
            point = Point("write", number, "before" if number % 2 else "after", next(who))
            yield pytest.param(operation, point, id=f"{operation}-{point.name}")


@pytest.fixture
def jobs(runctl: Runctl) -> RunpodJobs:
    made = RunpodJobs(runctl)
    return RunpodJobs(
        Runctl(runctl.folder, {**made.runctl.env, "RUNCTL_PARALLEL": "1", "TOKEN": "hidden-value"})
    )


@pytest.fixture
def crashed(jobs: RunpodJobs, request: pytest.FixtureRequest, ended: list[str]) -> Crash:
    point = getattr(request.node, "callspec", None)
    name = f"pod-{point.id.rsplit('-', 2)[0]}" if point else "pod-crash"
    ended.append(name)
    return Crash(jobs.runctl, name)


@pytest.mark.parametrize(("operation", "point"), list(points()))
def test_one_down_leaves_nothing(
    jobs: RunpodJobs, crashed: Crash, cloud_url: str, operation: str, point: Point
) -> None:
    file = jobs.write(crashed.job, env={"EPOCHS": "400"}, secrets=["TOKEN"])
    commands = {
        "up": ("up", file, "--yes", "--detach"),
        "down": ("down", crashed.job, "--yes", "--discard-artifacts", "--grace", "1"),
    }
    if operation == "down":
        crashed.runctl(*commands["up"])
    crashed.kill_at(point, *commands[operation])
    down = crashed.runctl("--output", "json", *commands["down"], code=None)
    if down.json.get("error", {}).get("kind") != "job-not-found":
        assert down.code == 0, down.text
        assert down.json["leaked"] == []
    assert jobs.left(crashed.job, cloud_url) == []
    assert crashed.runctl("leaks").code == 0


def test_the_points_are_all_that_there_are(jobs: RunpodJobs, crashed: Crash) -> None:
    file = jobs.write(crashed.job, env={"EPOCHS": "400"}, secrets=["TOKEN"])
    watch = crashed.writes().watch()
    try:
        crashed.runctl("up", file, "--yes", "--detach")
        up = watch.count()
        crashed.runctl("down", crashed.job, "--yes", "--discard-artifacts", "--grace", "1")
        counted = {"up": up, "down": watch.count()}
    finally:
        watch.close()
    print(f"COUNTED {counted}")
    assert counted == WRITES
