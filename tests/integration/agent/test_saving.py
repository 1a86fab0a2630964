"""What machines save and bring back: odd files, growing logs, links, torn checkpoints. Real processes."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from runctl_auto.agent.keys import artifacts_prefix, checkpoint_prefix, file_key, manifest_key
from runctl_auto.agent.saving.manifest import Manifest, StoredFile
from runctl_auto.agent.saving.manifest_reading import parse_manifest

if TYPE_CHECKING:
    from conftest import Machine

pytestmark = pytest.mark.sandbox

RUN = "0123456789"
BUCKET = "runctl-demo-artifacts-00000000"


def manifest(machine: Machine, sequence: str) -> Manifest:
    return parse_manifest(machine.read(manifest_key(checkpoint_prefix(RUN, sequence))))


def interrupt(machine: Machine) -> dict[str, Any]:
    soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 120))
    machine.metadata.notice = {"action": "terminate", "time": soon}
    return machine.wait_until_halted()


def test_a_name_that_is_not_utf8_ends_no_training_and_loses_nothing_else(machine: Machine) -> None:
    command = r"""
    for folder in checkpoints model; do
      mkdir -p $folder; echo '12 hours of training' >$folder/weights.pt; echo x >$folder/$'caf\xe9.txt'
    done
    for i in $(seq 100); do [ -e go ] && break; sleep 0.1; done
    echo 'epoch 2 done'
    """
    machine.provide({}, command=command, artifacts={"paths": ["model/"]})
    machine.boot()
    machine.wait_for(lambda: machine.status().get("checkpoints", {}).get("count", 0) >= 1)
    (machine.root / f"var/lib/runctl/runs/{RUN}/work/go").touch()
    status = machine.wait_until_halted()
    assert (status["phase"], status["exit_code"]) == ("succeeded", 0)
    assert "epoch 2 done" in machine.logs()
    assert [file.path for file in manifest(machine, status["checkpoints"]["last"]).files] == ["weights.pt"]
    kept = machine.read(file_key(artifacts_prefix(RUN), "model/weights.pt"))
    assert kept == b"12 hours of training\n"
    assert [(each["what"], each["path"]) for each in status["unsaved"]] == [
        ("checkpoint", "caf\\xe9.txt"),
        ("artifacts", "model/caf\\xe9.txt"),
    ]
    assert machine.logs().count("caf\\xe9.txt has a name that is not UTF-8") == 1


def test_a_log_that_grows_without_rest_holds_up_no_checkpoint(machine: Machine) -> None:
    command = """
    mkdir -p checkpoints; echo weights >checkpoints/model.pt
    exec >checkpoints/train.log
    while [ ! -e go ]; do echo "step $((n += 1)) loss 0.1"; done
    """
    machine.provide({}, command=command)
    machine.boot()
    machine.wait_for(lambda: machine.status().get("checkpoints", {}).get("count", 0) >= 2)
    (machine.root / f"var/lib/runctl/runs/{RUN}/work/go").touch()
    assert machine.wait_until_halted()["suspect"] is None


WRITER = """
import json, os, sys, time
path = os.path.join(os.environ["RUNCTL_CHECKPOINT_DIR"], "ckpt.json")
n = json.load(open(path))["n"] if os.path.exists(path) else 0
print("starting at", n, flush=True)
if n:
    sys.exit(0)
for n in (1, 2):
    text = json.dumps({"n": n, "weights": "x" * 100_000})
    with open(path, "w") as file:
        file.write(text[:50_000])
        file.flush()
        while n == 2:  # killed in the middle of its second checkpoint
            print("writing", flush=True)
            time.sleep(0.1)
        file.write(text[50_000:])
    while n == 1 and not os.path.exists("go"):
        time.sleep(0.1)
"""


def test_a_checkpoint_torn_by_a_notice_is_kept_apart(new_machine: Callable[..., Machine]) -> None:
    first = new_machine()
    first.provide({"train.py": WRITER}, command="python3 train.py; echo never")
    first.boot()
    first.wait_for(lambda: first.status().get("checkpoints", {}).get("count", 0) >= 1)
    (first.root / f"var/lib/runctl/runs/{RUN}/work/go").touch()
    first.wait_for(lambda: "writing" in first.logs())
    status = interrupt(first)
    assert status["phase"] == "interrupted"
    assert status["suspect"]["path"] == "ckpt.json"
    assert manifest(first, status["suspect"]["sequence"]).suspect

    second = new_machine()
    second.provide({"train.py": WRITER}, command="python3 train.py")
    second.boot()
    after = second.wait_until_halted()
    assert (after["phase"], after["resumed_from"]) == ("succeeded", "00000000")
    assert "starting at 1\n" in second.logs()


def test_a_start_that_fails_is_tried_from_the_checkpoint_before(machine: Machine) -> None:
    for number, content in enumerate((b'{"n": 1}', b'{"n": 2, "weig')):
        prefix = checkpoint_prefix(RUN, f"{number:08d}")
        stored = StoredFile("ckpt.json", len(content), hashlib.sha256(content).hexdigest())
        machine.s3.put_object(Bucket=BUCKET, Key=file_key(prefix, "ckpt.json"), Body=content)
        machine.s3.put_object(Bucket=BUCKET, Key=manifest_key(prefix), Body=Manifest((stored,)).to_json())
    machine.provide({"train.py": WRITER}, command="python3 train.py")
    machine.boot()
    status = machine.wait_until_halted()
    assert (status["phase"], status["resumed_from"]) == ("succeeded", "00000000")
    assert [(each["checkpoint"], each["failure"] is not None) for each in status["resumes"]] == [
        ("00000001", True),
        ("00000000", False),
    ]
    assert "JSONDecodeError" in machine.logs()
    assert "checkpoint 00000000 is tried" in machine.logs()


TREE = """
import os, pathlib, sys, time
root = pathlib.Path(os.environ["RUNCTL_CHECKPOINT_DIR"])
latest = root / "LATEST"
if latest.exists():
    newest = max(root.glob("step_*"), key=lambda path: path.stat().st_mtime_ns)
    mode = oct((root / "run.sh").stat().st_mode & 0o777)
    sparse = (root / "map.bin").stat()
    small = sparse.st_blocks * 512 < 1_000_000
    print("latest", (latest / "state").read_text(), newest.name, mode, (root / "empty").is_dir(), flush=True)
    print("map", sparse.st_size, small, len(list((root / "chunks").iterdir())), flush=True)
    sys.exit(0)
(root / "run.sh").write_text("x"); (root / "run.sh").chmod(0o755)
(root / "empty").mkdir(); (root / "chunks").mkdir()
for number in range(300):
    (root / "chunks" / str(number)).write_text(str(number))
with open(root / "map.bin", "wb") as file:
    file.truncate(30_000_000)
for step in (9, 10):
    folder = root / f"step_{step}"; folder.mkdir(); (folder / "state").write_text(str(step))
    os.utime(folder, (step, step))
latest.symlink_to(root / "step_10")
print("ready", flush=True)
time.sleep(100)
"""


def test_what_comes_back_on_another_machine_is_what_was_saved(new_machine: Callable[..., Machine]) -> None:
    first = new_machine()
    first.provide({"train.py": TREE}, command="python3 train.py")
    first.boot()
    first.wait_for(lambda: "ready" in first.logs())
    status = interrupt(first)
    keys = first.keys(checkpoint_prefix(RUN, status["checkpoints"]["last"]))
    assert len(keys) < 10, "300 small files are few objects"

    second = new_machine()
    second.provide({"train.py": TREE}, command="python3 train.py")
    second.boot()
    assert second.wait_until_halted()["phase"] == "succeeded"
    assert "latest 10 step_10 0o755 True\nmap 30000000 True 300\n" in second.logs()
    assert json.dumps(status["unsaved"]) == "[]"
