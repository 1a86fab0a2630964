"""`pulumi preview`"""

from __future__ import annotations

from sandbox.engine.cli.session import Session
from sandbox.engine.cli.stack_operation import plan, refuse_changes
from sandbox.engine.deploy.request import OperationKind


def run(session: Session) -> None:
    """Shows what `pulumi up` would do."""
    outcome = plan(session, session.require_stack(may_create=True), OperationKind.PREVIEW)
    refuse_changes(session, outcome, "preview")
