"""A script of the job as processes: started, monitored, ended together with all its descendants."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from runctl_auto.agent.errors import ScriptNotStartedError
from runctl_auto.agent.job.background import Left, LeftProcess
from runctl_auto.agent.job.ending import Ending
from runctl_auto.agent.job.exit_codes import FIRST_OF_SIGNALS, KILLED, NOT_EXECUTABLE, NOT_FOUND
from runctl_auto.agent.job.foreground import Foreground
from runctl_auto.agent.job.job_environment import DEFAULT_PATH
from runctl_auto.agent.job.job_tree import JobTree, descendants, processor_seconds, top
from runctl_auto.agent.job.processes import Process, ProcessTable
from runctl_auto.agent.start.config import write_private

LEFTOVER_GRACE_SECONDS = 5.0
SERVICE_GRACE_SECONDS = 10.0
RECORD_EVERY_SECONDS = 2.0


class Job(Protocol):
    """A started script."""

    def poll(self) -> int | None: ...
    def terminate(self, grace_seconds: float) -> int: ...
    def cut_off(self) -> frozenset[tuple[int, int]]: ...
    def left(self) -> Left: ...
    def failed(self) -> Sequence[tuple[LeftProcess, int]]: ...
    def finish(self, grace_seconds: float) -> None: ...
    def keep_services(self) -> None: ...


class ScriptStarter(Protocol):
    """Starts a script of the job with a shell, which is a program and its options."""

    def __call__(self, script: str, environment: Mapping[str, str], shell: Sequence[str]) -> Job: ...


class JobProcess:
    """A running script and the processes of the job around it.

    With ``stays_for`` seconds ``popen`` is a program that stands for a script elsewhere: it is not signalled,
    and tells the script's exit code so long after that script's end at the latest.
    """

    def __init__(
        self,
        popen: subprocess.Popen[bytes],
        record: JobRecord,
        tree: JobTree,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], object] = time.sleep,
        *,
        stays_for: float | None = None,
    ) -> None:
        self._popen = popen
        self._stays_for = stays_for
        self._record = record
        self._tree = tree
        self._clock = clock
        self._ending = Ending(tree.living, tree.table, clock, wait)
        self._recorded_at = clock()
        self._codes: dict[int, int] = {}
        self._left: dict[int, LeftProcess] | None = None
        tree.begin(popen.pid)
        record.write(popen.pid, tree.living())

    def poll(self) -> int | None:
        """The exit code once the script has ended (128+n when signal n killed it), None before.

        Processes that it left running continue.
        """
        self._follow()
        code = self._popen.poll()
        return None if code is None else exit_code(code)

    def terminate(self, grace_seconds: float) -> int:
        """Ends all processes of the job, services included, the command first; blocks; the exit code."""
        self._ending.end(grace_seconds, self._commands())
        code = self._code_at_end()
        self._close()
        return KILLED if code is None else exit_code(code)

    def _code_at_end(self) -> int | None:
        if self._stays_for is None:
            return self._popen.poll()
        try:
            return self._popen.wait(self._stays_for)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()
            return None

    def cut_off(self) -> frozenset[tuple[int, int]]:
        """Files (device, inode) that processes had open for writing when they were ended by force."""
        return frozenset(self._ending.cut_off)

    def _commands(self) -> set[int]:
        """The processes to signal first: the script's, or, once it has ended, those that it left running."""
        living = self._tree.without_services()
        foreground = Foreground(living, self._tree.table)
        return {pid for leader in self._tree.leaders(living) for pid in foreground.of(leader)}

    def left(self) -> Left:
        """Processes left running by the script, which has ended; first waits for those about to exit."""
        if self._left is None:
            self._look()
            replace(self._ending, living=self._tree.without_services).settle()
        return self._look()

    def _look(self) -> Left:
        living = self._tree.without_services()
        found = {pid: LeftProcess(pid, self._tree.table.command(pid)) for pid in top(living)}
        self._left = {**(self._left or {}), **found}
        self._codes.update(self._tree.reap())
        return Left(tuple(found.values()), processor_seconds(living.values()))

    def failed(self) -> list[tuple[LeftProcess, int]]:
        """Processes that the script left running and that have since exited with a code other than 0."""
        left = self._left or {}
        return [(left[pid], code) for pid, code in self._codes.items() if code and pid in left]

    def finish(self, grace_seconds: float) -> None:
        """Ends the processes that the script, which has ended, left running; blocks."""
        replace(self._ending, living=self._tree.without_services).end(grace_seconds)
        self._close()

    def keep_services(self) -> None:
        """Keeps the processes that the script, which has ended, left running until the job ends."""
        self._tree.keep_services()
        self._close()

    def _follow(self) -> None:
        """Called periodically: reaps ended processes, records which ones a restarted agent must end."""
        if self._clock() - self._recorded_at >= RECORD_EVERY_SECONDS:
            self._recorded_at = self._clock()
            self._codes.update(self._tree.reap())
            self._record.write(self._popen.pid, self._tree.living())

    def _close(self) -> None:
        self._tree.reap()
        self._tree.end()
        living = self._tree.living()
        if living:
            self._record.write(self._popen.pid, living)
        else:
            self._record.remove()


class JobRecord:
    """The job's sessions on disk, each with the start time of its first process while that lives.

    A process number without its start time may be reused by the time it is read; the number of a session
    whose first process has ended is not reused as long as the session lives.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._written = ""

    def write(self, script: int, living: Mapping[int, Process]) -> None:
        """Never raises for a full disk: the job continues, and the record stays unchanged."""
        sessions = sorted({process.session for process in living.values()} | {script})
        starts = {session: living[session].start_ticks if session in living else None for session in sessions}
        text = json.dumps({"pid": script, "sessions": starts})
        if text != self._written:
            with contextlib.suppress(OSError):
                write_private(self._path, text)
                self._written = text

    def remove(self) -> None:
        self._path.unlink(missing_ok=True)

    def sessions(self, processes: Mapping[int, Process]) -> set[int]:
        """The recorded sessions that still belong to the job; empty without a usable record."""
        try:
            data = json.loads(self._path.read_text(encoding="utf-8"))
            recorded = {int(session): start for session, start in data["sessions"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return set()
        return {
            session
            for session, start in recorded.items()
            if session not in processes or processes[session].start_ticks == start
        }


def start_script(
    script: str,
    environment: Mapping[str, str],
    shell: Sequence[str],
    *,
    work: Path,
    output: Path,
    record: Path,
    tree: JobTree,
) -> JobProcess:
    """Runs `shell -c script` in `work`, its output appended to `output`.

    The output goes directly to the file, not through the agent: the job survives a restart of the agent
    without losing a line or its standard output. Raises ScriptNotStartedError.
    """
    program = find_program(shell[0], environment.get("PATH", DEFAULT_PATH))
    try:
        popen = started([program, *shell[1:], "-c", script], environment, work, output)
    except OSError as error:
        raise ScriptNotStartedError(f"{shell[0]} could not be started: {error}", NOT_EXECUTABLE) from error
    return JobProcess(popen, JobRecord(record), tree)


def started(
    words: Sequence[str], environment: Mapping[str, str], work: Path, output: Path
) -> subprocess.Popen[bytes]:
    """A program in a session of its own, its output appended to `output`. Raises OSError."""
    with output.open("ab") as log:
        return subprocess.Popen(
            list(words),
            cwd=work,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def find_program(name: str, path: str) -> str:
    """The path of a program, searched in the system's folders if not in `path`; python falls back to python3.

    Raises ScriptNotStartedError.
    """
    for each in (name, "python3") if name == "python" else (name,):
        found = shutil.which(each, path=path) or shutil.which(each, path=DEFAULT_PATH)
        if found:
            return found
    raise ScriptNotStartedError(f"shell names {name}, which is not installed (PATH is {path})", NOT_FOUND)


def end_leftover(
    record: Path,
    table: ProcessTable,
    clock: Callable[[], float] = time.monotonic,
    wait: Callable[[float], object] = time.sleep,
) -> bool:
    """Ends the job that an earlier agent on this machine recorded; returns whether there was one."""
    left = JobRecord(record)

    def living() -> dict[int, Process]:
        processes = table.processes()
        sessions = left.sessions(processes)
        members = {pid for pid, process in processes.items() if process.session in sessions}
        members |= descendants(processes, members)
        return {pid: processes[pid] for pid in members if not processes[pid].is_zombie}

    found = bool(living())
    if found:
        Ending(living, table, clock, wait).end(LEFTOVER_GRACE_SECONDS)
    left.remove()
    return found


def end_services(tree: JobTree, record: Path) -> None:
    """Ends the processes that setup left running for the job, and any others of the job; blocks."""
    Ending(tree.living, tree.table).end(SERVICE_GRACE_SECONDS)
    tree.reap()
    JobRecord(record).remove()


def exit_code(returncode: int) -> int:
    """As a shell reports it: 128+n for a process that signal n killed."""
    return FIRST_OF_SIGNALS - returncode if returncode < 0 else returncode
