"""`pulumi refresh`"""

from __future__ import annotations

from sandbox.engine.cli.session import Session
from sandbox.engine.cli.stack_operation import refuse_changes, run_operation_command
from sandbox.engine.deploy.request import OperationKind


def run(session: Session) -> None:
    """Takes what the resources are now into the state."""
    outcome = run_operation_command(session, OperationKind.REFRESH)
    refuse_changes(session, outcome, "refresh")
