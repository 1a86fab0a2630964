"""A program on a terminal of its own, as a person has one."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time
from collections.abc import Mapping
from pathlib import Path


class TerminalSession:
    """Types to a program and reads what it shows."""

    def __init__(
        self, command: list[str], folder: Path, environment: Mapping[str, str], size: tuple[int, int]
    ) -> None:
        self._master, self._slave = pty.openpty()
        self.resize(*size)
        self.before = termios.tcgetattr(self._slave)
        self.shown = b""
        self._all = b""
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            env=dict(environment),
            stdin=self._slave,
            stdout=self._slave,
            stderr=self._slave,
            start_new_session=True,
            preexec_fn=_take_terminal,  # noqa: PLW1509 - no thread has been started
        )

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    @property
    def everything(self) -> str:
        """All that was shown so far."""
        return self._all.decode(errors="replace")

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def wait_for(self, text: str, seconds: float = 60.0) -> None:
        """Until the text is shown; what was shown up to it is forgotten."""
        wanted, deadline = text.encode(), time.monotonic() + seconds
        while wanted not in self.shown:
            left = deadline - time.monotonic()
            assert left > 0, f"{text!r} was not shown; the end of what was: {self.shown[-2000:]!r}"
            if select.select([self._master], [], [], min(left, 1.0))[0]:
                self._read()
        self.shown = self.shown.partition(wanted)[2]

    def _read(self) -> None:
        data = os.read(self._master, 65536)
        self.shown += data
        self._all += data

    def end(self, seconds: float = 60.0) -> int:
        """The exit code. What is still shown is read meanwhile."""
        deadline = time.monotonic() + seconds
        while self.process.poll() is None:
            assert time.monotonic() < deadline, f"it does not end: {self.shown[-2000:]!r}"
            if select.select([self._master], [], [], 0.1)[0]:
                self._read()
        return self.process.returncode

    def interrupt_and_leave(self) -> None:
        """In a shell: a command is interrupted by Ctrl-C, the shell goes on, and ends clean."""
        self.type("echo it $((20 + 2)) sleeps; sleep 1000\r")
        self.wait_for("it 22 sleeps")
        self.type("\x03")
        self.wait_for("^C")  # what was typed before the machine's terminal had it, it would drop
        self.type("echo still $((40 + 2)) here\r")
        self.wait_for("still 42 here")
        self.type("exit\r")
        assert self.end() == 0
        assert self.is_restored

    @property
    def is_restored(self) -> bool:
        """Whether the terminal is as it was."""
        return termios.tcgetattr(self._slave) == self.before

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._slave)
        os.close(self._master)


def _take_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
