"""Interrupts engine operations: the engine stops safely before the interruption is raised.

On a terminal Ctrl-C reaches the engine as well, which then cancels its operation in order. A SIGTERM sent to
runctl alone is forwarded to it as an interruption.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread
from types import FrameType
from typing import TypeVar

Result = TypeVar("Result")

_LEFT_ALONE = Event()
_SIGNAL_CHECK_SECONDS = 0.2


def run_to_a_safe_end(operation: Callable[[], Result], tell: Callable[[str], None]) -> Result:
    """The result of ``operation``, which runs in a thread. Blocks.

    A ``KeyboardInterrupt`` is deferred until the operation has ended, and then raised whatever its result. A
    second one is raised at once; the operation continues unattended.
    """
    results: list[Result] = []
    failures: list[BaseException] = []
    ended = Event()

    def work() -> None:
        try:
            results.append(operation())
        except BaseException as failure:
            failures.append(failure)
        finally:
            ended.set()

    Thread(target=work, daemon=True).start()
    if _waits_out_an_interruption(ended, tell):
        raise KeyboardInterrupt
    if failures:
        raise failures[0]
    return results[0]


def _waits_out_an_interruption(ended: Event, tell: Callable[[str], None]) -> bool:
    """Whether there was an interruption. An event, since an interrupted ``Thread.join`` marks the thread as
    ended.
    """
    try:
        wait(ended)
    except KeyboardInterrupt:
        try:
            tell("interrupted; the engine comes to a safe end first (once more to leave it alone)")
            wait(ended)
        except KeyboardInterrupt:
            leave_operations_alone()
            raise
        return True
    return False


def wait(event: Event, seconds: float | None = None) -> None:
    """Waits for ``event``, at most ``seconds``, and for signals.

    The system may deliver a signal to any thread, such as one of gRPC. Python's main thread then notices it
    some time later, which may be after the result was reported.
    """
    deadline = None if seconds is None else time.monotonic() + seconds
    while True:
        left = _SIGNAL_CHECK_SECONDS if deadline is None else deadline - time.monotonic()
        is_over = event.wait(max(0.0, min(left, _SIGNAL_CHECK_SECONDS))) or left <= 0
        _handle_pending_signals()
        if is_over:
            return


def _handle_pending_signals() -> None:
    """Runs the handlers of signals that have arrived, as ``pthread_sigmask`` does after any change."""
    signal.pthread_sigmask(signal.SIG_BLOCK, ())


def leave_operations_alone() -> None:
    """Says that operations still run unattended."""
    _LEFT_ALONE.set()


def has_left_an_operation_alone() -> bool:
    """Whether an operation still runs unattended; its threads would delay the exit."""
    return _LEFT_ALONE.is_set()


def treat_termination_as_interruption() -> None:
    """From now on SIGTERM interrupts this process and the engines that it has started."""

    def handle(_number: int, _frame: FrameType | None) -> None:
        for child in _children():
            os.kill(child, signal.SIGINT)
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, handle)


def ignore_interruptions() -> None:
    """From now on this process ignores interruptions: it is about to exit with a definite code."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def _children() -> list[int]:
    """Child processes of this one; none where the system does not report them."""
    found: list[int] = []
    for listing in Path("/proc/self/task").glob("*/children"):
        try:
            found.extend(int(each) for each in listing.read_text(encoding="ascii").split())
        except (OSError, ValueError):
            continue
    return found
