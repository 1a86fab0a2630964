"""An engine that ends with the process that started it, also when that is killed.

For processes that others kill and replace, such as the workers of a cluster. The language host and what it
runs end with their process in any case.
"""

from __future__ import annotations

import copy
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pulumi import automation

from runctl_auto.engine.lean_automation import KnownCommand

_LAUNCHER = Path(__file__).with_name("tied_launch.py")
_NON_INTERACTIVE = "--non-interactive"


class TiedCommand(KnownCommand):
    """Runs the engine by a launcher that ties it to this process (``tied_launch``).

    The thread that starts an engine must live as long as that does, as is so of all that wait for it. Where
    the system knows no such tie, an engine is started as always.
    """

    def run(
        self, args: list[str], cwd: str, additional_env: Mapping[str, str], *more: Any, **named: Any
    ) -> automation.CommandResult:
        if sys.platform != "linux":
            return super().run(args, cwd, additional_env, *more, **named)
        launching = copy.copy(self)
        launching.command = sys.executable
        tied = tied_arguments(self.command, args)
        return automation.PulumiCommand.run(launching, tied, cwd, additional_env, *more, **named)


def tied_arguments(engine: str, arguments: Sequence[str]) -> list[str]:
    """What a Python is started with to run the engine tied to this process."""
    own = [] if _NON_INTERACTIVE in arguments else [_NON_INTERACTIVE]
    return ["-I", "-S", str(_LAUNCHER), str(os.getpid()), engine, *own, *arguments]
