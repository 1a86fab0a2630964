"""``runctl exec``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from runctl_auto.cli.invocation import Invocation
from runctl_auto.cli.quantity_types import Duration
from runctl_auto.cli.rank_option import rank_option

if TYPE_CHECKING:
    from runctl_auto.cli.console import Console
    from runctl_auto.operations.exec import ExecResult


@click.command(
    help="Run COMMAND on the machine of JOB: in its work folder, with the environment and as the user of its "
    "command.\n\nA COMMAND of one word is a script for the job's shell: `runctl exec JOB -- 'ls | wc -l'`. "
    "One of several words is a program with its arguments, each passed on as it is. The exit code is the "
    "command's own."
)
@click.argument("job")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
@click.option(
    "--stdin", "-i", "takes_input", is_flag=True, help="Pass standard input on, read to its end first."
)
@click.option("--timeout", type=Duration(), help="End the command after this time (30s, 5m); exit code 124.")
@rank_option()
@click.pass_obj
def command(
    invocation: Invocation,
    /,
    *,
    job: str,
    command: tuple[str, ...],
    takes_input: bool,
    timeout: int | None,
    rank: int,
) -> int:
    from runctl_auto.cli.passed_signals import passed_signals
    from runctl_auto.operations.exec import ExecOptions, exec_

    console = invocation.console
    console.ends_with_reader = True
    given = sys.stdin.buffer.read() if takes_input else None
    session = invocation.session_of(job)
    output = _Output(console)
    with passed_signals() as signals:
        result = exec_(session, job, ExecOptions(command, timeout, given, rank), output.write, signals)
    _tell(console, result)
    console.result({**result.as_json(), **output.as_json()})
    return result.code


class _Output:
    """Writes the command's outputs to those of runctl, byte for byte; in JSON mode they are in the result."""

    def __init__(self, console: Console) -> None:
        self._kept: dict[str, list[bytes]] | None = {"out": [], "err": []} if console.as_json else None

    def write(self, stream: str, data: bytes) -> None:
        if self._kept is not None:
            self._kept[stream].append(data)
            return
        target = sys.stdout if stream == "out" else sys.stderr
        target.flush()
        target.buffer.write(data)
        target.buffer.flush()

    def as_json(self) -> dict[str, str]:
        kept = self._kept or {}
        return {name: b"".join(kept.get(name, ())).decode("utf-8", "replace") for name in ("out", "err")}


def _tell(console: Console, result: ExecResult) -> None:
    from runctl_auto.operations.exec import cut_sentence

    if result.note is not None:
        console.say(f"runctl: {result.note}")
    if result.cut:
        console.say(f"runctl: {cut_sentence(result)}")
    if result.timed_out:
        console.say("runctl: the command took longer than --timeout, and was ended")
