"""`pulumi destroy`"""

from __future__ import annotations

from typing import Any

from sandbox.engine.cli.commands.stack_life import remove_stack
from sandbox.engine.cli.deployment_document import live_resources
from sandbox.engine.cli.session import Session
from sandbox.engine.cli.stack_operation import Outcome, run_operation_command
from sandbox.engine.deploy.request import OperationKind


def run(session: Session) -> None:
    """Deletes the stack's resources, and with --remove the stack when nothing is left."""
    flags = session.flags
    kept = _kept(session) if flags.on("exclude-protected") else 0
    if kept and kept == len(_resources(session)):
        _tell(
            session,
            f"There were no unprotected resources to destroy. There are still {kept} protected resources "
            "associated with this stack.",
        )
        return
    outcome = run_operation_command(session, OperationKind.DESTROY)
    if kept:
        _tell(
            session,
            f"All unprotected resources were destroyed. There are still {kept} protected resources "
            "associated with this stack.",
        )
    elif not flags.texts("target"):
        _end(session, outcome)


def _resources(session: Session) -> list[dict[str, Any]]:
    reference = session.require_stack(may_create=True)
    return live_resources(session.backend.checkpoints.load(reference))


def _kept(session: Session) -> int:
    """How many resources protection keeps: the protected ones and all that they stand on."""
    resources = _resources(session)
    by_urn = {str(resource["urn"]): resource for resource in resources}
    kept: set[str] = set()
    waiting = [urn for urn, resource in by_urn.items() if resource.get("protect")]
    while waiting:
        urn = waiting.pop()
        if urn in kept or urn not in by_urn:
            continue
        kept.add(urn)
        resource = by_urn[urn]
        waiting += resource.get("dependencies") or []
        waiting += [resource.get("parent") or "", str(resource.get("provider") or "").rpartition("::")[0]]
    return sum(1 for resource in resources if resource["urn"] in kept)


def _tell(session: Session, text: str) -> None:
    if not session.flags.on("json"):
        session.print(text)


def _end(session: Session, outcome: Outcome) -> None:
    if session.flags.on("preview-only"):
        return
    shown = session.shown(outcome.state.reference)
    if session.flags.on("remove"):
        remove_stack(session, outcome.state.reference, force=False, keep_settings=False)
        _tell(
            session,
            "The resources in the stack have been deleted, and the history and configuration removed.",
        )
        return
    _tell(
        session,
        "The resources in the stack have been deleted, but the history and configuration associated with the "
        "stack are still maintained. \nIf you want to remove the stack completely, run "
        f"`pulumi stack rm {shown}`.",
    )
