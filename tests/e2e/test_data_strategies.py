"""How data come to a job in the sandbox: kept on a volume for the next run, or read by the written loader."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from support import emulated_cloud
from support.cloud_scanner import leaks
from support.runctl_cli import Runctl

pytestmark = [pytest.mark.sandbox, pytest.mark.matrix]

READ = """
import json, os
from pathlib import Path

files = [each for each in sorted(Path("data").iterdir()) if each.is_file()]
found = {each.name: each.read_text() for each in files}
print("found", json.dumps(found, sort_keys=True))
"""
LOAD = """
from loader import Loader

loader = Loader(batch_size=2)
seen = sorted(int(value) for _ in range(2) for batch in loader for value in batch["value"])
print("seen", seen)
"""


def prepare(cloud_url: str, bucket: str, **objects: str) -> Any:
    s3 = emulated_cloud.client(cloud_url, "s3")
    s3.create_bucket(Bucket=bucket)
    for key, text in objects.items():
        s3.put_object(Bucket=bucket, Key=f"set/{key}.txt", Body=text.encode())
    return s3


def write_job(folder: Path, name: str, script: str, **more: Any) -> Path:
    work = folder / f"{name}-work"
    work.mkdir(exist_ok=True)
    (work / "train.py").write_text(script)
    job = {
        "name": name,
        "region": "us-east-1",
        "workdir": work.name,
        "run": "python3 train.py",
        "max_duration": "1h",
        "resources": {"instance_types": ["m5.large"], "disk": "20GB"},
        **more,
    }
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(job))
    return path


def test_the_next_run_finds_its_data_on_the_volume(runctl: Runctl, cloud_url: str, ended: list[str]) -> None:
    ended.append("kept")
    s3 = prepare(cloud_url, "sets-kept", a="one", b="two", c="three")
    job = write_job(
        runctl.folder,
        "kept",
        READ,
        volumes=[{"name": "disk", "size": "2GB", "mount": "/disk"}],
        data=[{"source": "s3://sets-kept/set", "path": "data", "strategy": "volume"}],
    )
    first = runctl("up", str(job), "--yes").text
    assert '{"a.txt": "one", "b.txt": "two", "c.txt": "three"}' in first

    second = runctl("up", str(job), "--yes", "--rerun").text
    assert "volume disk has all 3 files, nothing is copied" in second + runctl("logs", "kept").text
    assert '{"a.txt": "one", "b.txt": "two", "c.txt": "three"}' in second

    s3.put_object(Bucket="sets-kept", Key="set/b.txt", Body=b"changed")
    s3.delete_object(Bucket="sets-kept", Key="set/c.txt")
    third = runctl("up", str(job), "--yes", "--rerun").text
    assert '{"a.txt": "one", "b.txt": "changed"}' in third
    runctl("down", "kept", "--yes")
    assert leaks("kept", cloud_url) == []
    print("kept on a volume: copied, found, changed in part: 3 of 3")


@pytest.mark.parametrize("strategy", ["stage", "volume"])
def test_the_written_loader_reads_the_data_of_a_job(
    runctl: Runctl, cloud_url: str, ended: list[str], strategy: str
) -> None:
    name = f"loads-{strategy}"
    ended.append(name)
    prepare(cloud_url, f"sets-{name}", **{f"n{number}": str(number) for number in range(7)})
    source = {"source": f"s3://sets-{name}/set", "path": "data", "strategy": strategy}
    volumes = [{"name": "disk", "size": "2GB", "mount": "/disk"}] if strategy == "volume" else []
    resources = {"instance_types": ["m5.large"], "disk": "20GB"}
    job = write_job(runctl.folder, name, LOAD, volumes=volumes, data=[source], resources=resources)
    written = runctl.json("data", "loader", str(job))
    assert (written["format"], written["strategy"]) == ("files", strategy)
    (runctl.folder / f"{name}-work" / "loader.py").write_text(written["loader"])
    ran = runctl("up", str(job), "--yes").text
    assert f"seen {sorted([*range(7), *range(7)])}" in ran
    runctl("down", name, "--yes")


def test_a_plan_for_data_in_the_sandbox(runctl: Runctl, cloud_url: str) -> None:
    prepare(cloud_url, "sets-planned", a="one", b="two")
    job = write_job(
        runctl.folder, "planned", READ, data=[{"source": "s3://sets-planned/set", "path": "data"}]
    )
    (found,) = runctl.json("data", "plan", str(job))["data"]
    assert (found["files"], found["size"], found["is_complete"]) == (2, 6, True)
    assert found["machine"]["instance_type"] == "m5.large"
    assert sum(each["recommended"] for each in found["strategies"]) == 1
    (large,) = runctl.json(
        "data", "plan", str(job), "--size", "2TB", "--files", "20000", "--instance-type", "m5.24xlarge"
    )["data"]
    assert large["recommended"] == "direct", "read once, with a network far faster than the disk"
    text = runctl("data", "plan", str(job)).text
    assert "recommended: " in text
    assert json.dumps(found["reason"])[2:-1] in text
