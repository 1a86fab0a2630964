"""``runctl catalog update``."""

from __future__ import annotations

import click

from runctl_auto.cli.invocation import Invocation
from runctl_auto.errors import ExitCode


@click.group(help="Manage the price book, which is used where the provider's price list cannot be read.")
def command() -> None:
    pass


@command.command(
    short_help="Read the prices of a region into the price book.",
    help="Read the on-demand prices of all instance types, and the prices of storage, addresses and traffic, "
    "from the provider's price list. Spot prices are always read anew.",
)
@click.option("--region", "regions", multiple=True, help="A region; repeatable. Default: your own region.")
@click.pass_obj
def update(invocation: Invocation, regions: tuple[str, ...]) -> None:
    from runctl_auto.operations.catalog import unknown_rates, update_catalog

    console = invocation.console
    done = update_catalog(invocation.session(), regions)
    console.result({"regions": [each.as_json() for each in done]})
    for each in done:
        if each.prices is None:
            console.line(f"{each.region}: not updated. {each.problem}")
            continue
        unknown = unknown_rates(each.prices)
        missing = f"; not in the list: {', '.join(unknown)}" if unknown else ""
        console.line(f"{each.region}: {len(each.prices.on_demand)} instance types{missing}")
    if any(each.problem for each in done):
        raise click.exceptions.Exit(ExitCode.FAILURE)
