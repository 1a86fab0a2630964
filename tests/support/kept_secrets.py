"""Looks for secrets where none may be: in files, in texts, and in the arguments of every process."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Arguments:
    """Arguments of processes that held a secret, by the secret's name; `seen` is how many were looked at."""

    held: set[str] = field(default_factory=set)
    seen: set[tuple[str, bytes]] = field(default_factory=set)


def in_files(folder: Path, secrets: Mapping[str, str], *, but: Collection[str] = ()) -> list[str]:
    """The secrets, by name, that files below `folder` hold; files that match a pattern of `but` may."""
    found = []
    for path in sorted(each for each in folder.rglob("*") if each.is_file() and not each.is_symlink()):
        inside = path.relative_to(folder)
        if any(inside.match(pattern) for pattern in but):
            continue
        with suppress(OSError):
            content = path.read_bytes()
            found += [f"{name} in {inside}" for name, secret in secrets.items() if secret.encode() in content]
    return found


@contextmanager
def watched_arguments(secrets: Mapping[str, str]) -> Iterator[Arguments]:
    """Looks at the arguments of all processes again and again, until the block ends."""
    found, over = Arguments(), threading.Event()

    def look() -> None:
        while not over.is_set():
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                with suppress(OSError):
                    words = path.read_bytes()
                    found.seen.add((path.parent.name, words))
                    found.held |= {name for name, secret in secrets.items() if secret.encode() in words}
            over.wait(0.05)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        over.set()
        thread.join()
