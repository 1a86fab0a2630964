"""What a command on a machine is given and gives back by way of the job's bucket."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from typing import Any, Literal

from runctl_auto.agent.errors import AgentError
from runctl_auto.agent.reach.reach_contract import (
    PART_BYTES,
    ExecRequestJson,
    ExecResultJson,
    ExecStreamJson,
    exec_input_key,
    exec_output_prefix,
    exec_part_key,
    exec_request_key,
    exec_request_prefix,
    exec_signal_key,
)
from runctl_auto.agent.store.store import ChangeableStore
from runctl_auto.errors import CloudError, RemoteCommandError
from runctl_auto.local.printable import printable

StreamName = Literal["out", "err"]
STREAMS: tuple[StreamName, ...] = ("out", "err")
_MOST_PARTS = 1 << 16
_MOST_NOTE = 300


class Exchange:
    """The objects of one command, ``identity``, of a run. ``write`` gets the outputs in order."""

    def __init__(
        self,
        store: ChangeableStore,
        run: str,
        identity: str,
        write: Callable[[StreamName, bytes], None],
    ) -> None:
        self._store = store
        self._run = run
        self._identity = identity
        self._write = write
        self._read: dict[StreamName, int] = dict.fromkeys(STREAMS, 0)
        self._written: dict[StreamName, int] = dict.fromkeys(STREAMS, 0)
        self._signals = 0

    def offer(self, request: ExecRequestJson, given: bytes | None) -> str:
        """Stores the request and its input; the request's digest."""
        content = json.dumps(request).encode()
        if given is not None:
            self._store.put(exec_input_key(self._run, self._identity), given)
        self._store.put(exec_request_key(self._run, self._identity), content, "application/json")
        return hashlib.sha256(content).hexdigest()

    def signal(self, name: str) -> None:
        """Sends a signal to the command."""
        self._store.put(exec_signal_key(self._run, self._identity, self._signals), name.encode())
        self._signals += 1

    def take_parts(self) -> None:
        """Writes what the machine has stored since the last time."""
        for stream in STREAMS:
            while self._take_part(stream):
                pass

    def take_result(self, text: str) -> ExecResultJson:
        """Writes the rest of the outputs. Raises ``RemoteCommandError`` for a result that is none, or whose
        parts are missing."""
        result = read_result(text)
        self._take_rest("out", result["out"])
        self._take_rest("err", result["err"])
        return result

    def forget(self) -> None:
        """Deletes the objects, as far as that is possible."""
        for prefix in (exec_request_prefix, exec_output_prefix):
            try:
                for key in self._store.object_sizes(prefix(self._run, self._identity)):
                    self._store.delete(key)
            except CloudError:
                continue

    def _take_part(self, stream: StreamName) -> bool:
        if self._read[stream] >= _MOST_PARTS:
            return False
        key = exec_part_key(self._run, self._identity, stream, self._read[stream])
        try:
            part = self._store.find(key, PART_BYTES)
        except AgentError as error:
            raise RemoteCommandError(f"A part of the output cannot be read: {error}") from error
        if part is None:
            return False
        self._read[stream] += 1
        self._written[stream] += len(part)
        self._write(stream, part)
        return True

    def _take_rest(self, stream: StreamName, told: ExecStreamJson) -> None:
        if told["inline"]:
            self._write(stream, base64.b64decode(told["inline"]))
            return
        while self._read[stream] < told["parts"]:
            if not self._take_part(stream):
                raise RemoteCommandError(
                    f"Part {self._read[stream]} of the output is missing in the job's bucket."
                )


def read_result(text: str) -> ExecResultJson:
    """What the launcher printed. A machine can print anything: raises ``RemoteCommandError`` for another
    form."""
    try:
        told: Any = json.loads(text)
        return {
            "schema": int(told["schema"]),
            "code": int(told["code"]),
            "timed_out": bool(told["timed_out"]),
            "note": None if told["note"] is None else printable(str(told["note"])[:_MOST_NOTE]),
            "out": _stream(told["out"]),
            "err": _stream(told["err"]),
        }
    except (ValueError, KeyError, TypeError) as error:
        raise RemoteCommandError(f"The machine's answer cannot be read: {error!r}") from error


def _stream(told: Any) -> ExecStreamJson:
    inline = told["inline"]
    if inline is not None:
        base64.b64decode(inline, validate=True)
    return {
        "bytes": int(told["bytes"]),
        "parts": int(told["parts"]),
        "inline": inline,
        "cut": bool(told["cut"]),
    }
