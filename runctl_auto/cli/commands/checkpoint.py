"""``runctl checkpoint``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from runctl_auto.cli.invocation import Invocation
from runctl_auto.cli.job_names import JobName
from runctl_auto.cli.shared_options import yes_option
from runctl_auto.cli.views.table import Column
from runctl_auto.errors import ExitCode

if TYPE_CHECKING:
    from runctl_auto.agent.saving.lineage import SavedCheckpoint

_COLUMNS = (
    Column("CHECKPOINT"),
    Column("STATE"),
    Column("SAVED", spare=1),
    Column("FILES", spare=2, right=True),
    Column("BYTES", spare=1, right=True),
    Column("RUN", spare=3),
    Column(""),
)
_YES = yes_option()


@click.group(help="List, fetch, verify, choose and delete the checkpoints of a job.")
def command() -> None:
    pass


@command.command(
    short_help="List checkpoints, and which one the next start uses.",
    help="List the checkpoints of JOB and which one the next start continues from.",
)
@click.argument("job", type=JobName())
@click.pass_obj
def ls(invocation: Invocation, job: str) -> None:
    from runctl_auto.operations.checkpoint import list_checkpoints

    listed = list_checkpoints(invocation.session_of(job), job)
    invocation.console.result(listed.as_json())
    following = listed.next
    if not listed.found:
        invocation.console.line(f"Job '{job}' has no checkpoint.")
        return
    rows = [_row(each, is_next=each is following) for each in listed.found]
    invocation.console.table(_COLUMNS, rows)
    for each in listed.found:
        for problem in (*each.manifest.suspect, *each.manifest.problems) if each.manifest else ():
            invocation.console.line(f"  {each.sequence}: {problem.path} {problem.why}")
        if each.damage:
            invocation.console.line(f"  {each.sequence}: {each.damage}")


@command.command(
    help="Download a checkpoint of JOB and verify it. SEQUENCE defaults to the one that the next start "
    "continues from."
)
@click.argument("job", type=JobName())
@click.argument("sequence", required=False)
@click.option(
    "--to",
    "folder",
    type=click.Path(path_type=Path),
    help="Target folder, empty or absent; default: runs/JOB/checkpoints/SEQUENCE.",
)
@click.pass_obj
def pull(invocation: Invocation, job: str, sequence: str | None, folder: Path | None) -> None:
    from runctl_auto.operations.checkpoint import pull as pull_checkpoint

    pulled = pull_checkpoint(invocation.session_of(job), job, sequence, folder)
    invocation.console.result(pulled.as_json())
    invocation.console.line(
        f"checkpoint {pulled.sequence}: {pulled.folder} ({pulled.files} files, {pulled.bytes} bytes)"
    )


@command.command(
    short_help="Compare checkpoints in the bucket with what was saved.",
    help="Compare the content of JOB's checkpoints, or of one, with what was saved. Exits with 1 if one is "
    "damaged.",
)
@click.argument("job", type=JobName())
@click.argument("sequence", required=False)
@click.pass_obj
def verify(invocation: Invocation, job: str, sequence: str | None) -> int:
    from runctl_auto.operations.checkpoint import verify as verify_checkpoints

    verified = verify_checkpoints(invocation.session_of(job), job, sequence)
    invocation.console.result({"job": job, "checkpoints": [vars(each) for each in verified]})
    for each in verified:
        invocation.console.line(f"{each.sequence}: {each.problem or 'as it was saved'}")
    if not verified:
        invocation.console.line(f"Job '{job}' has no complete checkpoint.")
    damaged = any(each.problem for each in verified)
    return int(ExitCode.FAILURE if damaged else ExitCode.DONE)


@command.command(
    short_help="Choose the checkpoint that the next start uses.",
    help="Continue the next start of JOB from checkpoint SEQUENCE, unless a newer one is saved before. "
    "Without SEQUENCE, remove an earlier choice.",
)
@click.argument("job", type=JobName())
@click.argument("sequence", required=False)
@_YES
@click.pass_obj
def use(invocation: Invocation, job: str, sequence: str | None, yes: bool) -> None:
    from runctl_auto.operations.checkpoint_choice import use as use_checkpoint

    chosen = use_checkpoint(invocation.session_of(job), job, sequence, yes=yes)
    invocation.console.result(vars(chosen))
    if chosen.sequence is None:
        invocation.console.line("The next start continues from the newest checkpoint.")
    else:
        invocation.console.line(
            f"The next start continues from checkpoint {chosen.sequence}: `runctl up --rerun JOB.yaml`."
        )


@command.command(help="Delete checkpoint SEQUENCE of JOB.")
@click.argument("job", type=JobName())
@click.argument("sequence")
@_YES
@click.pass_obj
def rm(invocation: Invocation, job: str, sequence: str, yes: bool) -> None:
    from runctl_auto.operations.checkpoint_choice import remove

    removed = remove(invocation.session_of(job), job, sequence, yes=yes)
    invocation.console.result(vars(removed))
    invocation.console.line(f"deleted: checkpoint {removed.sequence} ({removed.objects} objects)")


@command.command(
    short_help="Delete all checkpoints but the newest.",
    help="Delete all checkpoints of JOB but the newest complete ones, and the one that the next start "
    "continues from.",
)
@click.argument("job", type=JobName())
@click.option(
    "--keep", type=click.IntRange(min=1), default=1, show_default=True, help="How many of the newest stay."
)
@_YES
@click.pass_obj
def prune(invocation: Invocation, job: str, keep: int, yes: bool) -> None:
    from runctl_auto.operations.checkpoint_prune import prune as prune_checkpoints

    pruned = prune_checkpoints(invocation.session_of(job), job, keep, yes=yes)
    invocation.console.result({**vars(pruned), "sequences": list(pruned.sequences)})
    if not pruned.sequences:
        invocation.console.line(f"Job '{job}' has no more checkpoints than those.")
        return
    invocation.console.line(
        f"deleted: {len(pruned.sequences)} checkpoints ({pruned.objects} objects, {pruned.bytes} bytes)"
    )


def _row(checkpoint: SavedCheckpoint, *, is_next: bool) -> tuple[str, ...]:
    from runctl_auto.operations.checkpoint import state_of
    from runctl_auto.reports.figures import moment

    manifest = checkpoint.manifest
    return (
        checkpoint.sequence,
        state_of(checkpoint),
        moment(manifest.saved_at) if manifest else "",
        str(len(manifest.files)) if manifest else "",
        str(manifest.total_bytes) if manifest else "",
        (manifest.run or "") if manifest else "",
        "next" if is_next else "",
    )
