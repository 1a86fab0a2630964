"""`pulumi help`"""

from __future__ import annotations

from sandbox.engine.cli.command import parse
from sandbox.engine.cli.help import help_text
from sandbox.engine.cli.session import Session
from sandbox.engine.cli.tree import ROOT


def run(session: Session) -> None:
    """Prints the help of the command that the arguments name."""
    session.print(help_text(parse(ROOT, [*session.arguments, "--help"]).path), end="")
