"""`pulumi preview`"""

from __future__ import annotations

from sandbox.engine.cli.plan_file import write_plan
from sandbox.engine.cli.session import Session
from sandbox.engine.cli.stack_operation import plan, refuse_changes
from sandbox.engine.deploy.request import OperationKind


def run(session: Session) -> None:
    """Shows what `pulumi up` would do."""
    outcome = plan(session, session.require_stack(may_create=True), OperationKind.PREVIEW)
    refuse_changes(session, outcome, "preview")
    path = session.flags.text("save-plan")
    if path and outcome.plan:
        write_plan(path, outcome.plan, outcome.state)
        if not session.flags.on("json"):
            session.write_error(
                f"Update plan written to '{path}'\n"
                f"Run `pulumi up --plan='{path}'` to constrain the update to the operations planned by this "
                "preview\n"
            )
