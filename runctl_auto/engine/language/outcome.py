"""What the exit code of a program tells the engine."""

from __future__ import annotations

import signal
from dataclasses import dataclass

ERROR_SHOWN = 32
"""Exit code of a program whose error the engine has shown already."""


@dataclass(frozen=True)
class Outcome:
    """``error`` is for the engine to show; ``bail`` ends the operation without a further message."""

    error: str = ""
    bail: bool = False


def outcome(code: int, *, stopped: bool = False) -> Outcome:
    """The outcome of a program that exited with ``code`` (negative for a signal), or that the host stopped
    because the engine asked for it."""
    if code == 0:
        return Outcome()
    if code == ERROR_SHOWN or stopped:
        return Outcome(bail=True)
    if code < 0:
        return Outcome(f"program was ended by the signal {_signal_name(-code)}")
    return Outcome(f"program exited with non-zero exit code: {code}")


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)
