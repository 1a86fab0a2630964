"""`pulumi install`"""

from __future__ import annotations

from sandbox.engine.cli.errors import UnsupportedError
from sandbox.engine.cli.session import Session


def run(session: Session) -> None:
    """Sees that there is nothing to install: programs run in an environment that is there already, providers
    are attached or on PATH. Refuses what it would have to download."""
    project = session.project
    wants_packages = "virtualenv" in project.runtime_options or project.runtime_options.get("toolchain")
    if wants_packages and not session.flags.on("no-dependencies"):
        raise UnsupportedError(
            "installing the program's packages",
            "make its environment with its own tools, or pass --no-dependencies",
        )
    session.print("Finished installing: nothing had to be installed")
