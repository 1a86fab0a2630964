"""Commands that a person sends to the machine, as real processes; the bucket is a folder."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from runctl_auto.agent.errors import IntegrityError
from runctl_auto.agent.job.job_surroundings import Surroundings
from runctl_auto.agent.reach.reach_contract import (
    INLINE_BYTES,
    ExecResultJson,
    exec_input_key,
    exec_part_key,
    exec_request_key,
    exec_signal_key,
)
from runctl_auto.agent.reach.remote_command import RemoteCommand
from runctl_auto.agent.start.config import AgentConfig
from runctl_auto.agent.store.folder_store import FolderStore

RUN, ID = "0123456789", "abc"
CONFIG = AgentConfig("digits", RUN, "eu-west-1", "b", "1", "k", "s", "sk", "ss", 0.0, None)


class Machine:
    """A job's folder and environment, and the bucket."""

    def __init__(self, folder: Path) -> None:
        self.store = FolderStore(folder / "bucket")
        self.work = folder / "work"
        self.work.mkdir()
        self.variables = {b"PATH": os.environb[b"PATH"], b"TOKEN": b"\xffsecret"}

    def offer(self, *argv: str, timeout: float | None = None, given: bytes | None = None) -> str:
        request = {
            "schema": 1,
            "argv": list(argv),
            "timeout_seconds": timeout,
            "has_input": given is not None,
        }
        content = json.dumps(request).encode()
        self.store.put(exec_request_key(RUN, ID), content)
        if given is not None:
            self.store.put(exec_input_key(RUN, ID), given)
        return hashlib.sha256(content).hexdigest()

    def run(self, *argv: str, note: str | None = None, **more: Any) -> ExecResultJson:
        return self.command(self.offer(*argv, **more), note).run()

    def command(self, digest: str, note: str | None = None) -> RemoteCommand:
        return RemoteCommand(
            CONFIG, ID, digest, self.store, Surroundings(self.variables, self.work, note=note)
        )

    def part(self, stream: str, number: int) -> bytes | None:
        return self.store.find(exec_part_key(RUN, ID, stream, number), 1 << 30)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def inline(result: ExecResultJson, stream: str = "out") -> bytes:
    return base64.b64decode(result[stream]["inline"] or "")  # type: ignore[literal-required]


def test_it_runs_in_the_folder_and_environment_of_the_job(machine: Machine) -> None:
    result = machine.run("sh", "-c", 'pwd; printf "%s" "$TOKEN" >&2; exit 4')
    assert result["code"] == 4
    assert inline(result) == f"{machine.work}\n".encode()
    assert inline(result, "err") == b"\xffsecret"
    assert machine.part("out", 0) is None, "small output is in the result"


def test_arguments_are_bytes(machine: Machine) -> None:
    words = [b"\xff", "ü".encode(), b"a b", b"$x\n"]
    result = machine.run("printf", "%s|", *(os.fsdecode(each) for each in words))
    assert inline(result) == b"".join(each + b"|" for each in words)


def test_large_output_is_stored_in_parts_and_complete(machine: Machine) -> None:
    size = 20 * 1024 * 1024
    result = machine.run("sh", "-c", f"head -c {size} /dev/zero; echo end >&2")
    parts = [machine.part("out", number) for number in range(result["out"]["parts"])]
    assert b"".join(each or b"" for each in parts) == bytes(size)
    assert machine.part("err", 0) == b"end\n"
    assert not result["out"]["cut"]


def test_a_little_more_than_the_result_holds_is_stored(machine: Machine) -> None:
    result = machine.run("sh", "-c", f"head -c {INLINE_BYTES} /dev/zero; echo >&2")
    assert (result["out"]["inline"], result["out"]["parts"], result["err"]["parts"]) == (None, 1, 1)


def test_input_is_what_was_given_and_nothing_otherwise(machine: Machine) -> None:
    assert inline(machine.run("cat", given=b"\x00\xff")) == b"\x00\xff"
    assert inline(machine.run("cat")) == b""


@pytest.mark.parametrize(
    ("argv", "code", "says"),
    [
        (("no-such-program",), 127, b"not installed"),
        (("/no/such", "x"), 127, b"not found"),
        (("/etc/passwd",), 126, b"ermission"),
    ],
)
def test_what_cannot_be_started_has_the_code_of_a_shell(
    machine: Machine, argv: tuple[str, ...], code: int, says: bytes
) -> None:
    result = machine.run(*argv)
    assert result["code"] == code
    assert says in inline(result, "err")


def test_a_command_whose_time_is_up_is_ended(machine: Machine) -> None:
    result = machine.run("sh", "-c", "echo begun; exec sleep 600", timeout=0.3)
    assert (result["code"], result["timed_out"], inline(result)) == (124, True, b"begun\n")


def test_signals_reach_the_command(machine: Machine) -> None:
    digest = machine.offer(
        "sh", "-c", "trap 'echo told; exit 9' INT; echo ready; while :; do sleep 0.05; done"
    )
    machine.store.put(exec_signal_key(RUN, ID, 0), b"INT")
    result = machine.command(digest).run()
    assert result["code"] == 9
    parts = b"".join(machine.part("out", number) or b"" for number in range(result["out"]["parts"]))
    assert (parts or inline(result)) == b"ready\ntold\n"


def test_what_stays_in_the_background_holds_nothing_up(machine: Machine) -> None:
    ended = threading.Event()
    digest = machine.offer("sh", "-c", "sleep 20 & echo $! > pid; echo started")

    def run() -> None:
        result = machine.command(digest).run()
        assert inline(result) == b"started\n"
        ended.set()

    threading.Thread(target=run, daemon=True).start()
    assert ended.wait(15)
    os.kill(int((machine.work / "pid").read_text()), 9)


def test_another_request_than_the_one_that_was_sent_is_refused(machine: Machine) -> None:
    machine.offer("touch", "there")
    with pytest.raises(IntegrityError):
        machine.command("0" * 64).run()
    assert not (machine.work / "there").exists()


def test_a_command_without_the_jobs_environment_is_told(machine: Machine) -> None:
    assert machine.run("true", note="without it")["note"] == "without it"
