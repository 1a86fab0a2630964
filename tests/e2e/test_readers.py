"""What people's programs print and save breaks no reader: JSON parsers, other terminals, pipes that close."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.output_schemas import check_output
from support.runctl_cli import Runctl

pytestmark = [pytest.mark.sandbox, pytest.mark.matrix]

LONG = 3_000_000
TRAIN = f"""
import json, sys, time
w = sys.stdout.buffer
for i in range(101):
    w.write(f"\\rEpoch 1: {{i:3d}}% caf\\u00e9 it/s".encode())
w.write(b"\\nlatin-1: caf\\xe9 binary \\x00\\x01\\x1b[31mred\\x1b[0m\\x1b]0;title\\x07\\n")
w.write("cut: ".encode() + "\\u65e5".encode()[:2]); w.flush(); time.sleep(3)
w.write("\\u65e5".encode()[2:] + b"\\n")
for i in range(20_000):
    w.write(b"x" * 99 + b"\\n")
w.write("long \\u65e5".encode() + b"y" * {LONG}); w.flush()
print("\\nlast line", flush=True)
metrics = {{"loss": float("nan"), "best": float("inf"), "acc": 0.5, "nested": {{"a": [1, -float("inf")]}},
           "note": "\\u00fc\\x1b[31mred\\x1b]0;title\\x07", "half": "\\ud83d"}}
json.dump(metrics, open("metrics.json", "w"))
open("caf\\u00e9 \\u65e5.txt", "w").write("x")
"""


@pytest.fixture(scope="module")
def trained(runctl: Runctl) -> Iterator[Any]:
    """The JSON result of `up` for a job with such output, as text."""
    work = runctl.folder / "readers-work"
    work.mkdir()
    (work / "train.py").write_text(TRAIN)
    job = {
        "name": "readers",
        "region": "us-east-1",
        "workdir": work.name,
        "resources": {"instance_types": ["m5.large"], "disk": "20GB"},
        "max_duration": "1h",
        "artifacts": {"paths": ["metrics.json", "café 日.txt"]},
        "run": "python3 train.py",
    }
    file = runctl.folder / "readers.yaml"
    file.write_text(yaml.safe_dump(job))
    yield runctl("--output", "json", "up", str(file), "--yes")
    runctl("down", "readers", "--yes")


def strict(text: str) -> Any:
    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    value = json.loads(text, parse_constant=refuse)
    json.dumps(value, ensure_ascii=False).encode()  # no half of a surrogate pair
    return value


def piped(runctl: Runctl, shell: str) -> subprocess.CompletedProcess[bytes]:
    """`$RUNCTL` is the program, in a pipeline that fails when any part of it fails."""
    command = " ".join(runctl.command())
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {shell.replace('$RUNCTL', command)}"],
        cwd=runctl.folder,
        env=runctl.environment(),
        capture_output=True,
        check=False,
        timeout=120,
    )


def assert_quiet(ran: subprocess.CompletedProcess[bytes]) -> None:
    """It succeeded, and told no more than that it was at work, as it does on a slow machine."""
    told = [line for line in ran.stderr.splitlines() if not line.endswith(b" ...")]
    assert (ran.returncode, told) == (0, [])


def test_metrics_are_strict_json(trained: Any) -> None:
    result = strict(trained.out)
    check_output(["up"], trained.out)
    assert result["metrics"] == {
        "loss": None,
        "best": None,
        "acc": 0.5,
        "nested": {"a": [1, None]},
        "note": "üred",
        "half": "\ufffd",
    }
    assert "café 日.txt" in result["artifacts"]["files"]


def test_the_log_is_all_there(runctl: Runctl, trained: Any) -> None:
    out = piped(runctl, "$RUNCTL logs readers").stdout
    text = out.decode("utf-8", "replace")
    assert "y" * LONG in text
    assert "cut: 日\n" in text, "no character is cut"
    assert "long 日yyy" in text
    assert out.count(b"x" * 99 + b"\n") == 20_000
    assert text.endswith("last line\n")
    assert "\x1b[31mred\x1b[0m" in text, "a log is printed as it is"


def test_the_log_as_json_is_strict_and_plain(runctl: Runctl, trained: Any) -> None:
    out = piped(runctl, "$RUNCTL --output json logs readers").stdout.decode("ascii")
    lines = [strict(line)["line"] for line in out.splitlines()]
    assert lines[-1] == "last line"
    assert not any("\x1b" in line or "\x00" in line for line in lines)
    assert any(line.endswith("red") for line in lines)


def sampled(sample: int, cases: list[Any]) -> list[Any]:
    """The first `sample` cases in the ordinary suite, the others in the matrix."""
    return [
        each if number < sample else pytest.param(each, marks=pytest.mark.matrix)
        for number, each in enumerate(cases)
    ]


@pytest.mark.parametrize(
    "command",
    sampled(
        1,
        [
            "PYTHONIOENCODING=latin-1 $RUNCTL logs readers",
            "PYTHONIOENCODING=ascii $RUNCTL logs readers",
            "LC_ALL=C PYTHONCOERCECLOCALE=0 PYTHONUTF8=0 $RUNCTL logs readers",
        ],
    ),
)
def test_terminals_that_are_not_utf_8(runctl: Runctl, trained: Any, command: str) -> None:
    ran = piped(runctl, command)
    assert_quiet(ran)
    assert b"cut: \\u65e5\n" in ran.stdout
    assert ran.stdout.endswith(b"last line\n")


@pytest.mark.parametrize(
    "shell",
    sampled(
        2,
        [
            "$RUNCTL logs readers | head -n 1",
            "$RUNCTL status readers | true",
            "$RUNCTL logs readers | true",
            "$RUNCTL --output json logs readers | head -n 1",
            "$RUNCTL logs -f readers 2>&1 | head -c 10",
            "PYTHONIOENCODING=ascii $RUNCTL describe readers | cat",
            "$RUNCTL --output json describe readers | head -c 1",
            "$RUNCTL logs readers >&-",
        ],
    ),
)
def test_readers_that_leave_early(runctl: Runctl, trained: Any, shell: str) -> None:
    assert_quiet(piped(runctl, shell))


@pytest.mark.matrix
def test_a_change_goes_on_when_its_reader_has_left(runctl: Runctl, trained: Any, ended: list[str]) -> None:
    """`up` prints its log to nobody, and fetches the artifacts all the same; `down` leaves nothing."""
    ended.append("unread")
    file = yaml.safe_load((runctl.folder / "readers.yaml").read_text())
    file |= {"name": "unread", "run": "seq 100000; echo '{}' > metrics.json; touch 'café 日.txt'"}
    (runctl.folder / "unread.yaml").write_text(yaml.safe_dump(file))
    assert piped(runctl, "$RUNCTL up unread.yaml --yes 2>&1 | head -n 1").returncode == 0
    (home,) = (runctl.folder / "runs" / "unread").iterdir()
    assert (home / "metrics.json").exists()
    assert piped(runctl, "$RUNCTL down unread --yes 2>&1 | true").returncode == 0
    receipts = Path(runctl.folder / ".runctl" / "receipts" / "unread")
    (receipt,) = receipts.iterdir()
    assert strict(receipt.read_text())["nothing_left"]
    assert "unread" not in [job["job"] for job in runctl.json("ls")["jobs"]]
