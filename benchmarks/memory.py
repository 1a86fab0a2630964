"""Lets a virtual machine have its memory before something is measured.

A page that no process has touched since the machine started is provided by the host when it is first
written, and so is a page that the machine has given back meanwhile (free page reporting). That costs more
than what is measured: a download of 2 GB took 2.9 s into memory that was there, 3.7 to 4.5 s into memory that
was not. Only programs that write large pieces at once pay it: Linux takes large blocks for those.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_SHARE = 0.7
_REPORTING = Path("/sys/module/page_reporting/parameters/page_reporting_order")
_LARGEST_BLOCK = 10
_TOUCH = """
import mmap, sys
size = int(sys.argv[1])
memory = mmap.mmap(-1, size)
for at in range(0, size, mmap.PAGESIZE):
    memory[at] = 1
"""


def touch_free_memory() -> None:
    """Writes to most of this machine's free memory once, and frees it; tells where the machine gives it back.
    On Linux alone.
    """
    told = Path("/proc/meminfo")
    if not told.exists():
        return
    fields = dict(line.split(":", 1) for line in told.read_text().splitlines())
    free = int(fields["MemAvailable"].split()[0]) << 10
    subprocess.run([sys.executable, "-c", _TOUCH, str(int(free * _SHARE))], check=True)
    if _REPORTING.exists() and int(_REPORTING.read_text()) <= _LARGEST_BLOCK:
        print(
            "this machine gives free memory back to its host: large files arrive slower here than elsewhere\n"
            f"(root: `echo {_LARGEST_BLOCK + 1} > {_REPORTING}`)"
        )
