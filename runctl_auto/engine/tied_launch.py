"""Starts an engine that the system interrupts when the process that wants it dies; run as a script.

Arguments: the process, the engine, and the engine's own arguments. An interruption is what Ctrl-C is to an
engine: it lets the cloud's calls that are under way end, records them and gives its lock back, which a kill
would leave behind. Knows the standard library only.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from pathlib import Path

_PR_SET_PDEATHSIG = 1


def main(parent: str, engine: str, *arguments: str) -> None:
    """Becomes the engine. Raises OSError when that cannot be tied or started."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # background jobs of a shell ignore it
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGINT), 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    if os.getppid() != int(parent):  # it died before the system could be told
        sys.exit(f"the process {parent}, for which this engine was started, is gone")
    os.environ["PATH"] = os.pathsep.join((str(Path(engine).parent), os.environ.get("PATH", "")))
    os.execv(engine, [engine, *arguments])  # noqa: S606 - the engine itself, without a shell


if __name__ == "__main__":
    main(*sys.argv[1:])
