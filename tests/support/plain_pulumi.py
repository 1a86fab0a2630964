"""Plain `pulumi` on a job's stack, in a shell with the exports of `runctl env`."""

from __future__ import annotations

import subprocess
from pathlib import Path

from support.runctl_cli import Runctl


def pulumi(runctl: Runctl, job: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `pulumi ARGUMENTS -s JOB` to its end; arguments are shell words."""
    exports = runctl("env", job).out
    folder = runctl.json("env", job)["folder"]
    command = f"{exports}\npulumi {' '.join(arguments)} -s {job} --non-interactive"
    return subprocess.run(
        ["/bin/sh", "-c", command],
        check=False,
        cwd=folder,
        env={"HOME": str(Path.home()), "PATH": "/usr/local/bin:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=120,
    )
