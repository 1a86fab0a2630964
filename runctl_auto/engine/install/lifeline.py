"""Script: runs a command in this process's group, and kills the group when the starter's pipe closes.

The pipe closes when the starter closes it, or ends in any way, so that no process outlives an installation.
Usage: ``python -I -S lifeline.py DESCRIPTOR COMMAND...``
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence


def main(arguments: Sequence[str]) -> int:
    """The command's exit code; 128 + N when signal N ended it, as shells report it."""
    signal.signal(signal.SIGINT, lambda _number, _frame: None)  # the starter decides; not inherited by exec
    threading.Thread(target=_kill_group_at_end_of, args=(int(arguments[0]),), daemon=True).start()
    try:
        code = subprocess.call(list(arguments[1:]))
    except OSError as error:
        sys.stderr.write(f"{arguments[1]}: {error.strerror}\n")
        return 127
    return code if code >= 0 else 128 - code


def _kill_group_at_end_of(pipe: int) -> None:
    os.read(pipe, 1)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
