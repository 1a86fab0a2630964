"""Volumes and snapshots as tables and lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from runctl_auto.cli.invocation import Invocation
from runctl_auto.cli.views.table import Column
from runctl_auto.reports.figures import moment, spent_text

if TYPE_CHECKING:
    from runctl_auto.jobs.storage.change import StorageResult
    from runctl_auto.jobs.storage.listing import ListedStorage
    from runctl_auto.operations.storage_rm import RemovalResult
    from runctl_auto.stack.kinds import StorageKind

_VOLUMES = (
    Column("VOLUME"),
    Column("ZONE", spare=1),
    Column("GB", right=True),
    Column("A MONTH", spare=2, right=True),
    Column("PROTECTED", spare=4),
    Column("USED BY", spare=3),
    Column("ATTACHED TO", spare=5),
    Column("OWNER", spare=7),
    Column("ID", spare=6),
)
_SNAPSHOTS = (
    Column("SNAPSHOT"),
    Column("REGION", spare=1),
    Column("GB", right=True),
    Column("A MONTH, AT MOST", spare=2, right=True),
    Column("PROTECTED", spare=4),
    Column("OF", spare=5),
    Column("TAKEN", spare=3),
    Column("OWNER", spare=7),
    Column("ID", spare=6),
)


def show_volumes(invocation: Invocation, found: Sequence[ListedStorage]) -> None:
    """The table of volumes, and what is wrong with each."""
    invocation.console.table(_VOLUMES, [_volume_row(each) for each in found])
    _say_problems(invocation, found)


def show_snapshots(invocation: Invocation, found: Sequence[ListedStorage]) -> None:
    """The table of snapshots, and what is wrong with each."""
    invocation.console.table(_SNAPSHOTS, [_snapshot_row(each) for each in found])
    _say_problems(invocation, found)


def show_result(invocation: Invocation, result: StorageResult, done: str) -> None:
    """A volume or snapshot after a change; ``done`` is what happened to it."""
    config = result.config
    invocation.console.result(result.as_json())
    place = getattr(config, "zone", config.region)
    what = done if result.changed else "as it is asked for already"
    invocation.console.line(
        f"{config.kind} '{config.name}' {what}: {result.id}, {config.size_gb} GB in {place}"
        f"{', protected' if config.protect else ''}."
    )


def remove_and_show(
    invocation: Invocation,
    kind: StorageKind,
    name: str,
    *,
    yes: bool,
    include_protected: bool,
    confirm: tuple[str, ...],
) -> None:
    """Runs ``rm`` and reports what became of everything. Raises ``LeakedError`` when something is left."""
    from runctl_auto.jobs.storage.stack import StorageStack
    from runctl_auto.operations.storage_rm import RemovalOptions, refuse_what_is_left, remove_storage

    session = invocation.session()
    result = remove_storage(session, kind, name, RemovalOptions(yes, include_protected, confirm))
    show_removal(invocation, result)
    refuse_what_is_left(StorageStack(session, kind, name), result.receipt)
    invocation.console.result(removal_json(result))


def show_removal(invocation: Invocation, result: RemovalResult) -> None:
    """What a removal came to."""
    from runctl_auto.stack.kinds import titled

    receipt, line = result.receipt, invocation.console.line
    for each in receipt.deleted:
        line(f"deleted: {each.name} ({each.id})")
    for kept in receipt.kept:
        line(f"kept: {kept.name} ({kept.id}): {kept.why}")
    for leak in receipt.leaked:
        line(f"left: {leak.kind} {leak.id}: {leak.remove}")
    if result.receipt_file is not None:
        line(f"receipt: {result.receipt_file}")
    if receipt.is_complete:
        line(f"Nothing {'else ' if receipt.kept else ''}of {titled(receipt.job)} is left.")


def removal_json(result: RemovalResult) -> dict[str, object]:
    return {
        **result.receipt.as_json(),
        "receipt_file": str(result.receipt_file) if result.receipt_file else None,
    }


def _volume_row(volume: ListedStorage) -> tuple[str, ...]:
    shown = volume.as_json()
    attached = volume.now.machines if volume.now is not None else ()
    return (
        volume.name,
        shown["zone"] or "-",
        str(shown["size_gb"] or "-"),
        spent_text(volume.month),
        "yes" if volume.is_protected else "-",
        ", ".join(volume.used_by) or "-",
        ", ".join(attached) or "-",
        shown["owner"] or "-",
        volume.id or "-",
    )


def _snapshot_row(snapshot: ListedStorage) -> tuple[str, ...]:
    shown = snapshot.as_json()
    return (
        snapshot.name,
        shown["region"] or "-",
        str(shown["size_gb"] or "-"),
        spent_text(snapshot.month),
        "yes" if snapshot.is_protected else "-",
        shown["origin"] or "-",
        moment(shown["created_at"]) if shown["created_at"] else "-",
        shown["owner"] or "-",
        snapshot.id or "-",
    )


def _say_problems(invocation: Invocation, found: Sequence[ListedStorage]) -> None:
    for each in found:
        if each.problem is not None:
            invocation.console.say(f"{each.kind} {each.name}: {each.problem}")
