"""Runs a command with its output watched; it and all its children end with this process."""

from __future__ import annotations

import os
import selectors
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol, cast

_LIFELINE = Path(__file__).resolve().parent / "lifeline.py"
_TICK_SECONDS = 1.0
_KEPT_LINES = 2000

Watch = Callable[[str | None], None]


@dataclass(frozen=True)
class CommandResult:
    """``output`` is the last lines of stdout and stderr together."""

    code: int
    output: tuple[str, ...]


class RunCommand(Protocol):
    """Runs ``command`` in ``folder``. ``watch`` gets each line, and None about once a second without one."""

    def __call__(
        self, command: Sequence[str], *, folder: Path, environ: Mapping[str, str], watch: Watch
    ) -> CommandResult: ...


def run_bound(
    command: Sequence[str], *, folder: Path, environ: Mapping[str, str], watch: Watch
) -> CommandResult:
    """Blocks until ``command`` has ended. Whatever is raised meanwhile kills it and its children first."""
    with _lifeline() as pipe, _started(command, folder, environ, pipe) as process:
        output: deque[str] = deque(maxlen=_KEPT_LINES)
        for line in _lines(cast(IO[bytes], process.stdout)):
            if line is not None:
                output.append(line)
            watch(line)
        return CommandResult(process.wait(), tuple(output))


@dataclass
class _Lifeline:
    """A pipe: ``theirs`` is the child's reading end; closing ``ours`` ends the child."""

    theirs: int
    ours: int | None

    def close(self) -> None:
        if self.ours is not None:
            os.close(self.ours)
            self.ours = None


@contextmanager
def _lifeline() -> Iterator[_Lifeline]:
    pipe = _Lifeline(*os.pipe())
    try:
        yield pipe
    finally:
        pipe.close()
        os.close(pipe.theirs)


@contextmanager
def _started(
    command: Sequence[str], folder: Path, environ: Mapping[str, str], pipe: _Lifeline
) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", str(_LIFELINE), str(pipe.theirs), *command],
        cwd=folder,
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        pass_fds=[pipe.theirs],
        start_new_session=True,
    )
    try:
        yield process
    finally:
        pipe.close()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _lines(stream: IO[bytes]) -> Iterator[str | None]:
    """Lines as they come; None when none has come for a while."""
    rest = b""
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        while True:
            if not selector.select(_TICK_SECONDS):
                yield None
                continue
            chunk = os.read(stream.fileno(), 65536)
            if not chunk:
                break
            *whole, rest = (rest + chunk).split(b"\n")
            for each in whole:
                yield each.decode("utf-8", "replace").rstrip("\r")
    if rest:
        yield rest.decode("utf-8", "replace")
