"""Real trainers as people write them: interrupted once, each ends with all its steps and repeats few.

Their packages are no part of the project; the tests install them once (support/trainer_packages.py). They
fail where the packages cannot be had.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest
import yaml
from support.cloud_scanner import leaks
from support.emulated_cloud import client
from support.machine_events import interrupt
from support.runctl_cli import Runctl
from support.trainer_packages import trainer_packages

pytestmark = [pytest.mark.sandbox, pytest.mark.matrix]

SCRIPTS = Path(__file__).parent
STEPS, EVERY, INTERRUPTED_AFTER = 60, 5, 13
NOTICE_SECONDS = 15
STEP = re.compile(r"^step (\d+)$")
BEGINS = re.compile(r"^begins at (\d+)")


@dataclass(frozen=True)
class Trainer:
    """A script of this folder and how it is started."""

    name: str
    script: str
    command: str = "python3"


TRAINERS = [
    Trainer("sklearn", "sklearn_partial_fit.py"),
    Trainer("loader", "torch_loader.py"),
    Trainer(
        "torchrun", "torchrun_gloo.py", "python3 -m torch.distributed.run --standalone --nproc-per-node 2"
    ),
    Trainer("transformers", "transformers_trainer.py"),
    Trainer("lightning", "lightning_fit.py"),
]


@pytest.fixture(scope="module")
def packages() -> Path:
    return trainer_packages()


@pytest.fixture(scope="module")
def sandbox(packages: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runctl]:
    """A sandbox whose hosts see the packages."""
    command = Runctl(tmp_path_factory.mktemp("trainers"), {"PIP_FIND_LINKS": str(packages)})
    command("sandbox", "start")
    try:
        yield command
    finally:
        command("sandbox", "stop")


def write_job(folder: Path, trainer: Trainer, packages: Path) -> Path:
    work = folder / f"{trainer.name}-work"
    work.mkdir()
    shutil.copy(SCRIPTS / trainer.script, work)
    job = {
        "name": trainer.name,
        "region": "us-east-1",
        "workdir": work.name,
        "run": f"{trainer.command} {trainer.script}",
        "env": {
            "PYTHONPATH": str(packages),
            "STEPS": str(STEPS),
            "EVERY": str(EVERY),
            "OMP_NUM_THREADS": "1",
            "GLOO_SOCKET_IFNAME": "lo",
        },
        "resources": {"instance_types": ["m5.large"], "disk": "20GB"},
        "spot_policy": "spot",
        "max_duration": "1h",
        "checkpoints": {"path": "checkpoints", "every": "3s", "keep": 3},
    }
    path = folder / f"{trainer.name}.yaml"
    path.write_text(yaml.safe_dump(job))
    return path


def machine_of(cloud_url: str, job: str) -> str:
    """The id of the job's running machine."""
    wanted = [
        {"Name": "tag:runctl:job", "Values": [job]},
        {"Name": "instance-state-name", "Values": ["running"]},
    ]
    (found,) = client(cloud_url, "ec2").describe_instances(Filters=wanted)["Reservations"]
    return str(found["Instances"][0]["InstanceId"])


def read_to(stream: IO[str], step: int) -> list[str]:
    """Lines until the step is reported, or all of them."""
    lines = []
    for line in stream:
        lines.append(line)
        done = STEP.match(line)
        if done and int(done[1]) >= step:
            return lines
    pytest.fail(f"it never got to step {step}: {''.join(lines)[-3000:]}")


@dataclass(frozen=True)
class Start:
    """One start of the script: where it began and the steps that it reported."""

    began: int
    steps: list[int]


def starts(lines: list[str]) -> list[Start]:
    found: list[Start] = []
    for line in lines:
        if begins := BEGINS.match(line):
            found.append(Start(int(begins[1]), []))
        elif (step := STEP.match(line)) and found:
            found[-1].steps.append(int(step[1]))
    return found


@pytest.mark.parametrize("trainer", TRAINERS, ids=lambda each: each.name)
def test_a_trainer_that_is_interrupted_loses_at_most_an_interval(
    sandbox: Runctl, packages: Path, trainer: Trainer
) -> None:
    cloud_url = str(sandbox.json("sandbox", "status")["cloud_url"])
    process = sandbox.start("up", str(write_job(sandbox.folder, trainer, packages)), "--yes")
    assert process.stdout is not None
    lines = read_to(process.stdout, INTERRUPTED_AFTER)
    interrupt(cloud_url, machine_of(cloud_url, trainer.name), notice_seconds=NOTICE_SECONDS)
    out, err = process.communicate(timeout=1200)
    lines += out.splitlines(keepends=True)
    assert process.returncode == 0, "".join(lines)[-4000:] + err[-4000:]

    first, *_, last = found = starts(lines)
    assert len(found) == 2, "one interruption, one new start"
    lost = first.steps[-1] - last.began
    print(
        f"COUNTED {trainer.name}: interrupted at step {first.steps[-1]}, resumed from {last.began}, "
        f"{lost} of at most {EVERY} steps repeated, ended at {last.steps[-1]} of {STEPS}"
    )
    assert first.began == 0
    assert last.began > 0
    assert last.steps[-1] == STEPS
    assert last.steps == list(range(last.began + 1, STEPS + 1)), "no step is left out"
    assert lost <= EVERY
    assert f"ended at {STEPS}\n" in lines

    assert sandbox.json("down", trainer.name, "--yes")["nothing_left"]
    assert leaks(trainer.name, cloud_url) == []
