"""The process that serves RunPod's resources to the engines of one command.

It has the address and key of the API in its environment, as the official AWS provider has its credentials,
and passes neither to an engine.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from runctl_auto.errors import EngineError
from runctl_auto.stack.config import NAMESPACE

PACKAGE = "runctl-runpod"
"""The name by which engines know the provider."""
_SERVER = Path(__file__).with_name("runpod_server.py")
_START_SECONDS = 60.0
_END_SECONDS = 5.0
_SHOWN_CHARACTERS = 4000
ATTACHED = "PULUMI_DEBUG_PROVIDERS"


def is_of_runpod(config: Mapping[str, str]) -> bool:
    """Whether a stack with this configuration, by full key, is that of a job that may be on RunPod."""
    try:
        job = json.loads(config.get(f"{NAMESPACE}:job", "{}"))
    except ValueError:
        return False
    return isinstance(job, dict) and "runpod" in (job.get("provider"), *(job.get("providers") or ()))


class ProviderHost:
    """Starts the provider when it is first needed, again when it has ended since. Threads may share it."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        """``variables`` are those of the engine's operations, over this process's environment."""
        self._environment = {**os.environ, **variables}
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._errors: IO[bytes] | None = None
        self._port = 0

    def variables(self, before: Mapping[str, str]) -> dict[str, str]:
        """What attaches an engine, beside the providers that ``before`` attaches. Blocks until it serves.

        Raises ``EngineError`` when it does not come to serve.
        """
        entries = [each for each in before.get(ATTACHED, "").split(",") if each]
        kept = [each for each in entries if each.partition(":")[0] != PACKAGE]
        return {ATTACHED: ",".join([*kept, f"{PACKAGE}:{self._serving()}"])}

    def close(self) -> None:
        """Ends the provider. Blocks until it has ended. Idempotent."""
        with self._lock:
            self._end()

    def _serving(self) -> int:
        with self._lock:
            if self._process is not None and self._process.poll() is not None:
                self._end()
            if self._process is None:
                self._start()
            return self._port

    def _start(self) -> None:
        self._errors = tempfile.TemporaryFile(prefix="runctl-provider-")  # noqa: SIM115 - closed with it
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-I", str(_SERVER)],
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                text=True,
                start_new_session=True,
            )
        except OSError as error:
            self._end()
            raise EngineError(f"The provider for RunPod could not be started: {error}") from error
        stdout = self._process.stdout
        assert stdout is not None  # noqa: S101 - opened as a pipe
        line = stdout.readline().strip() if select.select([stdout], [], [], _START_SECONDS)[0] else ""
        if not line.isdigit():
            said = self._said()
            self._end()
            raise EngineError(
                f"The provider for RunPod did not come to serve. It wrote: {said or 'nothing'}",
                next_step="`runctl doctor` checks the installation.",
            )
        self._port = int(line)

    def _said(self) -> str:
        if self._errors is None:
            return ""
        self._errors.seek(0)
        return self._errors.read().decode(errors="replace").strip()[-_SHOWN_CHARACTERS:]

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(OSError, ValueError):
                if process.stdin is not None:
                    process.stdin.close()  # the provider takes this for the end of the command
            try:
                process.wait(_END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdout is not None:
                process.stdout.close()
        if self._errors is not None:
            self._errors.close()
            self._errors = None
