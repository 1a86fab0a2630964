"""runctl, its engine or the provider killed at numbered points of up, replace and down: one `down` later
nothing is left but what is protected, and that is not lost.

A point is the moment just before or just after a changing call of the provider reaches the cloud, or a write
of the checkpoint. Which calls there are is counted first: the numbers below must cover them all.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.cloud_points import CloudPoints
from support.cloud_scanner import leaks
from support.counting_job import write_job
from support.crash_points import Crash, Point, Who
from support.runctl_cli import Runctl

pytestmark = pytest.mark.sandbox

VOLUME = [{"name": "data", "size": "10GB", "mount": "/data", "protect": True}]
FORMS: dict[str, dict[str, Any]] = {
    "instance": {"volumes": VOLUME},
    "group": {"volumes": VOLUME, "recovery": "cloud"},
    "nodes": {
        "nodes": 3,
        "network": {"placement": "cluster"},
        "resources": {"instance_types": ["c5.large"], "disk": "10GB"},
    },
}
"""What makes a job's machine an instance, that of a group, or one of three."""
CALLS = {
    "instance": {"up": 24, "replace": 9, "down": 19},
    "group": {"up": 24, "replace": 14, "down": 20},
    "nodes": {"up": 29, "replace": 12, "down": 26},
}
"""How many changing calls the provider makes in each operation on the job below."""
WRITES = {"up": 66, "replace": 21, "down": 42}
"""How often the engine writes the checkpoint in each of them, for an instance."""
WHO: tuple[Who, ...] = ("group", "alone", "provider")
SAMPLE = ("up", Point("cloud", 20, "after", "group"))
"""What `make test` holds: the machine runs, and nobody has recorded it."""


def numbers(form: str, operation: str) -> list[int]:
    """The calls at which something is killed: all, but of several machines, whose calls are most of those of
    one, every third, and those that make and end machines.
    """
    last = CALLS[form][operation]
    if form != "nodes":
        return list(range(1, last + 1))
    machines = range(1, 7) if operation == "down" else range(last - 5, last + 1)
    return sorted({*range(1, last + 1, 3), *machines})


def points(form: str, operation: str) -> Iterator[Point]:
    """All points of an operation, each killing somebody else than the one before it."""
    who = itertools.cycle(WHO)
    for number in numbers(form, operation):
        yield Point("cloud", number, "before", next(who))
        yield Point("cloud", number, "after", next(who))
        if number % 3 == 0:
            next(who)  # so that all three meet all kinds of calls
    for number in range(1, WRITES[operation] + 1 if form == "instance" else 0):
        yield Point("write", number, "before" if number % 2 else "after", next(who))


def cut_creations(form: str) -> Iterator[Point]:
    """All calls of an `up` carried out and never answered, with nobody left who could clean up but `down`."""
    for number in numbers(form, "up"):
        yield Point("cloud", number, "after", "around")


def parameters() -> Iterator[object]:
    yield pytest.param("instance", *SAMPLE, id=f"{SAMPLE[0]}-{SAMPLE[1].name}")
    for form in FORMS:
        of_form = "" if form == "instance" else f"{form}-"
        for operation in CALLS[form]:
            for point in points(form, operation):
                name = f"{of_form}{operation}-{point.name}"
                yield pytest.param(form, operation, point, id=name, marks=pytest.mark.matrix)
        for point in cut_creations(form):
            yield pytest.param(form, "up", point, id=f"{of_form}up-{point.name}", marks=pytest.mark.matrix)


@pytest.fixture
def crashed(runctl: Runctl, ended: list[str]) -> Crash:
    """A job that is removed at the end, whatever came of it; its calls come one by one, in one order."""
    one_by_one = Runctl(runctl.folder, {**runctl.env, "RUNCTL_PARALLEL": "1"})
    job = f"crash-{len(list(runctl.folder.glob('crash-*.yaml'))) + 1}"
    ended.append(job)
    return Crash(one_by_one, job)


def job_file(crash: Crash, form: str = "instance", message: str = "counting") -> Path:
    return write_job(
        crash.runctl.folder,
        crash.job,
        message=message,
        env={"HOLD_AT": "1", "HOLD_STARTS": "9"},
        **FORMS[form],
    )


def command_of(form: str, operation: str, crash: Crash) -> tuple[str, ...]:
    """The command to be killed, with everything made that has to be there before it."""
    first = ("up", str(job_file(crash, form)), "--yes", "--detach")
    if operation == "up":
        return first
    crash.runctl(*first)
    return replacement(crash, form) if operation == "replace" else teardown(crash)


def replacement(crash: Crash, form: str = "instance") -> tuple[str, ...]:
    return ("up", str(job_file(crash, form, "better code")), "--yes", "--detach", "--grace", "1")


def teardown(crash: Crash) -> tuple[str, ...]:
    return ("down", crash.job, "--yes", "--grace", "1")


@pytest.mark.parametrize(("form", "operation", "point"), list(parameters()))
def test_one_down_leaves_nothing(
    crashed: Crash, cloud_url: str, form: str, operation: str, point: Point
) -> None:
    crashed = replace(crashed, several=form == "nodes")
    command = command_of(form, operation, crashed)
    volumes = protected_volumes(crashed, form, operation)
    killed = crashed.kill_at(point, *command)
    held = {found.id for found in killed.held}
    assert volumes <= held, "what is protected is there before anything is repaired"

    down = crashed.runctl("--output", "json", "down", crashed.job, "--yes", "--grace", "1", code=None)
    if down.json.get("error", {}).get("kind") == "job-not-found":
        print(f"COUNTED {operation} {point.name}: no stack yet, the cloud held {killed.kinds}")
        assert held == set()
        assert leaks(crashed.job, cloud_url) == []
        return
    assert down.code == 0, down.text
    receipt = down.json
    kept = {each["id"] for each in receipt["kept"]}
    left = {found.id for found in leaks(crashed.job, cloud_url)}
    print(
        f"COUNTED {operation} {point.name}: at {killed.at} the cloud held {killed.kinds}; "
        f"after one down: {len(left - kept)} left, {len(volumes - left)} protected lost, {len(kept)} kept"
    )
    assert receipt["leaked"] == []
    assert left == kept, "what is left is what the receipt says is kept"
    assert volumes <= left, "nothing that is protected was lost"
    assert receipt["stack_removed"] == (not kept)


def protected_volumes(crash: Crash, form: str, operation: str) -> set[str]:
    """The job's volume, once it is protected."""
    if operation == "up" or "volumes" not in FORMS[form]:
        return set()
    return {crash.runctl.json("outputs", crash.job)["volumes"]["data"]}


@pytest.mark.matrix
@pytest.mark.parametrize("form", FORMS)
def test_the_points_cover_all_calls(crashed: Crash, cloud_url: str, form: str) -> None:
    numbered = CloudPoints(cloud_url)
    file = str(job_file(crashed, form))
    commands = {
        "up": lambda: crashed.runctl("up", file, "--yes", "--detach"),
        "replace": lambda: crashed.runctl(*replacement(crashed, form)),
        "down": lambda: crashed.runctl(*teardown(crashed)),
    }
    calls, writes = {}, {}
    watch = crashed.writes().watch()
    try:
        for operation, run in commands.items():
            numbered.count()
            run()
            seen = numbered.seen()
            calls[operation], writes[operation] = len(seen), watch.count()
            print(f"COUNTED {operation}: {len(seen)} changing calls: {' '.join(seen)}")
            print(f"COUNTED {operation}: {writes[operation]} writes of the checkpoint")
    finally:
        watch.close()
        numbered.clear()
    assert calls == CALLS[form]
    assert form != "instance" or writes == WRITES


@pytest.mark.matrix
def test_up_after_a_crash_goes_on_with_one_machine(crashed: Crash, cloud_url: str) -> None:
    file = job_file(crashed)
    crashed.kill_at(Point("cloud", 20, "after", "group"), "up", str(file), "--yes", "--detach")
    crashed.runctl.json("up", str(file), "--yes", "--detach")
    alive = [found.id for found in leaks(crashed.job, cloud_url) if found.kind == "instance"]
    assert alive == [crashed.runctl.json("outputs", crashed.job)["instanceId"]]


@pytest.mark.matrix
def test_a_preview_recovers_nothing(crashed: Crash, cloud_url: str) -> None:
    operation, point = SAMPLE
    killed = crashed.kill_at(point, *command_of("instance", operation, crashed))
    previewed = crashed.runctl("preview", str(crashed.runctl.folder / f"{crashed.job}.yaml"))
    assert "which the plan leaves out" in previewed.err
    assert {each.id for each in leaks(crashed.job, cloud_url)} == {each.id for each in killed.held}
    crashed.runctl("down", crashed.job, "--yes", "--grace", "1")
    assert leaks(crashed.job, cloud_url) == []
