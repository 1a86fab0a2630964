"""runctl as a person runs it: a separate process, with the credentials of the role."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from aws.proof.course import Deadline, StepFailed

CREDENTIALS = {
    "aws_access_key_id": "AWS_ACCESS_KEY_ID",
    "aws_secret_access_key": "AWS_SECRET_ACCESS_KEY",
    "aws_session_token": "AWS_SESSION_TOKEN",
}
_FOREIGN = ("RUNCTL_", "PULUMI_CONFIG", "PULUMI_BACKEND", "PULUMI_STACK")
LOG = "runctl.log"
_ENDS_WITHIN = 60.0
_SHOWN = 2000


@dataclass(frozen=True)
class Commands:
    """``runctl`` in ``folder``; ``variables`` are set over those of this process, None removes one."""

    folder: Path
    variables: Mapping[str, str | None] = field(default_factory=dict)

    def by(self, credentials: Mapping[str, str]) -> Commands:
        """The same, with these credentials (as boto3 names them) and no other."""
        given = {variable: credentials.get(name) for name, variable in CREDENTIALS.items()}
        return replace(self, variables={**self.variables, **given, "AWS_PROFILE": None})

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """A command in a process group of its own, so that Ctrl-C does not reach it.

        Its words go to ``runctl.log`` in the folder: nobody reads them while it runs.
        """
        with (self.folder / LOG).open("a", encoding="utf-8") as words:
            return subprocess.Popen(
                [str(Path(sys.executable).with_name("runctl")), "--output", "json", *arguments],
                cwd=self.folder,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=words,
                text=True,
                start_new_session=True,
            )

    def json(self, *arguments: str, deadline: Deadline, codes: tuple[int, ...] = (0,)) -> Any:
        """The result. Raises StepFailed for another exit code, and OutOfTime."""
        return finished(self.start(*arguments), arguments, deadline, codes)

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
        given = {**kept, "NO_COLOR": "1", **self.variables}
        return {name: value for name, value in given.items() if value is not None}


def finished(
    process: subprocess.Popen[str],
    arguments: tuple[str, ...],
    deadline: Deadline,
    codes: tuple[int, ...] = (0,),
) -> Any:
    """The JSON of a started command; a command that does not end in time is ended."""
    name = f"`runctl {' '.join(arguments)}`"
    try:
        out, _ = process.communicate(timeout=deadline.left(f"running {name}"))
    except subprocess.TimeoutExpired:
        end(process)
        raise StepFailed(f"{name} did not end in time") from None
    except BaseException:
        end(process)
        raise
    if process.returncode not in codes:
        raise StepFailed(f"{name} ended with {process.returncode}: {_message(out) or f'see {LOG}'}")
    try:
        return json.loads(out)
    except ValueError:
        raise StepFailed(f"{name} printed no JSON: {out[-_SHOWN:]}") from None


def end(process: subprocess.Popen[str]) -> None:
    """End a command as Ctrl-C does, then by force. Does nothing if it has ended."""
    for number in (signal.SIGINT, signal.SIGKILL):
        if process.poll() is not None:
            break
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=_ENDS_WITHIN)


def _message(out: str) -> str:
    """The error of a JSON result, in one line."""
    try:
        error = json.loads(out)["error"]
        return " ".join(f"{error['what']} {error.get('next_step') or ''}".split())
    except (ValueError, KeyError, TypeError):
        return ""
