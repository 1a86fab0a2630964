"""The sandbox's processes: started together, restarted, lost with their cloud, ended without a trace."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import boto3
import pytest
from support.cloud_keys import control

from sandbox import daemon
from sandbox.daemon import Endpoints

pytestmark = pytest.mark.sandbox

REPOSITORY = Path(daemon.__file__).resolve().parents[1]
PATIENCE = 90
AL2023 = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"


def quiet(_: str) -> None: ...


def await_that(condition: Callable[[], bool], what: str) -> None:
    give_up = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < give_up, what
        time.sleep(0.02)


def pids(folder: Path) -> dict[str, int]:
    return {process.name: process.pid for process in daemon.status(folder).processes}


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    await_that(lambda: not runs(pid), f"process {pid} outlived its kill")


def answers(url: str) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", int(url.rpartition(":")[2]))) == 0


def health(url: str) -> Any:
    return control(url, "GET", "health")["cloud"]


def write_stack(endpoints: Endpoints, job: str) -> None:
    folder = endpoints.state_folder / ".pulumi" / "stacks" / "runctl"
    folder.mkdir(parents=True, exist_ok=True)
    resources = [{"urn": "u", "type": "aws:s3/bucket:Bucket", "custom": True}]
    checkpoint = {"version": 3, "checkpoint": {"stack": job, "latest": {"resources": resources}}}
    (folder / f"{job}.json").write_text(json.dumps(checkpoint))


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    made = tmp_path / ".runctl" / "sandbox"
    yield made
    if made.exists():
        daemon.stop(made)


def test_a_sandbox_from_start_to_stop(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Started once by two at the same time, private, every part kept, gone without a trace."""
    _stand_among_modules_of_the_same_names(tmp_path, monkeypatch)
    endpoints = _start_twice_at_once(folder)
    _parts_saw_nothing_of_the_caller(folder)
    assert health(endpoints.cloud_url) == endpoints.cloud_id
    assert answers(f":{endpoints.provider_port}")
    assert endpoints.isolation in ("namespaces", "plain")
    assert endpoints.state_folder.is_dir()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(endpoints.passphrase_file.stat().st_mode) == 0o600
    assert len(endpoints.passphrase_file.read_text()) >= 32
    began = time.monotonic()
    assert daemon.ensure_started(folder, progress=quiet) == endpoints
    assert time.monotonic() - began < 2

    before = pids(folder)
    assert set(before) == {"supervisor", "cloud", "provider", "hosts", "runpod"}
    assert len(set(before.values())) == 5
    _a_killed_part_comes_back(folder, endpoints, "provider")
    _a_killed_part_comes_back(folder, endpoints, "hosts")
    after = pids(folder)
    assert (after["cloud"], after["supervisor"]) == (before["cloud"], before["supervisor"])

    write_stack(endpoints, "digits")
    report = daemon.stop(folder)
    assert (report.was_running, report.cloud_id, report.jobs) == (True, endpoints.cloud_id, ("digits",))
    assert not any(runs(pid) for pid in after.values())
    assert not answers(endpoints.cloud_url)
    assert not answers(f":{endpoints.provider_port}")
    assert sorted(file.name for file in folder.iterdir()) == ["lock", "supervisor.log"]
    assert (folder / "supervisor.log").read_text() == ""
    assert daemon.status(folder).phase == "stopped"
    assert not daemon.stop(folder).was_running


def _stand_among_modules_of_the_same_names(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("sandbox", "moto", "boto3", "json", "components"):
        (place / f"{name}.py").write_text("raise SystemExit('shadowed')\n")
    monkeypatch.chdir(place)
    monkeypatch.setenv("PYTHONPATH", str(place))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a person's own")


def _parts_saw_nothing_of_the_caller(folder: Path) -> None:
    for pid in pids(folder).values():
        environment = Path(f"/proc/{pid}/environ").read_bytes()
        assert b"a person's own" not in environment
        assert b"PYTHONPATH" not in environment
        assert Path(f"/proc/{pid}/cwd").resolve().is_relative_to(folder.resolve())


def _start_twice_at_once(folder: Path) -> Endpoints:
    """Another process starts it too, is then killed with its group, and the sandbox lives on."""
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); from pathlib import Path; from sandbox import daemon; "
        "print(daemon.ensure_started(Path(sys.argv[2]), progress=lambda _: None).cloud_id, flush=True); "
        "import time; time.sleep(600)"
    )
    other = subprocess.Popen(
        [sys.executable, "-I", "-c", code, str(REPOSITORY), str(folder)],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    endpoints = daemon.ensure_started(folder, progress=quiet)
    assert other.stdout is not None
    assert other.stdout.readline().strip() == endpoints.cloud_id
    os.killpg(other.pid, signal.SIGKILL)
    other.wait()
    other.stdout.close()
    assert daemon.status(folder).running
    return endpoints


def _a_killed_part_comes_back(folder: Path, endpoints: Endpoints, name: str) -> None:
    old = pids(folder)
    kill(old[name])
    again = daemon.ensure_started(folder, progress=quiet)
    assert (again.cloud_id, again.cloud_url) == (endpoints.cloud_id, endpoints.cloud_url)
    assert (again.provider_port, again.lost_jobs) == (endpoints.provider_port, ())
    new = pids(folder)
    assert new[name] != old[name]
    assert {key: pid for key, pid in new.items() if key != name} == {
        key: pid for key, pid in old.items() if key != name
    }


def test_a_new_cloud_starts_with_a_new_state_and_says_which_jobs_are_lost(folder: Path) -> None:
    """After cloud and provider were killed at once, and after the supervisor was."""
    first = daemon.ensure_started(folder, progress=quiet)
    write_stack(first, "digits")
    running = pids(folder)
    os.kill(running["provider"], signal.SIGKILL)
    kill(running["cloud"])
    second = daemon.ensure_started(folder, progress=quiet)
    assert second.cloud_id != first.cloud_id
    assert second.state_folder != first.state_folder
    assert list(second.state_folder.iterdir()) == []
    assert second.passphrase_file.read_text() != first.passphrase_file.read_text()
    assert second.lost_jobs == ("digits",)
    assert health(second.cloud_url) == second.cloud_id
    assert not answers(first.cloud_url)
    assert daemon.ensure_started(folder, progress=quiet).lost_jobs == ()

    write_stack(second, "counter")
    old = pids(folder)
    kill(old["supervisor"])
    await_that(lambda: not any(runs(pid) for pid in old.values()), "the parts did not end")
    assert daemon.status(folder).phase == "crashed"
    third = daemon.ensure_started(folder, progress=quiet)
    assert third.cloud_id not in (first.cloud_id, second.cloud_id)
    assert third.lost_jobs == ("counter",)


def test_machines_that_outlive_everything_are_ended_by_stop(folder: Path) -> None:
    """Hosts are processes of their own: the kill of hosts process and supervisor leaves them."""
    endpoints = daemon.ensure_started(folder, progress=quiet)
    seconds = str(90000 + os.getpid() % 10000)
    launch(endpoints, f"#!/bin/sh\nexec sleep {seconds}\n")
    await_that(lambda: bool(sleeping(seconds)), "the machine did not start")
    running = pids(folder)
    for name in ("hosts", "supervisor"):
        kill(running[name])
    await_that(lambda: not runs(running["cloud"]), "the cloud outlived its supervisor")
    assert sleeping(seconds)
    report = daemon.stop(folder)
    assert not report.was_running
    await_that(lambda: not sleeping(seconds), "the machine outlived the sandbox")
    assert sorted(file.name for file in folder.iterdir()) == ["lock", "supervisor.log"]


def launch(endpoints: Endpoints, user_data: str) -> None:
    def client(service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=endpoints.cloud_url,
            region_name="us-east-1",
            aws_access_key_id=endpoints.access_key_id,
            aws_secret_access_key=endpoints.secret_access_key,
        )

    image = client("ssm").get_parameter(Name=AL2023)["Parameter"]["Value"]
    client("ec2").run_instances(
        ImageId=image, InstanceType="t3.micro", MinCount=1, MaxCount=1, UserData=user_data
    )


def sleeping(seconds: str) -> list[int]:
    """Processes `sleep SECONDS`, in whatever namespace."""
    wanted = b"sleep\0" + seconds.encode() + b"\0"
    found = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if entry.name.isdigit() and (entry / "cmdline").read_bytes() == wanted:
                found.append(int(entry.name))
    return found


def test_a_part_that_cannot_start_is_told_and_nothing_remains(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNCTL_SANDBOX_ISOLATION", "no such isolation")
    with pytest.raises(daemon.SandboxError, match="hosts"):
        daemon.ensure_started(folder, progress=quiet)
    assert daemon.status(folder).phase == "failed"
    await_that(lambda: not any(p.alive for p in daemon.status(folder).processes), "processes remain")
    monkeypatch.delenv("RUNCTL_SANDBOX_ISOLATION")
    assert daemon.ensure_started(folder, progress=quiet).cloud_id


def test_asking_for_the_status_loads_no_emulator() -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(REPOSITORY)!r}); from sandbox import daemon; "
        "print([m for m in ('moto', 'boto3', 'grpc', 'flask', 'pulumi', 'rich') if m in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
