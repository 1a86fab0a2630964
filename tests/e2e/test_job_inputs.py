"""What a job is given: secrets, data, a volume that exists, a machine by size. Secrets are seen nowhere."""

from __future__ import annotations

import hashlib
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from support import emulated_cloud
from support.argument_watch import watched_arguments
from support.cloud_scanner import leaks
from support.left_running import processes_holding
from support.runctl_cli import Runctl

pytestmark = pytest.mark.sandbox

SECRET = "hf_" + hashlib.sha256(b"plain value of a test").hexdigest()[:24]
PEM = "-----BEGIN-----\nUExBSU5WQUxVRTAx\nUExBSU5WQUxVRTAy\n-----END-----\n"
TRAIN = """
import hashlib, json, os, sys, time
from pathlib import Path

token = os.environ["HF_TOKEN"]
sys.stdout.write("half " + token[:13])
sys.stdout.flush()
time.sleep(2.5)
print(token[13:] + " end")
print(os.environ["KEY_PEM"])
out = Path(os.environ["RUNCTL_OUTPUT_DIR"])
(out / "hash").write_text(hashlib.sha256((token + os.environ["KEY_PEM"]).encode()).hexdigest())
(out / "data").write_text(Path("data/deep/b.txt").read_text())
(out / "on-volume").write_text(Path("on-volume/deep/b.txt").read_text())
(out / "link").write_text(os.readlink("on-volume"))
(out / "strategies").write_text(" ".join(each["strategy"] for each in json.loads(os.environ["RUNCTL_DATA"])))
with Path("/kept/log").open("a") as log:
    log.write("x")
(out / "kept").write_text(Path("/kept/log").read_text())
"""


@dataclass
class Given:
    """A project whose shell holds the secrets, and what exists in the cloud before the job."""

    runctl: Runctl
    cloud_url: str
    volume: str = ""

    def client(self, service: str) -> Any:
        return emulated_cloud.client(self.cloud_url, service)

    def prepare(self, bucket: str) -> None:
        s3 = self.client("s3")
        s3.create_bucket(Bucket=bucket)
        for key in ("train/a.txt", "train/deep/b.txt", "training/c.txt"):
            s3.put_object(Bucket=bucket, Key=key, Body=f"content of {key}".encode())
        made = self.client("ec2").create_volume(AvailabilityZone="us-east-1c", Size=1)
        self.volume = made["VolumeId"]

    def job(self, name: str, bucket: str) -> Path:
        work = self.runctl.folder / f"{name}-work"
        work.mkdir(exist_ok=True)
        (work / "train.py").write_text(TRAIN)
        job = {
            "name": name,
            "region": "us-east-1",
            "workdir": work.name,
            "setup": 'echo "setup $HF_TOKEN"; test -f data/a.txt',
            "run": "python3 train.py",
            "secrets": ["HF_TOKEN", "KEY_PEM"],
            "max_duration": "1h",
            "resources": {"cpu": "2..4", "memory": "4GB..8GB", "disk": "20GB"},
            "volumes": [{"name": "kept", "id": self.volume, "mount": "/kept"}],
            "data": [
                {"source": f"s3://{bucket}/train/", "path": "data"},
                {"source": f"s3://{bucket}/train/", "path": "on-volume", "strategy": "volume"},
                {"source": f"s3://{bucket}/train/", "path": "settled", "strategy": "auto"},
            ],
        }
        path = self.runctl.folder / f"{name}.yaml"
        path.write_text(yaml.safe_dump(job))
        return path

    def plain_in_files(self) -> list[str]:
        """Files of the project, the sandbox's included, that hold a secret's plain value."""
        found = []
        for path in self.runctl.folder.rglob("*"):
            if path.is_file() and not path.is_symlink() and holds_plain(path.read_bytes()):
                found.append(str(path))
        return found

    def plain_in_bucket(self, name: str) -> list[str]:
        s3 = self.client("s3")
        (bucket,) = [
            b["Name"] for b in s3.list_buckets()["Buckets"] if b["Name"].startswith(f"runctl-{name}-")
        ]
        keys = [each["Key"] for each in s3.list_objects_v2(Bucket=bucket)["Contents"]]
        assert f"{len(keys)}" != "0"
        return [key for key in keys if holds_plain(s3.get_object(Bucket=bucket, Key=key)["Body"].read())]


def holds_plain(content: bytes) -> bool:
    return SECRET.encode() in content or b"UExBSU5WQUxVRT" in content


@pytest.fixture
def given(runctl: Runctl, cloud_url: str) -> Given:
    shell = Runctl(runctl.folder, {**runctl.env, "HF_TOKEN": SECRET, "KEY_PEM": PEM})
    return Given(shell, cloud_url)


def test_a_job_gets_its_secrets_data_and_volume_and_nobody_else_does(given: Given, ended: list[str]) -> None:
    ended.append("inputs")
    given.prepare("sets-of-inputs")
    job = given.job("inputs", "sets-of-inputs")
    with watched_arguments(SECRET) as watch:
        ran = given.runctl("-v", "up", str(job), "--yes")
    assert watch.seen == set()
    assert watch.looks > 20

    (home,) = (given.runctl.folder / "runs" / "inputs").iterdir()
    told = {path.name: path.read_text() for path in (home / "output").iterdir()}
    settled = re.search(r"data s3://sets-of-inputs/train/: (\w+) \(2 objects", ran.text)
    assert settled is not None, "the plan says what auto became"
    assert told.pop("strategies") == f"stage volume {settled[1]}"
    assert told.pop("link").endswith("/kept/on-volume")
    assert told == {
        "hash": hashlib.sha256((SECRET + PEM).encode()).hexdigest(),
        "data": "content of train/deep/b.txt",
        "on-volume": "content of train/deep/b.txt",
        "kept": "x",
    }
    assert "half *** end" in ran.out
    assert "setup ***" in ran.out
    assert "in us-east-1c" in ran.text, "the volume decides the zone"
    assert not holds_plain(ran.text.encode())
    assert given.plain_in_files() == []
    assert given.plain_in_bucket("inputs") == []
    for value in (SECRET, "UExBSU5WQUxVRT", given.runctl.env["CI_JOB_TOKEN"]):
        assert processes_holding(value) == [], "what stays running has no secret of the caller"
    (parameter,) = given.client("ssm").get_parameters(Names=["/runctl/inputs/HF_TOKEN"])["Parameters"]
    assert parameter["Type"] == "SecureString"

    down = given.runctl("down", "inputs", "--yes")
    assert not holds_plain(down.text.encode())
    assert given.plain_in_files() == []
    assert leaks("inputs", given.cloud_url) == []
    (volume,) = given.client("ec2").describe_volumes(VolumeIds=[given.volume])["Volumes"]
    assert (volume["State"], volume.get("Tags", [])) == ("available", []), "used, and otherwise let alone"
    assert given.client("s3").list_objects_v2(Bucket="sets-of-inputs")["KeyCount"] == 3


def plain_pulumi(runctl: Runctl, job: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Plain ``pulumi`` in a shell without the secrets' variables."""
    exports = runctl("env", job).out
    return subprocess.run(
        ["/bin/sh", "-c", f"{exports}\npulumi {' '.join(arguments)} -s {job} --non-interactive"],
        check=False,
        cwd=runctl.json("env", job)["folder"],
        env={"HOME": str(Path.home()), "PATH": "/usr/local/bin:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.matrix
def test_a_changed_secret_changes_its_parameter_and_a_missing_one_is_taken_from_the_stack(
    given: Given, runctl: Runctl, ended: list[str]
) -> None:
    ended.append("rotated")
    given.prepare("sets-of-rotated")
    job = given.job("rotated", "sets-of-rotated")
    missing = runctl("up", str(job), "--yes", code=7)
    assert "Secrets of job 'rotated' are not set: HF_TOKEN, KEY_PEM" in missing.err
    assert leaks("rotated", given.cloud_url) == []

    first = given.runctl.json("up", str(job), "--yes")
    again = runctl.json("up", str(job), "--yes")
    assert not again["changed"], "without the variables, the values of the stack are used"
    assert plain_pulumi(runctl, "rotated", "preview", "--expect-no-changes").returncode == 0

    other = Runctl(runctl.folder, {**given.runctl.env, "HF_TOKEN": f"new-{SECRET}"})
    changed = other.json("up", str(job), "--yes")
    assert changed["changed"]
    assert changed["run"] == first["run"], "a changed value is no new run"
    read = given.client("ssm").get_parameter(Name="/runctl/rotated/HF_TOKEN", WithDecryption=True)
    assert read["Parameter"]["Value"] == f"new-{SECRET}"

    declined = given.runctl("up", str(job), code=1)
    assert "not confirmed" in declined.err
    assert runctl("up", str(job), "--yes", "--detach").code == 0
    read = given.client("ssm").get_parameter(Name="/runctl/rotated/HF_TOKEN", WithDecryption=True)
    assert read["Parameter"]["Value"] == f"new-{SECRET}", "what was declined is not kept"
    assert given.plain_in_files() == []
    given.runctl("down", "rotated", "--yes")
    assert leaks("rotated", given.cloud_url) == []
    print("secrets: missing, kept by the stack, plain pulumi, changed, declined: 5 of 5")
