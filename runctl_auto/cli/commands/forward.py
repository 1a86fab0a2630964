"""``runctl forward``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from runctl_auto.cli.invocation import Invocation
from runctl_auto.cli.rank_option import rank_option

if TYPE_CHECKING:
    from runctl_auto.operations.forward import Forwarding

_HIGHEST = 65535


@click.command(
    help="Carry connections to PORT of the machine of JOB, such as TensorBoard's or a notebook's, from the "
    "same port of this machine, or from LOCAL, until Ctrl-C. Needs Amazon's Session Manager plugin or the "
    "extra runctl[session]."
)
@click.argument("job")
@click.argument("port", metavar="PORT[:LOCAL]")
@click.option("--own-client", is_flag=True, help="Do not use Amazon's plugin, even where it is installed.")
@rank_option()
@click.pass_obj
def command(invocation: Invocation, job: str, port: str, own_client: bool, rank: int) -> None:
    from runctl_auto.operations.forward import ForwardOptions, forward

    console = invocation.console

    def ready(told: Forwarding) -> None:
        console.result(told.as_json())
        console.line(f"127.0.0.1:{told.local} is port {told.port} of machine {told.machine}; Ctrl-C ends it")

    remote, local = _ports(port)
    forward(invocation.session_of(job), job, ForwardOptions(remote, local, own_client, rank), ready)


def _ports(text: str) -> tuple[int, int]:
    remote, colon, local = text.partition(":")
    numbers = [int(each) if each.isascii() and each.isdigit() else -1 for each in (remote, local or remote)]
    if not 1 <= numbers[0] <= _HIGHEST or not 0 <= numbers[1] <= _HIGHEST or (colon and not local):
        raise click.BadParameter(f"{text!r} is no PORT[:LOCAL], such as 6006 or 6006:16006.")
    return numbers[0], numbers[1]
