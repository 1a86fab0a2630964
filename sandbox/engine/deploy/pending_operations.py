"""Operations that an earlier run left unfinished."""

from __future__ import annotations

from dataclasses import replace

from sandbox.engine.deploy.request import Options
from sandbox.engine.model import PendingKind, PendingOperation, Snapshot


def pending_warning(operations: list[PendingOperation]) -> str:
    """What to tell people about unfinished operations."""
    listed = "".join(
        f"  * {operation.resource.urn}, interrupted while {operation.kind.value}\n"
        for operation in operations
    )
    return (
        f"Attempting to deploy or update resources with {len(operations)} pending operations from "
        f"previous deployment.\n{listed}"
        "These resources are in an unknown state because the Pulumi CLI was interrupted while "
        "waiting for changes to these resources to complete. You should confirm whether or not the "
        "operations listed completed successfully by checking the state of the appropriate provider. "
        "For example, if you are using AWS, you can confirm using the AWS Console.\n"
        "\n"
        "Once you have confirmed the status of the interrupted operations, you can repair your stack "
        "using `pulumi refresh` which will refresh the state from the provider you are using and "
        "clear the pending operations if there are any.\n"
        "\n"
        "Note that `pulumi refresh` will need to be run interactively to clear pending CREATE operations."
    )


def with_pending_creates_settled(snapshot: Snapshot, options: Options) -> Snapshot:
    """The snapshot with pending creates forgotten or turned into resources, as the options ask."""
    imported = options.import_pending_creates
    if not options.clear_pending_creates and not imported:
        return snapshot
    resources, pending = list(snapshot.resources), []
    for operation in snapshot.pending_operations:
        if operation.kind is not PendingKind.CREATING:
            pending.append(operation)
        elif operation.resource.urn in imported:
            resources.append(operation.resource.copy(id=imported[operation.resource.urn]))
        elif not options.clear_pending_creates:
            pending.append(operation)
    return replace(snapshot, resources=resources, pending_operations=pending)
