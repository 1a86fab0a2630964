"""Pulumi's Automation API without the starts of the engine that runctl has no use for.

The Automation API's own classes start it once more for its version, and after each operation once to three
times more for outputs and history. The version is known of an executable that has not changed, and what an
operation did is in its events.
"""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

from pulumi import automation
from pulumi.automation._stack import StackInitMode
from semver import VersionInfo

from runctl_auto.engine.install.place import executable

_NEVER = datetime.fromtimestamp(0, timezone.utc)


class KnownCommand(automation.PulumiCommand):
    """The engine ``root/bin/pulumi``, whose version is known. Starts nothing.

    Raises ValueError for a text that is no version.
    """

    def __init__(self, root: Path, version: str) -> None:
        self.command = str(executable(root))
        self.version = VersionInfo.parse(version.removeprefix("v"))


class LeanStack(automation.Stack):
    """A stack whose operations have no outputs and a summary that says nothing."""

    def outputs(self) -> automation.OutputMap:
        """Nothing: ``LocalWorkspace.stack_outputs`` asks the engine."""
        return {}

    def info(self, show_secrets: bool = True) -> automation.UpdateSummary:
        """Says nothing: the history is not read."""
        del show_secrets
        return automation.UpdateSummary(
            kind="", start_time=_NEVER, message="", environment={}, config={}, result=""
        )

    @classmethod
    def known(cls, stack_name: str, workspace: automation.Workspace) -> LeanStack:
        """A stack that is there. Starts nothing: each operation names its stack, whichever is selected."""
        stack = cls.__new__(cls)
        stack.name, stack.workspace, stack._mode = stack_name, workspace, StackInitMode.SELECT
        return stack

    @classmethod
    def select(cls, stack_name: str, workspace: automation.Workspace) -> LeanStack:
        """As the Automation API's own."""
        return cls(stack_name, workspace, StackInitMode.SELECT)

    @classmethod
    def create(cls, stack_name: str, workspace: automation.Workspace) -> LeanStack:
        """As the Automation API's own."""
        return cls(stack_name, workspace, StackInitMode.CREATE)
