"""``runctl exporter``: metrics of all jobs for Prometheus."""

from __future__ import annotations

from pathlib import Path

import click

from runctl_auto.cli.invocation import Invocation
from runctl_auto.cli.quantity_types import Duration

PORT = 9488
LISTEN = f"127.0.0.1:{PORT}"


@click.group(help="Export the metrics of all jobs of the backend to Prometheus.")
def command() -> None:
    pass


@command.command(
    "textfile",
    short_help="Write the metrics to a file once.",
    help="Write the metrics to DIR/runctl.prom, once: for the textfile collector of Prometheus's node "
    "exporter. Run it from a timer.",
)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--leaks", is_flag=True, help="Search for leaks, too.")
@click.pass_obj
def textfile(invocation: Invocation, folder: Path, leaks: bool) -> None:
    from runctl_auto.operations.exporter import Exporter, write_textfile

    exporter = Exporter(invocation.session_of_all(), leaks_every=0.0 if leaks else None)
    file = write_textfile(exporter, folder)
    invocation.console.result({"file": str(file)})
    invocation.console.line(f"wrote {file}")


@command.command(
    "serve",
    short_help="Serve the metrics at /metrics until interrupted.",
    help="Serve the metrics at /metrics until interrupted, to those who reach the address: nobody has to "
    "prove who they are, so that only this machine does unless --listen says otherwise.",
)
@click.option("--listen", default=LISTEN, show_default=True, metavar="ADDRESS:PORT", help="Where to serve.")
@click.option("--host", "hosts", multiple=True, metavar="NAME", help="A further name that scrapers use.")
@click.option(
    "--every", type=Duration(), default="15s", show_default=True, help="How old what is served may be."
)
@click.option(
    "--leaks-every", type=Duration(), metavar="TIME", help="Search for leaks so often; default: never."
)
@click.pass_obj
def serve(
    invocation: Invocation, listen: str, hosts: tuple[str, ...], every: int, leaks_every: int | None
) -> None:
    from threading import Thread

    from runctl_auto.errors import UsageError
    from runctl_auto.observe.metrics.scrape_server import ScrapeServer, is_loopback
    from runctl_auto.operations.exporter import Exporter

    address, port = _address(listen)
    exporter = Exporter(invocation.session_of_all(), every=every, leaks_every=leaks_every)
    try:
        server = ScrapeServer(address, port, exporter.text, hosts)
    except OSError as error:
        raise UsageError(
            f"{listen} cannot be served: {error.strerror or error}", next_step="Choose another --listen."
        ) from error
    invocation.console.json_line({"url": server.url})
    invocation.console.line(f"serving {server.url}")
    if not is_loopback(address):
        invocation.console.say("whoever reaches this address can read names, owners and costs of all jobs")
    Thread(target=exporter.text, daemon=True).start()  # the first look is ready for the first scrape
    with server:
        server.serve_forever()


def _address(text: str) -> tuple[str, int]:
    from runctl_auto.errors import UsageError

    address, colon, port = text.rpartition(":")
    if not colon or not address or not port.isdigit() or int(port) > 65535:
        raise UsageError(f"'{text}' is no ADDRESS:PORT.", next_step=f"The default is {LISTEN}.")
    return address.strip("[]"), int(port)
