"""`runctl transfer` with a machine that runs: files from it and to it, and what it does not have."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from support.polling import until
from support.runctl_cli import Runctl

pytestmark = [pytest.mark.sandbox, pytest.mark.matrix]

JOB = "carried"
RUN = """
mkdir -p results/deep
echo weights > results/a.txt
head -c 3000000 /dev/zero > results/deep/b.bin
echo at $PWD
until [ -e given/done ]; do sleep 0.2; done
cksum given/deep/x.bin
"""


@pytest.fixture
def place(runctl: Runctl) -> Iterator[str]:
    """The work folder on the machine of a job that waits for a file."""
    work = runctl.folder / f"{JOB}-work"
    work.mkdir()
    (work / "train.sh").write_text(RUN)
    job = {
        "name": JOB,
        "region": "us-east-1",
        "workdir": work.name,
        "run": "sh train.sh",
        "max_duration": "1h",
        "resources": {"instance_types": ["m5.large"], "disk": "20GB"},
    }
    (runctl.folder / f"{JOB}.yaml").write_text(yaml.safe_dump(job))
    try:
        runctl("up", f"{JOB}.yaml", "--yes", "--detach")
        until(lambda: "at /" in runctl("logs", JOB, code=None).out, seconds=180, pause=1)
        run = runctl.json("status", JOB)["run"]
        yield f"{JOB}:/var/lib/runctl/runs/{run}/work"
    finally:
        runctl("down", JOB, "--yes", "--discard-artifacts", code=None)


def test_files_come_from_a_machine_and_go_to_it(runctl: Runctl, place: str) -> None:
    runctl("transfer", f"{place}/results", "out")
    assert (runctl.folder / "out" / "a.txt").read_text() == "weights\n"
    assert (runctl.folder / "out" / "deep" / "b.bin").stat().st_size == 3_000_000
    runctl("transfer", f"{place}/results/a.txt", "one.txt")
    assert (runctl.folder / "one.txt").read_text() == "weights\n"
    assert "does not exist" in runctl("transfer", f"{place}/nothing", "x", code=1).err
    given = runctl.folder / "given"
    fill(given)
    runctl("transfer", "given", f"{place}/given")
    (runctl.folder / "done").touch()
    runctl("transfer", "done", f"{place}/given/")
    until(lambda: runctl.json("status", JOB)["phase"] == "succeeded", seconds=180, pause=1)
    assert "given/deep/x.bin" in runctl("logs", JOB).out


def fill(folder: Path) -> None:
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "x.bin").write_bytes(random.Random(1).randbytes(20_000_000))
    (folder / "link").symlink_to("deep/x.bin")
