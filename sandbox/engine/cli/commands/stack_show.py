"""`pulumi stack`"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import Any

from sandbox.engine.cli.commands.stack_output import outputs_table, shown_outputs
from sandbox.engine.cli.relative_time import ago, parse_time
from sandbox.engine.cli.session import Session
from sandbox.engine.cli.table import table


def show(session: Session) -> None:
    """Shows a stack: when it was last changed, its resources as a tree, its outputs."""
    reference = session.require_stack(may_create=True)
    shown = session.shown(reference)
    if session.flags.on("show-name"):
        session.print(shown)
        return
    document = session.backend.checkpoints.load(reference) or {}
    session.print(f"Current stack is {shown}:")
    session.print(f"    Managed by {socket.gethostname()}")
    _print_times(session, document.get("manifest") or {})
    resources = document.get("resources") or []
    session.print(f"Current stack resources ({len(resources)}):")
    if resources:
        session.print(_tree_text(session, resources), end="")
        session.print()
        outputs = shown_outputs(session)
        session.print(outputs_table(outputs), end="")
    else:
        session.print("    No resources currently in this stack")
    session.print()
    session.print("Use `pulumi stack select` to change stack; `pulumi stack ls` lists known ones")


def _print_times(session: Session, manifest: Mapping[str, Any]) -> None:
    time = str(manifest.get("time") or "")
    if time and not time.startswith("0001-"):
        date, _, clock = time.removesuffix("Z").partition("T")
        session.print(f"    Last updated: {ago(parse_time(time))} ({date} {clock} +0000 UTC)")
    if manifest.get("version"):
        session.print(f"    Pulumi version used: {manifest['version']}")


def _tree_text(session: Session, resources: list[dict[str, Any]]) -> str:
    """Children below their parents; providers and strays belong to the stack's own resource."""
    urns = {str(resource["urn"]) for resource in resources}
    root = next((str(r["urn"]) for r in resources if r["type"] == "pulumi:pulumi:Stack"), "")
    children: dict[str, list[dict[str, Any]]] = {}
    for resource in sorted(resources, key=lambda resource: not resource.get("parent")):
        parent = str(resource.get("parent") or "")
        if resource["urn"] == root:
            parent = ""
        elif parent not in urns:
            parent = root
        children.setdefault(parent, []).append(resource)
    rows: list[tuple[str, str]] = []
    for top in children.get("", []):
        rows += _rows(session, top, children, "", "")
    return table(("TYPE", "NAME"), rows, indent="    ")


def _rows(
    session: Session,
    resource: dict[str, Any],
    children: dict[str, list[dict[str, Any]]],
    start: str,
    below: str,
) -> list[tuple[str, str]]:
    urn = str(resource["urn"])
    below_me = children.get(urn, [])
    rows = [(f"{start}{resource['type']}", urn.split("::", 3)[-1])]
    stem = "│  " if below_me else "   "
    if session.flags.on("show-urns"):
        rows.append((f"{below}{stem}URN: {urn}", ""))
    if session.flags.on("show-ids") and resource.get("id"):
        rows.append((f"{below}{stem}ID: {resource['id']}", ""))
    for index, child in enumerate(below_me):
        last = index == len(below_me) - 1
        rows += _rows(
            session, child, children, below + ("└─ " if last else "├─ "), below + ("   " if last else "│  ")
        )
    return rows
