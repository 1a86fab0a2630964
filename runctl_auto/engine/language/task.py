"""Runs one task in this process: a Pulumi program, a policy pack or a plugin.

Runs in the program's interpreter, of which only the standard library is certain. A task is plain data:

* ``{"kind": "program", "program": entry point, "arguments": [...], "settings": {...}}``, the settings being
  the arguments of ``pulumi.runtime.Settings``
* ``{"kind": "policy", "arguments": [engine address, folder]}``
* ``{"kind": "plugin", "folder": folder, "arguments": [...]}``
"""

from __future__ import annotations

import json
import runpy
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from . import lifeline
from .program import run_program


def main(arguments: Sequence[str]) -> int:
    """Runs the task that the argument describes; the exit code."""
    settings = json.loads(arguments[0])
    lifeline.follow(settings["lifeline"])
    return run(settings["task"])


def run(task: Mapping[str, Any]) -> int:
    """Runs a task in the current folder and environment; the exit code. Lets SystemExit pass."""
    if task["kind"] == "program":
        return run_program(task["program"], task["arguments"], task["settings"])
    if task["kind"] == "policy":
        sys.argv = ["pulumi.policy", *task["arguments"]]
        runpy.run_module("pulumi.policy", run_name="__main__", alter_sys=True)
        return 0
    sys.argv = [task["folder"], *task["arguments"]]
    runpy.run_path(task["folder"], run_name="__main__")
    return 0
