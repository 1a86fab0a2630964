"""``runctl dashboard``."""

from __future__ import annotations

from pathlib import Path

import click

from runctl_auto.cli.invocation import Invocation
from runctl_auto.errors import ExitCode


@click.command(
    help="Show all jobs in a browser: phases, costs, machines, metrics, logs, leaks and receipts. Serves "
    "pages on this machine until Ctrl-C, and prints their address, which is the only way in. Nothing can be "
    "changed there."
)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    metavar="ADDRESS",
    help="Listen on another address. Whoever has the printed address can then read the pages from there, and "
    "whoever can listen on the network, too: they are not encrypted.",
)
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port; 0 takes a free one.")
@click.option(
    "--name",
    "names",
    multiple=True,
    metavar="NAME",
    help="A further name under which browsers reach it, such as that of a proxy. Repeatable.",
)
@click.option(
    "--export",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write the pages into DIR and end.",
)
@click.option("--no-leaks", is_flag=True, help="With --export: do not search the account for leaks.")
@click.pass_obj
def command(
    invocation: Invocation,
    /,
    *,
    host: str,
    port: int,
    names: tuple[str, ...],
    folder: Path | None,
    no_leaks: bool,
) -> int:
    from runctl_auto.pages.extras import require

    require("dashboard")
    from runctl_auto.operations.dashboard import export_dashboard, serve_dashboard
    from runctl_auto.pages.web.server import Place

    console = invocation.console
    if no_leaks and folder is None:
        raise click.UsageError("--no-leaks goes with --export DIR.")
    session = invocation.session_of_all()
    if folder is not None:
        exported = export_dashboard(session, folder, leaks=not no_leaks)
        console.result({"address": None, "index": str(exported.index), "files": len(exported.files)})
        console.line(f"wrote {len(exported.files)} pages: open {exported.index}")
        return int(ExitCode.DONE)

    def tell(address: str) -> None:
        console.json_line({"address": address, "index": None, "files": None})
        console.line(f"Dashboard: {address}")
        console.say("Ctrl-C ends it; jobs go on.")

    try:
        serve_dashboard(session, Place(host, port, names), tell)
    except KeyboardInterrupt:
        return int(ExitCode.INTERRUPTED)
    return int(ExitCode.DONE)
