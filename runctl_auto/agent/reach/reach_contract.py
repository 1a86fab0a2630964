"""The contract of commands that runctl runs on a machine: the launcher's verbs, the objects, their formats.

Like ``contract.py``: both sides import it, it does no I/O, and machines keep the one they were started with.
"""

from __future__ import annotations

from typing import Final, TypedDict

from runctl_auto.agent.keys import control_prefix, numbered, run_prefix

LAUNCHER: Final = "/var/lib/runctl/reach"
"""Starts the agent's bundle for one command. A machine of an earlier version has none."""
REACH: Final = "reach"
"""The first argument of the bundle, followed by a verb."""
EXEC: Final = "exec"
"""``exec ID SHA256``: carries the request out and prints an ``ExecResultJson``."""
PS: Final = "ps"
"""Prints a ``MachineUseJson``."""
GIVE: Final = "give"
"""``give ID SHA256``: stores a file or folder, which a ``FilesRequestJson`` names, below
``exec_output_prefix``, the manifest last, and prints a ``FilesResultJson``."""
TAKE: Final = "take"
"""``take ID SHA256``: writes what the manifest below ``exec_request_prefix`` lists to the place that a
``FilesRequestJson`` names, and prints a ``FilesResultJson``."""
SHELL: Final = "shell"
"""``shell PROGRAM``: becomes an interactive shell of the job."""

INLINE_BYTES: Final = 12 * 1024
"""Of both outputs together that the result itself holds: Run Command returns 24,000 characters."""
MOST_OUTPUT_BYTES: Final = 64 * 1024 * 1024
"""Of each output; what is more is read and thrown away."""
PART_BYTES: Final = 8 * 1024 * 1024
MOST_INPUT_BYTES: Final = 64 * 1024 * 1024
MOST_EXEC_BYTES: Final = 1024 * 1024
"""Of a request: a command line."""
MOST_SIGNAL_BYTES: Final = 16
LOOK_SECONDS: Final = 1.0
"""How often the machine looks for a signal, and stores output of a command that goes on."""
KILL_SECONDS: Final = 5.0
"""Between SIGTERM and SIGKILL for a command whose time is up."""
TIMED_OUT_CODE: Final = 124
SIGNALS: Final = ("INT", "TERM", "KILL")
MOST_PROCESSES: Final = 60
CANNOT_SERVE: Final = 70
"""The launcher's exit code when the request itself could not be served; standard error says why."""


def exec_request_prefix(run: str, identity: str) -> str:
    """Of what the machine is told, which it cannot write."""
    return f"{control_prefix(run)}exec/{identity}/"


def exec_request_key(run: str, identity: str) -> str:
    """An ``ExecRequestJson``."""
    return f"{exec_request_prefix(run, identity)}request.json"


def exec_input_key(run: str, identity: str) -> str:
    """The command's standard input, byte for byte."""
    return f"{exec_request_prefix(run, identity)}stdin"


def exec_signal_key(run: str, identity: str, number: int) -> str:
    """A signal's name, one of ``SIGNALS``; they are numbered from 0."""
    return f"{exec_request_prefix(run, identity)}signals/{numbered(number)}"


def exec_output_prefix(run: str, identity: str) -> str:
    """Of what the machine writes."""
    return f"{run_prefix(run)}exec/{identity}/"


def exec_part_key(run: str, identity: str, stream: str, number: int) -> str:
    """A part of ``out`` or ``err``; parts are immutable and numbered from 0, without a gap."""
    return f"{exec_output_prefix(run, identity)}{stream}/{numbered(number)}"


class ExecRequestJson(TypedDict):
    """``argv`` is the program and its arguments, each as the person's system holds it: bytes that are no
    UTF-8 are lone surrogates. ``timeout_seconds`` is None without a limit; ``has_input``: whether there is
    a standard input; without one it is empty.
    """

    schema: int
    argv: list[str]
    timeout_seconds: float | None
    has_input: bool


class FilesRequestJson(TypedDict):
    """``path`` is absolute, with lone surrogates for bytes that are no UTF-8. ``is_folder``: what is sent is
    the content of a folder, for the folder ``path``."""

    schema: int
    path: str
    is_folder: bool


class FilesResultJson(TypedDict):
    """``is_folder``: the manifest lists the content of a folder, not one file."""

    schema: int
    is_folder: bool
    files: int
    bytes: int


class ExecStreamJson(TypedDict):
    """``bytes`` that the command wrote; ``parts`` of it are stored, or all of it is ``inline``, in base64.
    ``cut``: whether only the first ``MOST_OUTPUT_BYTES`` are kept."""

    bytes: int
    parts: int
    inline: str | None
    cut: bool


class ExecResultJson(TypedDict):
    """How a command ended. ``code`` is as a shell reports it; ``note`` says where it did not have the
    environment of the job, None where it did."""

    schema: int
    code: int
    timed_out: bool
    note: str | None
    out: ExecStreamJson
    err: ExecStreamJson


class ProcessJson(TypedDict):
    """A process of the job. ``cpu`` is in percent of one CPU over the last half second, ``memory`` the
    resident set in bytes, ``gpu_memory`` in bytes, None without a GPU; ``seconds`` since it began."""

    pid: int
    parent: int
    user: str
    cpu: float
    memory: int
    gpu_memory: int | None
    seconds: float
    command: str


class GpuJson(TypedDict):
    """A GPU: ``busy`` in percent, memory in bytes; None where it does not tell."""

    index: int
    name: str
    busy: float | None
    memory_used: int | None
    memory_total: int | None


class MachineUseJson(TypedDict):
    """The machine and the job's processes on it, the busiest first; ``left_out`` of them are not listed.
    ``cpu`` is in percent of all CPUs, memory in bytes."""

    schema: int
    cpus: int
    cpu: float
    memory_used: int
    memory_total: int
    gpus: list[GpuJson]
    processes: list[ProcessJson]
    left_out: int
