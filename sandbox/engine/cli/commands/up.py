"""`pulumi up`"""

from __future__ import annotations

from sandbox.engine.cli.errors import UnsupportedError
from sandbox.engine.cli.session import Session
from sandbox.engine.cli.stack_operation import refuse_changes, run_operation_command
from sandbox.engine.deploy.request import OperationKind


def run(session: Session) -> None:
    """Brings the stack to what its program says."""
    if session.arguments:
        raise UnsupportedError("`pulumi up` with a template", "run it in the folder of a project")
    outcome = run_operation_command(session, OperationKind.UPDATE)
    refuse_changes(session, outcome, "update")
