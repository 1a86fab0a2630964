"""`journalctl -u UNIT`."""

from __future__ import annotations

import collections
import sys
import time
from pathlib import Path

from sandbox.hosts.guest.layout import HostLayout
from sandbox.hosts.guest.program_options import parse
from sandbox.hosts.guest.stand_in import UsageError
from sandbox.hosts.guest.unit_files import full_name

_FOLLOW_SECONDS = 0.5


def main(_name: str, arguments: list[str]) -> int:
    found = parse(
        arguments,
        ("-f", "--follow", "--no-pager", "-q", "--quiet", "-e", "-b", "--no-hostname", "-a", "-x"),
        ("-u", "--unit", "-n", "--lines", "-o", "--output"),
    )
    if found.words:
        raise UsageError("matches are not supported by sandbox hosts")
    layout = HostLayout.of_environment()
    names = found.values.get("-u", []) + found.values.get("--unit", [])
    chosen = [layout.journal / f"{full_name(name)}.log" for name in names] or sorted(
        layout.journal.glob("*.log")
    )
    lines = found.value("-n", "--lines")
    if lines is not None and not lines.isdigit():
        raise UsageError(f"not a number of lines: {lines}")
    shown = False
    for journal in chosen:
        shown = _print(journal, int(lines) if lines else None) or shown
    if not shown and not found.has("-q", "--quiet"):
        sys.stdout.write("-- No entries --\n")
    sys.stdout.flush()
    if found.has("-f", "--follow"):
        _follow(chosen)
    return 0


def _print(journal: Path, last: int | None) -> bool:
    try:
        with journal.open(errors="replace") as stream:
            lines = collections.deque(stream, last)
    except FileNotFoundError:
        return False
    sys.stdout.writelines(lines)
    return bool(lines)


def _follow(journals: list[Path]) -> None:
    positions = {journal: journal.stat().st_size if journal.exists() else 0 for journal in journals}
    while True:
        for journal, position in positions.items():
            if journal.exists() and journal.stat().st_size > position:
                with journal.open("rb") as stream:
                    stream.seek(position)
                    sys.stdout.write(stream.read().decode(errors="replace"))
                    positions[journal] = stream.tell()
        sys.stdout.flush()
        time.sleep(_FOLLOW_SECONDS)
