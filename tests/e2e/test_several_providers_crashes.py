"""runctl, its engine or a provider killed while a job moves from AWS to RunPod, or back: the next command
finishes the move or undoes it, and one `down` leaves nothing with either."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import AbstractContextManager

import pytest
from support.cloud_faults import Fault, trouble
from support.crash_points import Crash, Point, Who
from support.runctl_cli import Runctl
from support.runpod_jobs import RunpodJobs

pytestmark = [pytest.mark.sandbox, pytest.mark.matrix]

ALWAYS = 1000
MOVES = {"runpod": (56, 105), "aws": (51, 102)}
"""By where the job moves: the writes of the checkpoint before it moves, and in all."""
TYPES = {"aws": "t3.micro", "runpod": "nvidia-a40.1"}
ZONES = {"aws": "us-east-1a", "runpod": "EU-RO-1"}
WHO: tuple[Who, ...] = ("group", "alone", "provider")


def points() -> Iterator[object]:
    """Every third write of a move, each killing somebody else than the one before it."""
    who = itertools.cycle(WHO)
    for to, (before, total) in MOVES.items():
        for number in range(before + 1, total + 1, 3):
            point = Point("write", number, "before" if number % 2 else "after", next(who))
            yield pytest.param(to, point, id=f"{to}-{point.name}")


class Moves:
    """A job that one provider refuses, of whose `up` the other makes it."""

    def __init__(self, runctl: Runctl, cloud_url: str, job: str, to: str) -> None:
        made = RunpodJobs(runctl)
        slow = {**made.runctl.env, "RUNCTL_PARALLEL": "1", "TOKEN": "hidden-value"}
        self.jobs = RunpodJobs(Runctl(runctl.folder, slow))
        self.crash = Crash(self.jobs.runctl, job)
        self._cloud_url, self._to, self._job = cloud_url, to, job

    def file(self, *providers: str) -> str:
        order = list(providers) or (["aws", "runpod"] if self._to == "runpod" else ["runpod", "aws"])
        return self.jobs.write(
            self._job,
            provider=order[0],
            providers=order,
            resources={"instance_types": [TYPES[each] for each in order]},
            zones=[ZONES[each] for each in order],
            spot_policy="on-demand",
            env={"EPOCHS": "400"},
            secrets=["TOKEN"],
        )

    def refused(self) -> AbstractContextManager[None]:
        """While it is entered, the provider that the job leaves has no capacity."""
        if self._to == "aws":
            self.jobs.fail("no-capacity", times=ALWAYS)
            return trouble(self._cloud_url)
        fault = Fault("ec2:RunInstances", "InsufficientInstanceCapacity", ALWAYS, {"Job": self._job})
        return trouble(self._cloud_url, fault)

    def down(self) -> None:
        self.jobs.control("DELETE", "faults")
        words = ("down", self._job, "--yes", "--discard-artifacts", "--grace", "1")
        down = self.jobs.runctl("--output", "json", *words, code=None)
        if down.json.get("error", {}).get("kind") != "job-not-found":
            assert down.code == 0, down.text
            assert down.json["leaked"] == []
        assert self.jobs.left(self._job, self._cloud_url) == []
        assert self.jobs.runctl("leaks").code == 0


@pytest.mark.parametrize(("to", "point"), list(points()))
def test_a_move_that_is_cut_is_finished_or_undone(
    runctl: Runctl, cloud_url: str, ended: list[str], to: str, point: Point
) -> None:
    job = f"move-{to}-{point.number}"
    ended.append(job)
    moves = Moves(runctl, cloud_url, job, to)
    file = moves.file()
    with moves.refused():
        moves.crash.kill_at(point, "up", file, "--yes", "--detach")
        if point.number % 2:
            again = moves.jobs.runctl.json("up", file, "--yes", "--detach")
            assert again["placement"]["provider"] == to
            assert moves.jobs.runctl("leaks").code == 0
    moves.down()


@pytest.mark.parametrize("to", MOVES)
def test_the_points_are_all_that_there_are(runctl: Runctl, cloud_url: str, ended: list[str], to: str) -> None:
    counted = []
    other = "aws" if to == "runpod" else "runpod"
    for number, providers in enumerate(([other], [])):
        job = f"moves-{to}-{number}"
        ended.append(job)
        moves = Moves(runctl, cloud_url, job, to)
        watch = moves.crash.writes().watch()
        try:
            with moves.refused():
                code = 6 if providers else 0
                moves.jobs.runctl("up", moves.file(*providers), "--yes", "--detach", code=code)
            counted.append(watch.count())
        finally:
            watch.close()
        moves.down()
    print(f"COUNTED {to} {counted}")
    assert tuple(counted) == MOVES[to]
