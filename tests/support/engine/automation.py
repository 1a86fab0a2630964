"""A toy stack driven through Pulumi's Automation API, as the driver runs a job's."""

from __future__ import annotations

from functools import cache

from pulumi import automation
from support.engine.toy_stack import STACK, Program, ToyStack


@cache
def _command(root: str) -> automation.PulumiCommand:
    return automation.PulumiCommand(root=root)


def workspace(stack: ToyStack, program: Program | None = None) -> automation.LocalWorkspace:
    """The workspace of the stack's project."""
    return automation.LocalWorkspace(
        work_dir=str(stack.folder),
        env_vars=stack.variables,
        secrets_provider="passphrase",
        pulumi_command=_command(str(stack.engine)),
        program=program,
    )


def selected(stack: ToyStack, program: Program | None = None) -> automation.Stack:
    """The stack with an inline program."""
    return automation.Stack.select(STACK, workspace(stack, program))
