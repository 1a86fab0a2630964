"""Options and arguments of commands about volumes and snapshots."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from runctl_auto.cli.option_group import CommandT, option_group
from runctl_auto.cli.shared_options import yes_option

if TYPE_CHECKING:
    from runctl_auto.operations.volume_create import NewVolume

YES = yes_option()
PROTECT = click.option("--protect", is_flag=True, help="Protect it from deletion.")
TAGS = click.option(
    "--tag", "tags", multiple=True, metavar="KEY=VALUE", help="A tag of your own. Repeatable."
)


INITIALIZATION_RATE = click.option(
    "--initialization-rate",
    type=click.IntRange(100, 300),
    metavar="MIB/S",
    help="Load the snapshot's blocks at 100 to 300 MiB/s, which AWS charges for.",
)
_OF_A_VOLUME = ("size", "zone", "region", "snapshot", "initialization_rate", "protect", "tags")


def taken_as_new_volume(*more: str) -> Callable[[CommandT], CommandT]:
    """Below the options and arguments of a new volume, and ``more`` of them: the command gets them as one
    ``NewVolume``, called ``asked``.
    """
    return option_group("asked", (), _new_volume, (*_OF_A_VOLUME, *more))


def _new_volume(*, size: int | None, tags: tuple[str, ...], **more: Any) -> NewVolume:
    from runctl_auto.operations.volume_create import NewVolume

    return NewVolume(size_gb=size, tags=tags_of(tags), **more)


def tags_of(given: tuple[str, ...]) -> dict[str, str]:
    """The tags ``KEY=VALUE``, as a job file may have them."""
    from pydantic import TypeAdapter, ValidationError

    from runctl_auto.job_file.field_types import TagKey, TagValue

    pairs = dict(text.partition("=")[::2] for text in given)
    try:
        return TypeAdapter(dict[TagKey, TagValue]).validate_python(pairs)
    except ValidationError as error:
        raise click.BadParameter(f"--tag: {error.errors()[0]['msg']}") from error
