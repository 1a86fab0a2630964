"""`pulumi stack ls`"""

from __future__ import annotations

from sandbox.engine.backend.errors import StackNotFoundError
from sandbox.engine.backend.filestate import StackSummary
from sandbox.engine.backend.reference import ORGANIZATION, StackReference
from sandbox.engine.cli.errors import CommandError, UsageError
from sandbox.engine.cli.relative_time import ago, milliseconds, parse_time
from sandbox.engine.cli.session import Session
from sandbox.engine.cli.table import table
from sandbox.engine.json_text import indented
from sandbox.engine.settings.project import ProjectNotFoundError


def list_stacks(session: Session) -> None:
    """Lists the stacks of the project, or of those that the flags name."""
    references = _references(session)
    current = session.selected if session.project_if_any is not None else None
    summaries = []
    for reference in references:
        try:
            summaries.append(session.backend.summary(reference))
        except StackNotFoundError:
            continue  # removed meanwhile
    summaries.sort(key=lambda summary: session.shown(summary.reference))
    if session.flags.on("json"):
        session.print(indented([_json(session, s, current) for s in summaries]))
        return
    rows = [_row(session, summary, current) for summary in summaries]
    session.print(table(("NAME", "LAST UPDATE", "RESOURCE COUNT"), rows), end="")


def _references(session: Session) -> list[StackReference]:
    flags = session.flags
    if flags.on("all") and flags.text("project"):
        raise UsageError("only one of --all and --project can be given")
    project: str | None = None
    if flags.text("project"):
        project = flags.text("project")
    elif not flags.on("all"):
        try:
            project = session.project.name
        except ProjectNotFoundError as error:
            raise CommandError(f"could not detect current project: {error}") from error
    if flags.text("organization") not in ("", ORGANIZATION):
        return []
    references = session.backend.list(project)
    wanted = flags.text("tag")
    return [reference for reference in references if not wanted or _has_tag(session, reference, wanted)]


def _has_tag(session: Session, reference: StackReference, wanted: str) -> bool:
    name, equals, value = wanted.partition("=")
    tags = session.backend.tags.load(reference)
    return name in tags and (not equals or tags[name] == value)


def _json(session: Session, summary: StackSummary, current: StackReference | None) -> dict[str, object]:
    out: dict[str, object] = {
        "name": session.shown(summary.reference),
        "current": summary.reference == current,
    }
    if summary.last_update is not None:
        out["lastUpdate"] = milliseconds(summary.last_update)
    if summary.resource_count is not None:
        out["resourceCount"] = summary.resource_count
    return out


def _row(session: Session, summary: StackSummary, current: StackReference | None) -> tuple[str, str, str]:
    mark = "*" if summary.reference == current else ""
    updated = ago(parse_time(summary.last_update)) if summary.last_update is not None else "n/a"
    count = str(summary.resource_count) if summary.resource_count is not None else "n/a"
    return f"{session.shown(summary.reference)}{mark}", updated, count
