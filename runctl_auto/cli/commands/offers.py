"""``runctl offers``."""

from __future__ import annotations

from pathlib import Path

import click

from runctl_auto.cli.invocation import Invocation

_SHOWN = 20


@click.command(
    help="Show where the job in JOB_FILE could run, in the order in which `up` tries it. In USD an hour, "
    "PRICE is the machine's and EXPECTED the whole job's at average prices, with storage. SCORE, from 1 to "
    "10, is how likely a zone has the spot capacity. Makes nothing. Exits with 6 if nothing is possible."
)
@click.argument("job_file", type=click.Path(path_type=Path, readable=False))
@click.option("--all", "every", is_flag=True, help="List every offer, also those that are left out.")
@click.pass_obj
def command(invocation: Invocation, /, job_file: Path, *, every: bool) -> int | None:
    from runctl_auto.cli.views.offers import offer_table, sources_text
    from runctl_auto.job_file.load import load_job_file
    from runctl_auto.jobs.permitted import refuse_disabled_provider
    from runctl_auto.operations.offers import find_offers

    spec = load_job_file(job_file).spec
    refuse_disabled_provider(spec, invocation.settings())
    found = find_offers(invocation.session(), spec)
    console = invocation.console
    console.result(found.as_json())
    offers = found.choice.offers
    shown = offers if every else (found.fitting or offers)[:_SHOWN]
    console.table(*offer_table(shown))
    hidden = len(offers) - len(shown)
    if hidden:
        left_out = sum(each.offer.left_out is not None for each in offers if each not in shown)
        console.line(f"and {hidden} more, {left_out} of them left out: --all lists them")
    sources = sources_text(offers)
    if sources:
        console.line(f"prices: {sources}")
    for note in found.notes:
        console.say(note)
    if found.problem is not None:
        console.say(f"nothing is possible; {found.problem.next_step}")
        return int(found.problem.exit_code)
    return None
