"""Runs one command and prints, as the last line, what it cost as JSON.

Kept small and without imports that weigh, since what a process held when it started another counts as held by
the other until it has begun.
"""

import json
import os
import sys
import time


def main(report: str, *command: str) -> int:
    """Writes {"seconds", "peak_kb"} to `report`; the peak is that of the largest process of the command."""
    began = time.perf_counter()
    pid = os.posix_spawnp(command[0], list(command), dict(os.environ))
    _, status, usage = os.wait4(pid, 0)
    with open(report, "w") as file:  # noqa: PTH123 - pathlib weighs
        json.dump({"seconds": time.perf_counter() - began, "peak_kb": usage.ru_maxrss}, file)
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
