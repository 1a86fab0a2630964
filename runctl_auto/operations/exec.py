"""``exec``: runs a command on a job's machine, as part of the job. Changes nothing of the job's resources."""

from __future__ import annotations

import secrets
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from runctl_auto.agent.contract import SCHEMA
from runctl_auto.agent.reach.reach_contract import EXEC, MOST_INPUT_BYTES, MOST_OUTPUT_BYTES, ExecResultJson
from runctl_auto.errors import UsageError
from runctl_auto.jobs.reach.admission import admit
from runctl_auto.jobs.reach.exchange import Exchange, StreamName
from runctl_auto.jobs.reach.machine import machine_of
from runctl_auto.jobs.reach.remote_script import LONGEST_SECONDS, RemoteScript
from runctl_auto.jobs.session import Session, Time
from runctl_auto.stack.config import StackConfig

_SPARE_SECONDS = 120
"""For the machine, beyond the command's own time, to end it and to store its output."""
_LOOK_SECONDS = 1.0
"""How often stored output is looked for: a request for each stream."""


class Signals(Protocol):
    """The signals that reach this command while it waits."""

    def begin(self) -> None:
        """From now on they are for the command on the machine."""

    def take(self) -> str | None:
        """The next one, by its name (``INT``), None without any. Raises KeyboardInterrupt when there were so
        many that the command here must end."""


@dataclass(frozen=True)
class ExecOptions:
    """``words`` are the command as it was typed: one is a script for the job's shell, more are a program and
    its arguments. ``given`` is its standard input, None for none. ``rank``: of several machines which."""

    words: tuple[str, ...]
    timeout_seconds: float | None = None
    given: bytes | None = None
    rank: int = 0


@dataclass(frozen=True)
class ExecResult:
    """How the command ended. ``cut`` are the outputs of which only the beginning was kept."""

    job: str
    run: str
    machine: str
    code: int
    timed_out: bool
    note: str | None
    out_bytes: int
    err_bytes: int
    cut: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "job": self.job,
            "run": self.run,
            "machine": self.machine,
            "code": self.code,
            "timed_out": self.timed_out,
            "note": self.note,
            "out_bytes": self.out_bytes,
            "err_bytes": self.err_bytes,
            "cut": list(self.cut),
        }


def argv_of(words: Sequence[str], config: StackConfig) -> list[str]:
    """The program and its arguments. Raises ``UsageError`` without a command."""
    if not words or not words[0]:
        raise UsageError("There is no command.", next_step="`runctl exec JOB -- COMMAND` runs one.")
    if len(words) > 1:
        return list(words)
    return [*shlex.split(config.job.shell), "-c", words[0]]


def exec_(
    session: Session,
    name: str,
    options: ExecOptions,
    write: Callable[[StreamName, bytes], None],
    signals: Signals,
) -> ExecResult:
    """Runs the command to its end; ``write`` gets its outputs as they come. Blocks.

    ``signals`` are passed on to the command, whose end is awaited. Raises
    ``MachineNotReachableError`` when the machine is not reached, ``RemoteCommandError`` when it could not
    carry the command out.
    """
    if options.given is not None and len(options.given) > MOST_INPUT_BYTES:
        raise UsageError(
            f"The input has more than {MOST_INPUT_BYTES // 2**20} MiB.",
            next_step="`runctl transfer` brings larger files to the job.",
        )
    machine = machine_of(session, name, options.rank)
    argv = argv_of(options.words, machine.config)
    admit(machine, "exec")
    identity = secrets.token_hex(8)
    exchange = Exchange(machine.results.objects(), machine.run, identity, write)
    digest = exchange.offer(
        {
            "schema": SCHEMA,
            "argv": argv,
            "timeout_seconds": options.timeout_seconds,
            "has_input": options.given is not None,
        },
        options.given,
    )
    try:
        limit = options.timeout_seconds
        seconds = LONGEST_SECONDS if limit is None else min(LONGEST_SECONDS, int(limit) + _SPARE_SECONDS)
        script = RemoteScript(machine, [EXEC, identity, digest], what="exec", seconds=seconds)
        signals.begin()
        result = exchange.take_result(_printed(script, exchange, signals, session.time))
    except KeyboardInterrupt:
        raise  # the last signal stays for the machine to read
    except BaseException:
        exchange.forget()
        raise
    exchange.forget()
    return _result(result, name, machine.run, machine.id)


def _printed(script: RemoteScript, exchange: Exchange, signals: Signals, time: Time) -> str:
    """What the script printed at its end; its output is written meanwhile, and signals are sent to it."""
    looked = time.monotonic()

    def meanwhile() -> None:
        nonlocal looked
        while (name := signals.take()) is not None:
            exchange.signal(name)
        if time.monotonic() - looked >= _LOOK_SECONDS:
            exchange.take_parts()
            looked = time.monotonic()

    return script.run(meanwhile)


def _result(told: ExecResultJson, job: str, run: str, machine: str) -> ExecResult:
    streams = {"out": told["out"], "err": told["err"]}
    return ExecResult(
        job=job,
        run=run,
        machine=machine,
        code=int(told["code"]),
        timed_out=bool(told.get("timed_out")),
        note=told.get("note"),
        out_bytes=int(told["out"]["bytes"]),
        err_bytes=int(told["err"]["bytes"]),
        cut=tuple(name for name, stream in streams.items() if stream.get("cut")),
    )


def cut_sentence(result: ExecResult) -> str:
    """What is said of outputs that were cut."""
    names = {"out": "standard output", "err": "standard error"}
    which = " and ".join(names[each] for each in result.cut)
    return (
        f"the command's {which} is cut after {MOST_OUTPUT_BYTES // 2**20} MiB; write more to a file, and "
        "fetch that with `runctl transfer`"
    )
