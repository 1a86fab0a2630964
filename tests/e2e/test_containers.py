"""Jobs in containers: what the plan shows, what docker is asked, how they are stopped, what is left."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.cloud_scanner import leaks
from support.local_jobs import LocalRunctl, until
from support.runctl_cli import Runctl
from support.waiting import wait_for_line

from sandbox.aws.cloud.container_registries import index_of
from sandbox.hosts.guest import stand_in

PASSWORD = "t0p-s3cret-of-the-registry"
TRAINS = """
echo "in $(pwd) job $RUNCTL_JOB seed $SEED token ${#TOKEN}"
trap 'echo 1 > "$RUNCTL_CHECKPOINT_DIR/half"; echo saved; exit 5' TERM
if [ -e "$RUNCTL_CHECKPOINT_DIR/half" ]; then echo resumed; exit 6; fi
mkdir -p model
cp "$RUNCTL_ROOT/var/lib/docker/asked.jsonl" model/
echo started
while true; do sleep 0.1; done
"""
IMAGE = "docker:ghcr.io/acme/private/train:1.2"


def write(folder: Path, name: str, **changes: Any) -> Path:
    work = folder / f"{name}-work"
    work.mkdir(parents=True, exist_ok=True)
    (work / "code").touch()
    job = {
        "name": name,
        "region": "us-east-1",
        "workdir": work.name,
        "image": IMAGE,
        "registry_auth": {"username": "robot", "password": "REGISTRY_GHCR_IO"},
        "env": {"SEED": 7},
        "secrets": ["TOKEN"],
        "setup": "echo set up",
        "run": TRAINS,
        "checkpoints": {"path": "checkpoints", "every": "1h"},
        "artifacts": {"paths": ["model/"]},
        "max_duration": "10m",
        **changes,
    }
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(job))
    return path


def digest_of(registry: str, repository: str, tag: str) -> str:
    from hashlib import sha256

    content = index_of(registry, repository, tag)
    assert content is not None
    return f"sha256:{sha256(content).hexdigest()}"


def check_what_docker_was_asked(asked: list[list[str]], reference: str, work_ends: str) -> None:
    commands = {words[0]: words for words in asked}
    assert commands["pull"][-1] == reference
    assert commands["login"] == ["login", "--username", "robot", "--password-stdin", "ghcr.io"]
    kept = commands["run"]
    assert kept[kept.index("--entrypoint") + 2] == reference
    assert {"--rm", "--interactive", "--network", "host", "--name"} <= set(kept)
    assert any(each.endswith(work_ends) for each in kept if each.startswith("type=bind,"))
    executed = [words for words in asked if words[0] == "exec"]
    assert all("TOKEN" in words for words in executed)
    assert "RUNCTL_RUN_ID" in executed[-1]
    assert not any(PASSWORD in word or "sw0rdfish" in word for words in asked for word in words)


@pytest.fixture
def secret(runctl: Runctl) -> Iterator[Runctl]:
    """With the values of the job's secrets in its environment."""
    runctl.env.update(REGISTRY_GHCR_IO=PASSWORD, TOKEN="sw0rdfish")
    yield runctl
    for name in ("REGISTRY_GHCR_IO", "TOKEN"):
        runctl.env.pop(name)


def started(runctl: Runctl, name: str, **changes: Any) -> str:
    """The text of `up` once the job's training has begun."""
    shown = runctl("up", str(write(runctl.folder, name, **changes)), "--yes", "--detach")
    wait_for_line(runctl, name, "started")
    return shown.text


@pytest.mark.sandbox
def test_a_container_on_aws_is_stopped_with_its_code_and_gone(
    secret: Runctl, cloud_url: str, ended: list[str]
) -> None:
    ended.append("boxed")
    reference = f"ghcr.io/acme/private/train@{digest_of('ghcr.io', 'acme/private/train', '1.2')}"
    plan = started(secret, "boxed")
    assert f"container: {IMAGE} is {reference}, made for linux/amd64, linux/arm64" in plan
    secret("stop", "boxed", "--yes")
    log = secret("logs", "boxed").out
    assert "seed 7 token 9" in log
    assert "saved" in log
    assert secret.json("status", "boxed")["exit_code"] == 5
    receipt = secret.json("down", "boxed", "--yes")
    assert (receipt["nothing_left"], receipt["leaked"]) == (True, [])
    assert leaks("boxed", cloud_url) == []
    home = next((secret.folder / "runs" / "boxed").glob("*/model/asked.jsonl"))
    asked = [json.loads(line) for line in home.read_text().splitlines()]
    check_what_docker_was_asked(asked, reference, "/work")
    for kept in (secret.folder / ".runctl").rglob("*.json"):
        assert PASSWORD not in kept.read_text(errors="replace")


@pytest.mark.matrix
@pytest.mark.sandbox
def test_a_stopped_container_is_resumed_elsewhere_and_waited_for(
    secret: Runctl, cloud_url: str, ended: list[str]
) -> None:
    ended.append("boxed-again")
    started(secret, "boxed-again")
    secret("stop", "--all", "--yes")
    secret("resume", "boxed-again", "--yes")
    failed = secret("wait", "boxed-again", "--timeout", "5m", code=3)
    assert "failed with exit code 6" in failed.err
    assert "resumed" in secret("logs", "boxed-again").out
    receipt = secret.json("down", "boxed-again", "--yes", "--discard-artifacts")
    assert (receipt["nothing_left"], receipt["leaked"]) == (True, [])
    assert leaks("boxed-again", cloud_url) == []


@pytest.mark.sandbox
def test_an_image_that_does_not_exist_is_told_and_nothing_is_made(runctl: Runctl, cloud_url: str) -> None:
    for image, why in (
        ("docker:acme/train:missing", "There is no image docker.io/acme/train:missing"),
        ("docker:ghcr.io/acme/private/x:1", "does not tell of ghcr.io/acme/private/x:1 without a login"),
        ("docker:123456789012.dkr.ecr.us-east-1.amazonaws.com/team/x:1", "AWS's registry does not know it"),
    ):
        file = write(runctl.folder, "nowhere", image=image, registry_auth=None, secrets=[])
        refused = runctl("up", str(file), "--yes", code=None)
        assert refused.code in (1, 7)
        assert why in refused.err
    assert leaks("nowhere", cloud_url) == []


@pytest.fixture
def here(tmp_path: Path) -> LocalRunctl:
    """A machine with the sandbox's stand-in as its docker."""
    programs, root = tmp_path / "programs", tmp_path / "root"
    programs.mkdir()
    docker = programs / "docker"
    words = shlex.join([sys.executable, stand_in.__file__, "docker"])
    docker.write_text(f'#!/bin/sh\nRUNCTL_ROOT={shlex.quote(str(root))} exec {words} "$@"\n')
    docker.chmod(0o755)
    # The image is there already, as one that was built here.
    path = f"{programs}:{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin"
    command = LocalRunctl(tmp_path / "here", {"PATH": path, "TOKEN": "sw0rdfish", "DOCKER_HOST": ""})
    command.env["ASKED"] = str(root / "var/lib/docker/asked.jsonl")
    return command


def local_job(here: LocalRunctl, name: str, **changes: Any) -> Path:
    image = f"docker:ghcr.io/acme/train@{digest_of('ghcr.io', 'acme/train', '1')}"
    return write(here.folder, name, image=image, provider="local", registry_auth=None, **changes)


def test_a_container_here_outlives_neither_its_agent_nor_down(here: LocalRunctl) -> None:
    file = local_job(here, "boxed")
    here("up", str(file), "--yes", "--detach")
    wait_for_line(here, "boxed", "started")
    assert here.kill_agent("boxed")
    containers = Path(here.env["ASKED"]).parent / "containers"
    until(lambda: not list(containers.iterdir()) and not here.processes("boxed"), "it ends with its agent")
    here("up", str(file), "--yes", "--detach")
    until(lambda: here.agent("boxed") is not None and bool(list(containers.iterdir())), "it runs again")
    receipt = here.json("down", "boxed", "--yes", "--discard-artifacts")
    assert (receipt["nothing_left"], receipt["leaked"]) == (True, [])
    assert (list(containers.iterdir()), here.processes("boxed")) == ([], ())


def test_a_machine_without_a_runtime_says_so(here: LocalRunctl, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    for name in ("sh", "bash", "git"):
        program = shutil.which(name)
        if program is not None:
            (tmp_path / "bin" / name).symlink_to(program)
    here.env["PATH"] = str(tmp_path / "bin")
    refused = here("up", str(local_job(here, "bare")), "--yes", code=7)
    assert "docker is not installed; podman is not installed" in refused.err
    assert not (here.folder / ".runctl" / "local" / "jobs" / "bare").exists()
