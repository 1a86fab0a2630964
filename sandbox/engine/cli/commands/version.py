"""`pulumi version`"""

from __future__ import annotations

from sandbox.engine.cli.session import Session
from sandbox.engine.model import ENGINE_VERSION


def run(session: Session) -> None:
    """Prints the version of Pulumi's engine that this one follows."""
    session.print(f"v{ENGINE_VERSION}")
