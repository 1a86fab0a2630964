"""The message shown when a command is interrupted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from runctl_auto.cli.console import Console


@contextmanager
def told_what_goes_on(console: Console, job: str) -> Iterator[None]:
    """On Ctrl-C reports what continues to run and how to stop it, and re-raises the interruption."""
    try:
        yield
    except KeyboardInterrupt:
        console.say("")
        console.say(f"Interrupted. What was made for job '{job}' goes on and is recorded:")
        console.say(f"  runctl status {job}     how it is")
        console.say(f"  runctl logs -f {job}    its output")
        console.say(f"  runctl down {job}       end it and delete everything")
        raise
