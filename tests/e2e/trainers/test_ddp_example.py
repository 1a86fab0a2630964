"""The example with torchrun and gloo on two machines: what it learns is the same when a machine is lost."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.cloud_scanner import leaks
from support.followed_up import Followed
from support.runctl_cli import Runctl
from support.trainer_packages import trainer_packages

pytestmark = [pytest.mark.sandbox, pytest.mark.matrix]

EXAMPLE = Path(__file__).parents[3] / "stacks" / "examples" / "ddp"


@pytest.fixture(scope="module")
def packages() -> Path:
    return trainer_packages()


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory, packages: Path) -> Iterator[Runctl]:
    """A sandbox whose hosts see the packages: no host downloads any."""
    command = Runctl(tmp_path_factory.mktemp("ddp"), {"PIP_FIND_LINKS": str(packages)})
    command("sandbox", "start")
    try:
        yield command
    finally:
        command("sandbox", "stop")


def write_job(sandbox: Runctl, name: str, packages: Path) -> Path:
    work = sandbox.folder / f"{name}-work"
    work.mkdir()
    shutil.copy(EXAMPLE / "train.py", work)
    job = yaml.safe_load((EXAMPLE / "job.yaml").read_text())
    del job["setup"]
    # The hosts of the sandbox share one network, whose only interface for all is loopback.
    own = {"PYTHONPATH": str(packages), "GLOO_SOCKET_IFNAME": "lo", "EPOCH_SECONDS": "0.5"}
    job.update(name=name, workdir=work.name, env={**job["env"], **own})
    job["checkpoints"]["every"] = "1s"
    path = sandbox.folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(job))
    return path


def learnt(result: dict[str, Any]) -> dict[str, Any]:
    home = Path(result["artifacts"]["folder"])
    found: dict[str, Any] = json.loads((home / "model" / "metrics.json").read_text())
    return found


def test_a_lost_machine_changes_nothing_of_what_is_learnt(sandbox: Runctl, packages: Path) -> None:
    cloud_url = str(sandbox.json("sandbox", "status")["cloud_url"])
    calm = learnt(sandbox.json("up", str(write_job(sandbox, "calm", packages)), "--yes", timeout=900))
    assert calm["accuracy"] > 0.9
    assert (calm["ranks"], calm["epochs"]) == (2, 20)

    file = write_job(sandbox, "hit", packages)
    up = Followed(sandbox, str(file))
    up.await_line(r"epoch 6 of", seconds=600)
    began = time.monotonic()
    sandbox("sandbox", "fail", "hit", "--kind", "kill", "--rank", "1")
    up.await_line(r"starts at epoch [1-9]", seconds=300)
    print(f"MEASURED {time.monotonic() - began:.0f} s from the loss of a machine to the next start of all")
    assert up.end(900) == 0, "".join(up.lines)
    assert learnt(sandbox.json("up", str(file), "--yes")) == calm
    for name in ("calm", "hit"):
        assert sandbox.json("down", name, "--yes", "--discard-artifacts")["nothing_left"]
        assert leaks(name, cloud_url) == []
