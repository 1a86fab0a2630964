"""Which machines the emulated cloud made for each run, and when they were there, by its own records."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from support.cloud_keys import control
from support.emulated_cloud import client

_RUN = "runctl:run"
_JOB = "runctl:job"


@dataclass(frozen=True)
class Lived:
    """One machine. Times are seconds since 1970; ``ended`` is None while it is there."""

    job: str
    run: str
    machine: str
    began: float
    ended: float | None


def machines(cloud_url: str) -> list[Lived]:
    """All machines that runctl made in the last hour, by the time at which they were asked for."""
    tags = {}
    for page in client(cloud_url, "ec2").get_paginator("describe_instances").paginate():
        for group in page["Reservations"]:
            for each in group["Instances"]:
                tags[each["InstanceId"]] = {tag["Key"]: tag["Value"] for tag in each.get("Tags", [])}
    began: dict[str, float] = {}
    ended: dict[str, float] = {}
    for machine, state, at in control(cloud_url, "GET", "history")["history"]:
        began.setdefault(machine, at)
        if state == "terminated":
            ended[machine] = at
    return [
        Lived(tags[machine][_JOB], tags[machine][_RUN], machine, at, ended.get(machine))
        for machine, at in began.items()
        if _RUN in tags.get(machine, {})
    ]


def overlaps(lived: list[Lived]) -> Iterator[str]:
    """Runs that had two machines at one time. Jobs with the same code have runs of the same id."""
    for job, run in sorted({(each.job, each.run) for each in lived}):
        own = [each for each in lived if (each.job, each.run) == (job, run)]
        for first, second in pairwise(sorted(own, key=lambda each: each.began)):
            if first.ended is None or second.began < first.ended:
                yield f"{job}, run {run}: {second.machine} began before {first.machine} had ended"
