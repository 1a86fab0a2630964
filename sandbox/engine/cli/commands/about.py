"""`pulumi about`"""

from __future__ import annotations

import getpass
import platform
import socket
import sys
from typing import Any

from sandbox.engine.cli.errors import CommandError
from sandbox.engine.cli.session import Session
from sandbox.engine.cli.table import table
from sandbox.engine.json_text import indented
from sandbox.engine.model import ENGINE_VERSION
from sandbox.engine.settings.project import ProjectNotFoundError


def run(session: Session) -> None:
    """Prints version, host, backend and project."""
    facts = _facts(session)
    if session.flags.on("json"):
        session.print(indented(facts))
        return
    cli, host, backend = facts["cliAbout"], facts["host"], facts["backend"]
    session.print("CLI")
    session.print(table((), [("Version", cli["version"]), ("Python", cli["pythonVersion"])]), end="")
    session.print("\nHost")
    session.print(table(("OS", "Version", "Arch"), [(host["os"], host["version"], host["arch"])]), end="")
    if backend:
        session.print("\nBackend")
        rows = [("Name", backend["name"]), ("URL", backend["url"]), ("User", backend["user"])]
        session.print(table((), rows), end="")
    if facts["currentStack"]:
        session.print(f"\nCurrent Stack: {facts['currentStack']['fullyQualifiedName']}")
    for error in facts["errors"]:
        session.note(f"warning: {error}")


def _facts(session: Session) -> dict[str, Any]:
    errors: list[str] = []
    facts: dict[str, Any] = {
        "plugins": None,
        "host": {"os": platform.system().lower(), "version": platform.release(), "arch": platform.machine()},
        "backend": None,
        "currentStack": None,
        "cliAbout": {"version": ENGINE_VERSION, "pythonVersion": platform.python_version()},
        "runtime": None,
        "dependencies": None,
        "errors": errors,
    }
    try:
        facts["backend"] = {
            "name": socket.gethostname(),
            "url": session.backend.url,
            "user": getpass.getuser(),
            "organizations": None,
        }
        project = session.project
        facts["runtime"] = {
            "language": project.runtime,
            "executable": sys.executable,
            "version": platform.python_version(),
        }
        selected = session.selected
        if selected is not None:
            document = session.backend.checkpoints.load(selected) or {}
            facts["currentStack"] = {
                "name": selected.name,
                "fullyQualifiedName": selected.qualified,
                "resources": [
                    {"type": resource["type"], "urn": resource["urn"]}
                    for resource in document.get("resources") or []
                ],
                "pendingOperations": len(document.get("pending_operations") or []),
            }
    except ProjectNotFoundError as error:
        errors.append(f"Failed to read project: {error}")
    except CommandError as error:
        errors.append(f"Failed to get information about the backend: {error}")
    return facts
