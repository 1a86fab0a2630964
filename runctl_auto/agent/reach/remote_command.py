"""Runs one command that a person sent, as part of the job: its folder, environment and user."""

from __future__ import annotations

import base64
import ctypes
import hashlib
import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Any

from runctl_auto.agent.contract import SCHEMA
from runctl_auto.agent.errors import AgentError, IntegrityError, ScriptNotStartedError
from runctl_auto.agent.job.exit_codes import NOT_EXECUTABLE, NOT_FOUND
from runctl_auto.agent.job.job_environment import DEFAULT_PATH
from runctl_auto.agent.job.job_process import exit_code, find_program
from runctl_auto.agent.job.job_surroundings import Surroundings
from runctl_auto.agent.reach.reach_contract import (
    INLINE_BYTES,
    KILL_SECONDS,
    LOOK_SECONDS,
    MOST_EXEC_BYTES,
    MOST_INPUT_BYTES,
    MOST_SIGNAL_BYTES,
    PART_BYTES,
    SIGNALS,
    TIMED_OUT_CODE,
    ExecRequestJson,
    ExecResultJson,
    exec_input_key,
    exec_part_key,
    exec_request_key,
    exec_signal_key,
)
from runctl_auto.agent.reach.remote_streams import RemoteStream
from runctl_auto.agent.start.config import AgentConfig
from runctl_auto.agent.store.store import Store

_FIRST_LOOK, _STEADY_LOOK = 0.02, 0.25
_HELD_OPEN_SECONDS = 1.0
"""How long outputs that others still hold open are read after the command's own end."""
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class RemoteCommand:
    """One request, named ``identity``, with the digest ``sha256`` that it must have."""

    config: AgentConfig
    identity: str
    sha256: str
    store: Store
    surroundings: Surroundings
    clock: Callable[[], float] = time.monotonic
    wait: Callable[[float], object] = time.sleep

    def run(self) -> ExecResultJson:
        """Runs the command to its end. Raises AgentError when there is no such request, or its input or
        output cannot be had or stored."""
        request = self._request()
        with tempfile.TemporaryFile() as given:
            if request["has_input"]:
                self._fetch_input(given)
            try:
                process = self._started(request["argv"], given if request["has_input"] else None)
            except ScriptNotStartedError as error:
                return self._not_started(str(error), error.exit_code)
        return self._followed(process, request)

    def _request(self) -> ExecRequestJson:
        content = self.store.get(exec_request_key(self.config.run, self.identity), MOST_EXEC_BYTES)
        if hashlib.sha256(content).hexdigest() != self.sha256:
            raise IntegrityError("the request is not the one that was sent")
        request: ExecRequestJson = json.loads(content)
        return request

    def _fetch_input(self, target: IO[bytes]) -> None:
        target.write(self.store.get(exec_input_key(self.config.run, self.identity), MOST_INPUT_BYTES))
        target.seek(0)

    def _started(self, argv: Sequence[str], given: IO[bytes] | None) -> subprocess.Popen[bytes]:
        around = self.surroundings
        if around.joining is not None:
            argv = around.joining.words(argv, around.folder, given=given is not None)
        path = around.environment.get(b"PATH", DEFAULT_PATH.encode()).decode("utf-8", "surrogateescape")
        program = argv[0] if "/" in argv[0] else find_program(argv[0], path)
        words = [os.fsencode(program), *(each.encode("utf-8", "surrogateescape") for each in argv[1:])]
        user: dict[str, Any] = {}
        if around.user is not None:
            user = {"user": around.user, "group": around.group, "extra_groups": []}
        try:
            return subprocess.Popen(
                words,
                cwd=around.folder,
                env=dict(around.environment),
                stdin=given or subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
                preexec_fn=_end_with_this_process,  # noqa: PLW1509 - no thread has been started yet
                **user,
            )
        except FileNotFoundError as error:
            raise ScriptNotStartedError(f"{argv[0]}: not found", NOT_FOUND) from error
        except OSError as error:
            raise ScriptNotStartedError(f"{argv[0]}: {error.strerror}", NOT_EXECUTABLE) from error

    def _followed(self, process: subprocess.Popen[bytes], request: ExecRequestJson) -> ExecResultJson:
        assert process.stdout is not None  # noqa: S101
        assert process.stderr is not None  # noqa: S101
        streams = [
            RemoteStream(stream.fileno(), self._storing(name))
            for name, stream in (("out", process.stdout), ("err", process.stderr))
        ]
        for each in streams:
            each.start()
        timed_out = self._until_end(process, request["timeout_seconds"], streams)
        deadline = self.clock() + _HELD_OPEN_SECONDS
        for each in streams:
            each.wait(max(0.0, deadline - self.clock()))
        inline = sum(each.waiting_bytes for each in streams) <= INLINE_BYTES and not any(
            each.has_parts for each in streams
        )
        if not inline:
            for each in streams:
                each.store_parts()
        out, err = (each.result(inline=inline) for each in streams)
        code = TIMED_OUT_CODE if timed_out else exit_code(process.returncode)
        note = self.surroundings.note
        return {"schema": SCHEMA, "code": code, "timed_out": timed_out, "note": note, "out": out, "err": err}

    def _until_end(
        self, process: subprocess.Popen[bytes], seconds: float | None, streams: Sequence[RemoteStream]
    ) -> bool:
        """Whether its time was up. Stores output and passes signals on meanwhile."""
        began = looked = self.clock()
        signals, pause, timed_out, killed_at = 0, _FIRST_LOOK, False, None
        while process.poll() is None:
            now = self.clock()
            if seconds is not None and now - began >= seconds and not timed_out:
                timed_out, killed_at = True, now + KILL_SECONDS
                _signal(process, signal.SIGTERM)
            if killed_at is not None and now >= killed_at:
                killed_at = None
                _signal(process, signal.SIGKILL)
            if any(each.waiting_bytes >= PART_BYTES for each in streams):
                self._store(streams)
            if now - looked >= LOOK_SECONDS:
                looked = now
                signals += self._pass_on_signal(process, signals)
                self._store(streams)
            self.wait(pause)
            pause = min(pause * 1.5, _STEADY_LOOK)
        return timed_out

    def _store(self, streams: Sequence[RemoteStream]) -> None:
        for each in streams:
            each.store_parts()

    def _pass_on_signal(self, process: subprocess.Popen[bytes], number: int) -> int:
        """How many were passed on."""
        try:
            content = self.store.find(
                exec_signal_key(self.config.run, self.identity, number), MOST_SIGNAL_BYTES
            )
        except AgentError:
            return 0
        if content is None:
            return 0
        name = content.decode("ascii", "replace")
        if name in SIGNALS:
            _signal(process, signal.Signals[f"SIG{name}"])
        return 1

    def _storing(self, stream: str) -> Callable[[int, bytes], None]:
        def store(number: int, part: bytes) -> None:
            self.store.put(exec_part_key(self.config.run, self.identity, stream, number), part)

        return store

    def _not_started(self, why: str, code: int) -> ExecResultJson:
        text = f"runctl: {why}\n".encode("utf-8", "replace")
        told = base64.b64encode(text).decode()
        return {
            "schema": SCHEMA,
            "code": code,
            "timed_out": False,
            "note": self.surroundings.note,
            "out": {"bytes": 0, "parts": 0, "inline": "", "cut": False},
            "err": {"bytes": len(text), "parts": 0, "inline": told, "cut": False},
        }


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """To the command and all of its process group."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _end_with_this_process() -> None:
    """A cancelled command of Systems Manager is killed by force; what it runs must not stay."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
