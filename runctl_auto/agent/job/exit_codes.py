"""Describes exit codes: the most common cause of those that shells and signals produce."""

from __future__ import annotations

import signal

FIRST_OF_SIGNALS = 128
NOT_EXECUTABLE = 126
NOT_FOUND = 127
KILLED = FIRST_OF_SIGNALS + signal.SIGKILL
OF_CRASHES = frozenset(
    FIRST_OF_SIGNALS + number
    for number in (
        signal.SIGILL,
        signal.SIGABRT,
        signal.SIGBUS,
        signal.SIGFPE,
        signal.SIGKILL,
        signal.SIGSEGV,
    )
)
"""The program ended in the middle of what it was doing."""

CAUSES = {
    NOT_EXECUTABLE: "a file could not be executed: its executable bit is missing, or it is a folder or made "
    "for another kind of machine",
    NOT_FOUND: "a command was not found: setup has not installed it, or its folder is not in PATH",
    FIRST_OF_SIGNALS + signal.SIGILL: "the program uses instructions that this processor does not have",
    FIRST_OF_SIGNALS + signal.SIGABRT: "the program or one of its libraries aborted, as after a failed check",
    FIRST_OF_SIGNALS + signal.SIGBUS: "often shared memory in /dev/shm was full",
    KILLED: "most often the machine's memory ran out",
    FIRST_OF_SIGNALS
    + signal.SIGSEGV: "a crash in native code, often a library that does not fit another one, "
    "the driver or the processor",
    FIRST_OF_SIGNALS + signal.SIGPIPE: "a program wrote to a pipe whose reader had left, as in "
    "`seq 1000000 | head` under `pipefail`",
    FIRST_OF_SIGNALS + signal.SIGTERM: "something other than runctl asked it to end",
}


def told(code: int, out_of_memory: str | None = None) -> str:
    """`exit code N`, with the likely cause if known; `out_of_memory` is the kernel's report."""
    text = f"exit code {code}"
    name = _signal_name(code)
    if name:
        text += f" ({name})"
    cause = out_of_memory or CAUSES.get(code)
    return f"{text}: {cause}" if cause else text


def _signal_name(code: int) -> str | None:
    try:
        return signal.Signals(code - FIRST_OF_SIGNALS).name
    except ValueError:
        return None
