"""``runctl snapshot``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from runctl_auto.cli.invocation import Invocation
from runctl_auto.cli.job_names import StorageName
from runctl_auto.cli.quantity_types import Size
from runctl_auto.cli.storage_options import (
    INITIALIZATION_RATE,
    PROTECT,
    TAGS,
    YES,
    tags_of,
    taken_as_new_volume,
)
from runctl_auto.cli.storage_removal import removal

if TYPE_CHECKING:
    from runctl_auto.operations.volume_create import NewVolume

_NAME = StorageName("snapshot")


@click.group(help="Take, list, copy, restore and delete snapshots of volumes.")
def command() -> None:
    pass


@command.command(
    short_help="Take a snapshot of a volume.",
    help="Take the snapshot NAME of VOLUME: the name of a volume, JOB/VOLUME for a job's, or an id "
    "(vol-...).",
)
@click.argument("name")
@click.argument("volume", type=StorageName("volume"))
@click.option("--region", help="The region of a volume that is named by its id.")
@PROTECT
@TAGS
@YES
@click.pass_obj
def create(
    invocation: Invocation,
    /,
    name: str,
    volume: str,
    *,
    region: str | None,
    protect: bool,
    tags: tuple[str, ...],
    yes: bool,
) -> None:
    from runctl_auto.cli.views.storage import show_result
    from runctl_auto.operations.snapshot_create import create_snapshot

    result = create_snapshot(
        invocation.session(), name, volume, region=region, protect=protect, tags=tags_of(tags), yes=yes
    )
    show_result(invocation, result, "taken")


@command.command(help="List the snapshots and what they cost a month at most.")
@click.pass_obj
def ls(invocation: Invocation) -> None:
    from runctl_auto.cli.views.storage import show_snapshots
    from runctl_auto.jobs.storage.listing import list_storage

    found = list_storage(invocation.session(), ("snapshot",))
    invocation.console.result({"snapshots": [each.as_json() for each in found]})
    show_snapshots(invocation, found)


@command.command(
    help="Copy SNAPSHOT (a name or an id) to another region, encrypted. The copy is called NAME, by default "
    "SNAPSHOT-REGION."
)
@click.argument("snapshot", type=_NAME)
@click.argument("name", required=False)
@click.option("--region", required=True, help="The region of the copy.")
@click.option("--from-region", help="The region of a snapshot that is named by its id.")
@PROTECT
@TAGS
@YES
@click.pass_obj
def copy(
    invocation: Invocation,
    /,
    snapshot: str,
    name: str | None,
    *,
    region: str,
    from_region: str | None,
    protect: bool,
    tags: tuple[str, ...],
    yes: bool,
) -> None:
    from runctl_auto.cli.views.storage import show_result
    from runctl_auto.operations.snapshot_create import copy_snapshot

    result = copy_snapshot(
        invocation.session(),
        snapshot,
        name,
        region=region,
        source_region=from_region,
        protect=protect,
        tags=tags_of(tags),
        yes=yes,
    )
    show_result(invocation, result, "copied")


@command.command(
    short_help="Create a volume from a snapshot.",
    help="Create the volume VOLUME from SNAPSHOT (a name or an id), in a zone of its region.",
)
@click.argument("snapshot", type=_NAME)
@click.argument("volume")
@click.option("--size", type=Size(), help="Its size; by default that of the snapshot.")
@click.option("--zone", help="Its zone; by default the first one of the snapshot's region.")
@click.option("--region", help="The region of a snapshot that is named by its id.")
@INITIALIZATION_RATE
@PROTECT
@TAGS
@YES
@taken_as_new_volume()
@click.pass_obj
def restore(invocation: Invocation, volume: str, asked: NewVolume, yes: bool) -> None:
    from runctl_auto.cli.views.storage import show_result
    from runctl_auto.operations.volume_create import create_volume

    show_result(invocation, create_volume(invocation.session(), volume, asked, yes=yes), "restored")


command.add_command(removal("snapshot", text="Delete the snapshot NAME, and verify that nothing is left."))
