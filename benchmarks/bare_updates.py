"""No-op updates of one stack, each a bare `pulumi up`; prints the seconds of all as JSON.

Arguments: the workspace folder, the stack's name, how many. The environment is that of `runctl env`; the
language host is the one that runctl attaches, one for all.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from runctl_auto.engine.program_host import ProgramHost
from runctl_auto.local.project_program import program_of


def main(folder: str, name: str, count: str) -> None:
    variables = {key: value for key, value in os.environ.items() if key.startswith(("PULUMI_", "AWS_"))}
    host = ProgramHost(variables, [program_of(Path(folder))])
    environment = {**os.environ, **host.variables()}
    command = ["pulumi", "up", "--stack", name, "--yes", "--skip-preview", "--non-interactive"]
    began = time.perf_counter()
    for _ in range(int(count)):
        done = subprocess.run(
            [*command, "--expect-no-changes"],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise SystemExit(f"{command} ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
    seconds = time.perf_counter() - began
    host.close()
    print(json.dumps({"seconds": seconds}))


if __name__ == "__main__":
    main(*sys.argv[1:])
