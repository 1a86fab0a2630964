"""The bundle's command line.

Each verb imports what it alone needs: Python keeps no bytecode of a zip and compiles it at each start.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress

from runctl_auto.agent.errors import AgentError
from runctl_auto.agent.reach.reach_contract import REACH
from runctl_auto.agent.start.units import END_GROUP

OLDEST_PYTHON = (3, 9)


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of the bundle: `install` with the configuration as input, `configure` likewise in a pod,
    `end-group`, `reach` with a verb for a person, or no argument to run.
    """
    asked = list(sys.argv[1:] if arguments is None else arguments)
    if asked in (["install"], ["configure"]):
        return _install(services=asked == ["install"])
    if asked == [END_GROUP]:
        return _end_group()
    if asked[:1] == [REACH]:
        from runctl_auto.agent.reach.reach import reach

        return reach(asked[1:])
    return _serve()


def _serve() -> int:
    try:
        from runctl_auto.agent.main import serve

        return serve()
    except Exception:
        from runctl_auto.agent.machine.this_machine import end_machine, group_of_this_machine

        # Nowhere to report it; a machine without an agent must not keep incurring cost.
        _say_on_console(traceback.format_exc())
        with suppress(Exception):
            group = group_of_this_machine(_say_on_console)
            if group is not None:
                group.boot_failed()
        end_machine(_say_on_console)
        return 1


def _install(*, services: bool = True) -> int:
    if sys.version_info < OLDEST_PYTHON:  # the agent's other modules could not be compiled
        _say_on_console("this machine's python3 is older than 3.9")
        return 1
    from runctl_auto.agent.machine.machine import run_program
    from runctl_auto.agent.start.install import configure, install
    from runctl_auto.agent.start.layout import Layout

    try:
        if services:
            install(sys.stdin.read(), Layout.from_environment(), os.environ, run_program, _say_on_console)
        else:
            configure(sys.stdin.read(), Layout.from_environment())
    except (AgentError, OSError) as error:
        _say_on_console(str(error))
        return 1
    return 0


def _end_group() -> int:
    """What the hard deadline's timer does first; the exit code is whether it worked."""
    from runctl_auto.agent.machine.this_machine import group_of_this_machine

    try:
        group = group_of_this_machine(_say_on_console)
    except AgentError as error:
        _say_on_console(str(error))
        return 1
    return 0 if group is None or group.end() else 1


def _say_on_console(text: str) -> None:
    sys.stderr.write(f"runctl: {text}\n")
