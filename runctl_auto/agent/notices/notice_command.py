"""A command that is run for each notice, with the notice as JSON on its input."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from runctl_auto.agent.notices.notice import Notice
from runctl_auto.agent.notices.notice_contract import Sent
from runctl_auto.agent.notices.webhook import Delivery

TIMEOUT_SECONDS: Final = 30.0


@dataclass(frozen=True)
class NoticeCommand:
    """Runs one command line in a shell; what it prints is not kept."""

    command: str
    environment: Mapping[str, str]
    folder: Path
    timeout: float = TIMEOUT_SECONDS

    def deliver(self, notice: Notice) -> Delivery:
        """Blocks until the command has ended, at most `timeout` seconds; it is ended then."""
        environment = {
            **self.environment,
            "RUNCTL_NOTICE_EVENT": notice.event,
            "RUNCTL_NOTICE_JOB": notice.job or "",
            "RUNCTL_NOTICE_TEXT": str(notice.as_json()["text"]),
        }
        try:
            process = subprocess.Popen(
                ["/bin/sh", "-c", self.command],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=environment,
                cwd=self.folder,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            return Delivery(Sent.FAILED, f"it could not be started ({type(error).__name__})")
        try:
            process.communicate(json.dumps(notice.as_json()).encode(), timeout=self.timeout)
        except subprocess.TimeoutExpired:
            _end(process)
            return Delivery(Sent.UNKNOWN, f"it was ended after {self.timeout:.0f} s")
        if process.returncode == 0:
            return Delivery(Sent.SENT)
        return Delivery(Sent.FAILED, f"it ended with exit code {process.returncode}")


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
