"""The person's terminal while a remote one is shown on it: raw, its size followed, restored in the end."""

from __future__ import annotations

import os
import selectors
import signal
import sys
import termios
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_READ_BYTES = 4096
_DEFAULT_SIZE = (24, 80)


class Terminal:
    """Standard input and output of this process. Not every input is a terminal: what a pipe holds is typed
    as it is."""

    def __init__(self, source: int | None = None, target: int | None = None) -> None:
        self._source = sys.stdin.fileno() if source is None else source
        self._target = sys.stdout.fileno() if target is None else target
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_write, False)

    @property
    def is_terminal(self) -> bool:
        return os.isatty(self._source)

    def size(self) -> tuple[int, int]:
        """Rows and columns."""
        try:
            found = os.get_terminal_size(self._target)
        except OSError:
            return _DEFAULT_SIZE
        return found.lines or _DEFAULT_SIZE[0], found.columns or _DEFAULT_SIZE[1]

    def write(self, data: bytes) -> None:
        """Shows what the remote terminal shows. May be called from any thread."""
        view = memoryview(data)
        while view:
            view = view[os.write(self._target, view) :]

    def wake(self) -> None:
        """Makes ``typed`` return. May be called from any thread, and more than once."""
        try:
            os.write(self._wake_write, b".")
        except OSError:
            return

    def typed(self) -> Iterator[bytes]:
        """What is typed, until the input ends or ``wake`` is called. Blocks."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._source, selectors.EVENT_READ)
            selector.register(self._wake_read, selectors.EVENT_READ)
            while True:
                ready = {key.fd for key, _ in selector.select()}
                if self._wake_read in ready:
                    return
                try:
                    data = os.read(self._source, _READ_BYTES)
                except OSError:  # a terminal that was closed
                    return
                if not data:
                    return
                yield data

    @contextmanager
    def kept(self) -> Iterator[None]:
        """The terminal is as it was afterwards, whatever another program made of it."""
        if not self.is_terminal:
            yield
            return
        before = termios.tcgetattr(self._source)
        try:
            yield
        finally:
            termios.tcsetattr(self._source, termios.TCSADRAIN, before)

    @contextmanager
    def raw(self, resized: Callable[[], None]) -> Iterator[None]:
        """Every key goes to the remote terminal, Ctrl-C too, while the context is open; ``resized`` is called
        when the size changes. The terminal is as it was afterwards, however the context is left."""
        if not self.is_terminal:
            yield
            return

        def changed(_number: int, _frame: FrameType | None) -> None:
            resized()

        earlier = signal.signal(signal.SIGWINCH, changed)
        try:
            with self.kept():
                tty.setraw(self._source, termios.TCSANOW)
                yield
        finally:
            signal.signal(signal.SIGWINCH, earlier)
