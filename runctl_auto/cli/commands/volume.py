"""``runctl volume``."""

from __future__ import annotations

from pathlib import Path
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
    taken_as_new_volume,
)
from runctl_auto.cli.storage_removal import removal

if TYPE_CHECKING:
    from runctl_auto.operations.volume_create import NewVolume

_NAME = StorageName("volume")


@click.group(help="Create, list, attach, resize and delete volumes that do not belong to a job.")
def command() -> None:
    pass


@command.command(
    short_help="Create a volume.",
    help="Create the volume NAME: an encrypted gp3 volume with a stack of its own.",
)
@click.argument("name")
@click.option("--size", type=Size(), help="Its size, such as 100GB; by default that of the snapshot.")
@click.option("--zone", help="Its zone, such as us-east-1a; by default the first one of the region.")
@click.option("--region", help="Its region; by default that of the zone, of the snapshot, or your own.")
@click.option("--snapshot", metavar="NAME|ID", help="A snapshot that it begins with.")
@INITIALIZATION_RATE
@click.option("--iops", type=click.IntRange(3000, 80000), help="Operations a second; 3000 are included.")
@click.option("--throughput", type=click.IntRange(125, 2000), help="MiB/s; 125 are included.")
@PROTECT
@TAGS
@YES
@taken_as_new_volume("iops", "throughput")
@click.pass_obj
def create(invocation: Invocation, name: str, asked: NewVolume, yes: bool) -> None:
    from runctl_auto.cli.views.storage import show_result
    from runctl_auto.operations.volume_create import create_volume

    show_result(invocation, create_volume(invocation.session(), name, asked, yes=yes), "created")


@command.command(help="List the volumes, what uses them and what they cost a month.")
@click.pass_obj
def ls(invocation: Invocation) -> None:
    from runctl_auto.cli.views.storage import show_volumes
    from runctl_auto.jobs.storage.listing import list_storage

    found = list_storage(invocation.session(), ("volume",), ask_cloud=True)
    invocation.console.result({"volumes": [each.as_json() for each in found]})
    show_volumes(invocation, found)


@command.command(
    short_help="Add a volume to a job file.",
    help="Add the volume NAME to the job file JOB_FILE: the machine that `runctl up` starts next mounts it.",
)
@click.argument("name", type=_NAME)
@click.argument("job_file", type=click.Path(path_type=Path))
@click.option("--mount", required=True, metavar="PATH", help="Where the machine mounts it, such as /data.")
@click.option("--as", "called", metavar="ENTRY", help="The name of the entry; by default that of the volume.")
@YES
@click.pass_obj
def attach(
    invocation: Invocation, /, name: str, *, job_file: Path, mount: str, called: str | None, yes: bool
) -> None:
    from runctl_auto.operations.volume_attach import attach_volume

    done = attach_volume(invocation.session(), name, job_file, mount=mount, called=called, yes=yes)
    invocation.console.result(done.as_json())
    if not done.changed:
        invocation.console.line(f"{job_file} has volume '{name}' already.")
        return
    invocation.console.line(
        f"The next machine of job '{done.job}' mounts volume '{name}': `runctl up {job_file}` starts it, in "
        "place of one that runs."
    )


@command.command(
    short_help="Detach a volume, or take it out of a job file.",
    help="Detach the volume NAME from the machine that holds it, unless a run uses it; with JOB_FILE, take "
    "it out of the file.",
)
@click.argument("name", type=_NAME)
@click.argument("job_file", type=click.Path(path_type=Path), required=False)
@YES
@click.pass_obj
def detach(invocation: Invocation, name: str, job_file: Path | None, yes: bool) -> None:
    from runctl_auto.operations.volume_attach import detach_from_file
    from runctl_auto.operations.volume_detach import detach_volume

    if job_file is not None:
        done = detach_from_file(invocation.session(), name, job_file, yes=yes)
        invocation.console.result({"name": name, "id": None, "machines": [], "file": str(job_file)})
        left = "is out of" if done.changed else "is not in"
        invocation.console.line(f"Volume '{name}' {left} {job_file}.")
        return
    detached = detach_volume(invocation.session(), name, yes=yes)
    invocation.console.result({**vars(detached), "machines": list(detached.machines), "file": None})
    machines = ", ".join(detached.machines)
    told = f"is detached from {machines}" if machines else "is attached to no machine"
    invocation.console.line(f"Volume '{name}' ({detached.id}) {told}.")


@command.command(
    short_help="Load all blocks of a volume that began with a snapshot.",
    help="Load all blocks of the volume NAME, which began with a snapshot: wait for AWS where it does so at "
    "a rate, else read them by a machine of the job warm-NAME.",
)
@click.argument("name", type=_NAME)
@click.option(
    "--instance-type", default="m5.large", show_default=True, help="The machine that reads the blocks."
)
@click.option("--no-wait", is_flag=True, help="Only tell how far it is.")
@YES
@click.pass_obj
def warm(invocation: Invocation, name: str, instance_type: str, no_wait: bool, yes: bool) -> None:
    from runctl_auto.operations.volume_warm import warm_volume

    warmed = warm_volume(invocation.session(), name, instance_type=instance_type, wait=not no_wait, yes=yes)
    invocation.console.result(vars(warmed))
    invocation.console.line(f"Volume '{name}': {warmed.words}.")


@command.command(help="Make the volume NAME larger. It cannot be made smaller.")
@click.argument("name", type=_NAME)
@click.argument("size", type=Size())
@YES
@click.pass_obj
def resize(invocation: Invocation, name: str, size: int, yes: bool) -> None:
    from runctl_auto.cli.views.storage import show_result
    from runctl_auto.operations.volume_resize import resize_volume

    show_result(invocation, resize_volume(invocation.session(), name, size, yes=yes), "resized")


command.add_command(
    removal("volume", text="Delete the volume NAME with all that is on it, and verify that nothing is left.")
)
