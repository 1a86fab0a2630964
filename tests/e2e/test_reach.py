"""`exec`, `ps`, `shell` and `forward` on one machine; then `stop` and `resume` of its job."""

from __future__ import annotations

import random
import re
import signal
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from support.exec_cases import CASES, GREETING, SECRET, Case
from support.machine_events import pause
from support.port_echo import SERVER, echo
from support.runctl_cli import Runctl
from support.terminal_session import TerminalSession

pytestmark = pytest.mark.sandbox

JOB = "reached"
RUN = """
trap 'echo saved > ck/saved; exit 0' TERM
test -e ck/saved && echo "resumed with $(cat ck/saved)"
echo started
while true; do sleep 0.2; done
"""
SAMPLE = frozenset(
    case.name for case in random.Random(23).sample([case for case in CASES if case.seconds <= 60], 3)
)


@pytest.fixture(scope="module")
def job(runctl: Runctl) -> Iterator[str]:
    """A job that runs, with a variable and a secret."""
    work = runctl.folder / f"{JOB}-work"
    (work / "ck").mkdir(parents=True)
    (work / "ck" / ".keep").touch()
    (work / "data.txt").write_text("from the work folder\n")
    content: dict[str, Any] = {
        "name": JOB,
        "region": "us-east-1",
        "workdir": work.name,
        "resources": {"instance_types": ["m5.large"], "disk": "20GB"},
        "spot_policy": "spot",
        "max_duration": "2h",
        "env": {"GREETING": GREETING},
        "secrets": ["EXEC_SECRET"],
        "checkpoints": {"path": "ck", "every": "60s"},
        "run": RUN,
    }
    (runctl.folder / f"{JOB}.yaml").write_text(yaml.safe_dump(content))
    runctl.env["EXEC_SECRET"] = SECRET
    try:
        runctl("up", f"{JOB}.yaml", "--yes", "--detach")
        until_logged(runctl, "started")
        yield JOB
    finally:
        runctl("down", JOB, "--yes", "--discard-artifacts", "--grace", "1", code=None)
        runctl.env.pop("EXEC_SECRET")


def until_logged(runctl: Runctl, text: str) -> None:
    process = runctl.start("logs", "-f", JOB)
    assert process.stdout is not None
    try:
        assert any(text in line for line in process.stdout), f"{text!r} is not in the log"
    finally:
        process.kill()
        process.communicate()


def execute(runctl: Runctl, case: Case) -> subprocess.CompletedProcess[bytes]:
    options = [] if case.given is None else ["--stdin"]
    options += [] if case.timeout is None else ["--timeout", case.timeout]
    return subprocess.run(
        runctl.command("exec", *options, JOB, "--", *case.words),
        cwd=runctl.folder,
        env=runctl.environment(),
        input=b"" if case.given is None else case.given,
        capture_output=True,
        timeout=case.seconds + 120,
        check=False,
    )


def own_words(text: bytes) -> bytes:
    """Standard error without runctl's own lines about its work."""
    return b"".join(line for line in text.splitlines(keepends=True) if not line.endswith(b" ...\n"))


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, id=case.name, marks=() if case.name in SAMPLE else pytest.mark.matrix)
        for case in CASES
    ],
)
def test_the_machine_runs_what_was_typed(runctl: Runctl, job: str, case: Case) -> None:
    done = execute(runctl, case)
    err = own_words(done.stderr)
    assert done.returncode == case.code, f"{done.stdout[-300:]!r} {err[-2000:]!r}"
    if case.out is not None:
        assert len(done.stdout) == len(case.out)
        assert done.stdout == case.out
    assert case.has in done.stdout
    if case.err is not None:
        assert err == case.err
    assert case.err_has in err


@pytest.mark.matrix
def test_ctrl_c_goes_to_the_command(runctl: Runctl, job: str) -> None:
    process = runctl.start(
        "exec", job, "--", "trap 'echo told; exit 9' INT; echo ready; while :; do sleep 0.1; done"
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=120)
    assert (process.returncode, out) == (9, "told\n")


def test_nothing_of_a_command_stays_in_the_bucket_and_its_maker_is_known(runctl: Runctl, job: str) -> None:
    assert runctl.json("exec", job, "--", "echo out; echo err >&2; exit 4", code=4)["err"] == "err\n"
    told = runctl.json("describe", job)["sessions"]
    assert {each["kind"] for each in told} >= {"exec"}
    assert all("arn:" in each["who"] for each in told)


def test_ps_shows_what_runs(runctl: Runctl, job: str) -> None:
    found = runctl.json("ps", job)
    assert any("while true" in each["command"] for each in found["processes"])
    assert found["memory_total"] > 0
    assert "PID" in runctl("ps", job).out


def test_a_shell_resizes_passes_ctrl_c_and_ends_clean(runctl: Runctl, job: str) -> None:
    shell_on_terminal(runctl, runctl.environment())


def shell_on_terminal(runctl: Runctl, environment: dict[str, str]) -> None:
    terminal = TerminalSession(runctl.command("shell", JOB), runctl.folder, environment, (31, 99))
    try:
        terminal.wait_for("# ")
        terminal.type("echo $GREETING is said; pwd\r")
        terminal.wait_for(f"{GREETING} is said")
        terminal.wait_for("/work")
        terminal.type("echo rows $(stty size)\r")
        terminal.wait_for("rows 31 99")
        terminal.resize(47, 123)
        terminal.type("sleep 1; echo rows $(stty size)\r")
        terminal.wait_for("rows 47 123")
        terminal.interrupt_and_leave()
    finally:
        terminal.close()


def forwarding(runctl: Runctl, *options: str) -> tuple[subprocess.Popen[str], int]:
    """A `forward` to a server on the machine, and its port here."""
    serve = "test -e echo.port || { nohup python3 echo.py >/dev/null 2>&1 & }; "
    wait = "until test -s echo.port; do sleep 0.1; done; cat echo.port"
    case = Case("server", (f"cat > echo.py; {serve}{wait}",), given=SERVER.encode())
    port = execute(runctl, case).stdout.decode()
    process = runctl.start("forward", *options, JOB, f"{port}:0")
    assert process.stdout is not None
    line = process.stdout.readline()
    found = re.match(r"127\.0\.0\.1:(\d+) ", line)
    assert found, line + (process.stderr.read() if process.stderr else "")
    return process, int(found[1])


def end_forwarding(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130


def test_forward_carries_connections_both_ways(runctl: Runctl, job: str) -> None:
    process, port = forwarding(runctl)
    try:
        assert echo(port, 300_000).is_same
        assert echo(port, 1).is_same
    finally:
        end_forwarding(process)


@pytest.mark.matrix
def test_forward_carries_100_mb_and_survives_a_pause_of_a_minute(
    runctl: Runctl, cloud_url: str, job: str
) -> None:
    process, port = forwarding(runctl)
    machine = runctl.json("status", job)["machine"]["id"]
    try:
        found = echo(port, 100_000_000, lambda: pause(cloud_url, machine, seconds=60))
        assert (found.received, found.is_same) == (100_000_000, True)
    finally:
        end_forwarding(process)


@pytest.mark.matrix
def test_a_stopped_job_costs_storage_only_and_is_resumed(runctl: Runctl, job: str) -> None:
    stopped = runctl.json("stop", job, "--yes")
    assert (stopped["how"], stopped["phase"]) == ("stopped", "stopped")
    assert runctl.json("stop", job, "--yes")["how"] == "ended-before"
    listed = next(each for each in runctl.json("ls")["jobs"] if each["job"] == job)
    assert (listed["phase"], listed["cost"]["hour"]) == ("stopped", 0)
    assert "at the cost of storage only" in runctl("ls").text
    assert "storage only" in runctl("status", job).out
    assert "storage only" in runctl("cost", job).text
    refused = runctl("exec", job, "--", "true", code=1)
    assert f"runctl resume {job}" in refused.err
    up = runctl("up", f"{JOB}.yaml", "--yes", code=1).text
    assert f"runctl resume {job}" in up
    assert runctl.json("status", job)["machine"] is None
    resumed = runctl.json("resume", job, "--yes")
    assert resumed["attempt"] == 2
    until_logged(runctl, "resumed with saved")
    assert not runctl.json("resume", job, "--yes")["resumed"]
    same = execute(runctl, Case("secret", ('test "$EXEC_SECRET" = "' + SECRET + '" && echo same',)))
    assert same.stdout == b"same\n"


def test_a_job_that_is_not_there_has_no_machine(runctl: Runctl) -> None:
    assert "no job" in runctl("ps", "nobody", code=7).err


def test_who_reached_the_machine_is_told_without_what_was_typed(runctl: Runctl, job: str) -> None:
    execute(runctl, Case("typed", (f"echo {SECRET}",)))
    told = runctl("describe", job).out
    assert "exec by arn:" in told
    assert SECRET not in told
