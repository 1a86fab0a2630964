"""Keeps the host's session agent running, as the system's service of amazon-ssm-agent does."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from sandbox.hosts.guest.machine import Machine

UNIT = "amazon-ssm-agent.service"
_PAUSE_SECONDS = 2.0


async def keep_session_agent(machine: Machine) -> None:
    """Start the agent, and again when it ends; does not return."""
    program = Path(__file__).with_name("session_agent.py")
    arguments = [str(machine.programs / "python3"), "-I", "-S", str(program)]
    while True:
        journal = os.open(machine.journal_of(UNIT), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            child = machine.children.start(
                arguments,
                machine.environment,
                cwd=str(machine.layout.root),
                stdout=journal,
                stderr=journal,
            )
        except OSError as error:
            machine.console.say(f"{UNIT}: {error}")
            return
        finally:
            os.close(journal)
        await child.ended
        await asyncio.sleep(_PAUSE_SECONDS)
