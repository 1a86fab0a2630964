"""Runs one command and prints its cost as JSON on the last line.

Kept small and without heavy imports, since the memory of a process counts for a child process until that has
started.
"""

import json
import os
import sys
import time


def main(report: str, *command: str) -> int:
    """Writes {"seconds", "peak_kb", "cpu"} to `report`; the peak is that of the command's largest process."""
    began = time.perf_counter()
    pid = os.posix_spawnp(command[0], list(command), dict(os.environ))
    _, status, usage = os.wait4(pid, 0)
    with open(report, "w") as file:  # noqa: PTH123 - pathlib weighs
        cpu = usage.ru_utime + usage.ru_stime
        json.dump({"seconds": time.perf_counter() - began, "peak_kb": usage.ru_maxrss, "cpu": cpu}, file)
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
