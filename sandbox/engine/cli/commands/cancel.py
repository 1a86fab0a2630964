"""`pulumi cancel`"""

from __future__ import annotations

from sandbox.engine.backend.errors import StackNotFoundError
from sandbox.engine.cli.errors import CommandError, ExitCode, UsageError
from sandbox.engine.cli.session import Session


def run(session: Session) -> None:
    """Removes all locks of a stack. It stops nobody: see first that their holder is dead."""
    if session.arguments and session.flags.text("stack"):
        raise UsageError("only one of --stack or argument stack name may be specified, not both")
    reference = session.existing(session.arguments[0]) if session.arguments else session.require_stack()
    if not session.backend.checkpoints.exists(reference):
        raise StackNotFoundError(reference.name)
    shown = session.shown(reference)
    if not session.flags.on("yes"):
        if not session.interactive:
            raise CommandError(
                "--yes must be passed in to proceed when running in non-interactive mode",
                ExitCode.BAD_CONFIGURATION,
            )
        session.confirm(
            f"This will irreversibly cancel the currently running update for '{shown}'!\n"
            f"Please confirm that this is what you'd like to do by typing `{shown}`:",
            shown,
        )
    session.backend.locks.release_all(reference)
    session.print(f"The currently running update for '{shown}' has been canceled!")
