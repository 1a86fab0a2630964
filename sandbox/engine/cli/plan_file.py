"""Plan files: what a preview proposed, to hold an update to."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from sandbox.engine.cli.errors import CommandError
from sandbox.engine.cli.stack_state import StackState
from sandbox.engine.deploy.plans.document import PlanFormatError, decode_plan, encode_plan
from sandbox.engine.deploy.plans.plan import Plan
from sandbox.engine.json_text import indented
from sandbox.engine.properties import PropertyError


def write_plan(path: str, plan: Plan, state: StackState) -> None:
    """Writes a plan with its secrets encrypted as the stack's are. Raises CommandError."""
    document = encode_plan(replace(plan, config=state.raw_config), state.secrets.encrypt)
    try:
        Path(path).write_text(indented(document, 4) + "\n", encoding="utf-8")
    except OSError as error:
        raise CommandError(f"open {path}: {(error.strerror or str(error)).lower()}") from error


def read_plan(path: str, state: StackState) -> Plan:
    """Reads a plan that was made for this stack. Raises CommandError."""
    try:
        document = json.loads(Path(path).read_text(encoding="utf-8"))
        return decode_plan(document, state.secrets.decrypt)
    except OSError as error:
        raise CommandError(f"open {path}: {(error.strerror or str(error)).lower()}") from error
    except (PlanFormatError, PropertyError, ValueError) as error:
        raise CommandError(f"the plan file {path} cannot be used: {error}") from error
