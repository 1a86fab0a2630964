"""`pulumi stack output`"""

from __future__ import annotations

import shlex
from typing import Any

from sandbox.engine.cli.deployment_document import blind, has_secret, reveal, stack_outputs
from sandbox.engine.cli.errors import CommandError, UsageError
from sandbox.engine.cli.session import Session
from sandbox.engine.cli.state_secrets import salt_of
from sandbox.engine.cli.table import table
from sandbox.engine.json_text import compact, indented


def output(session: Session) -> None:
    """Prints all outputs, or one."""
    flags = session.flags
    if flags.on("json") and flags.on("shell"):
        raise UsageError("only one of --json and --shell may be set")
    values = shown_outputs(session)
    if session.arguments:
        _one(session, values, session.arguments[0])
    elif flags.on("json"):
        session.print(indented(values))
    elif flags.on("shell"):
        for name, value in values.items():
            session.print(f"{name}={shlex.quote(text_of(value))}")
    else:
        session.print(outputs_table(values), end="")


def shown_outputs(session: Session) -> dict[str, Any]:
    """The stack's outputs in order, secrets blinded unless --show-secrets."""
    reference = session.require_stack()
    document = session.backend.checkpoints.load(reference)
    outputs = dict(sorted(stack_outputs(document).items()))
    if session.flags.on("show-secrets") and has_secret(outputs):
        secrets = session.secrets(session.settings(reference), salt_of(document))
        decrypt = secrets.decrypter_of((document or {}).get("secrets_providers"))
        return {name: reveal(value, decrypt) for name, value in outputs.items()}
    return {name: blind(value) for name, value in outputs.items()}


def outputs_table(values: dict[str, Any]) -> str:
    """The outputs as people see them."""
    head = f"Current stack outputs ({len(values)}):\n"
    if not values:
        return f"{head}    No output values currently in this stack\n"
    rows = [(name, text_of(value)) for name, value in values.items()]
    return head + table(("OUTPUT", "VALUE"), rows, indent="    ")


def text_of(value: Any) -> str:
    """A value on one line: texts as they are, all else as JSON."""
    return value if isinstance(value, str) else compact(value)


def _one(session: Session, values: dict[str, Any], name: str) -> None:
    if name not in values:
        raise CommandError(f"current stack does not have output property '{name}'")
    if session.flags.on("json"):
        session.print(indented(values[name]))
    elif session.flags.on("shell"):
        session.print(f"{name}={shlex.quote(text_of(values[name]))}")
    else:
        session.print(text_of(values[name]))
