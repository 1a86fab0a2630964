"""Runs the command line as a user does: in a separate process and project folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support.output_schemas import check_output

# Variables of the user's shell that tests must not inherit.
FOREIGN = ("AWS_", "PULUMI_", "RUNCTL_SANDBOX", "RUNCTL_CONFIG")


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def text(self) -> str:
        return self.out + self.err


@dataclass
class Runctl:
    """`runctl --sandbox` in `folder`, which becomes a project by its `.runctl/`."""

    folder: Path
    env: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        (self.folder / ".runctl").mkdir(parents=True, exist_ok=True, mode=0o700)

    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
        return {**kept, "NO_COLOR": "1", "COLUMNS": "120", **self.env}

    def command(self, *arguments: str) -> list[str]:
        return [str(Path(sys.executable).with_name("runctl")), "--sandbox", *arguments]

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.command(*arguments),
            cwd=self.folder,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def __call__(self, *arguments: str, code: int | None = 0, timeout: float = 180) -> Ran:
        """Run to the end; `code` is the expected exit code (None: any)."""
        process = self.start(*arguments)
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            raise AssertionError(
                f"runctl {arguments} did not end within {timeout} s\n{out[-3000:]}\n{err[-3000:]}"
            ) from None
        ran = Ran(process.returncode, out, err)
        if code is not None and ran.code != code:
            raise AssertionError(
                f"runctl {arguments} ended with {ran.code}, expected {code}\n{out[-6000:]}\n{err[-6000:]}"
            )
        return ran

    def json(self, *arguments: str, code: int | None = 0, timeout: float = 180) -> Any:
        """The JSON output of the command; it must match its schema in docs/reference/json."""
        ran = self("--output", "json", *arguments, code=code, timeout=timeout)
        check_output(arguments, ran.out)
        return ran.json
