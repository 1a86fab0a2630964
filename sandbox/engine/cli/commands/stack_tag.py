"""`pulumi stack tag`"""

from __future__ import annotations

from sandbox.engine.cli.errors import CommandError
from sandbox.engine.cli.session import Session
from sandbox.engine.cli.table import table
from sandbox.engine.json_text import indented


def get(session: Session) -> None:
    """Prints one tag."""
    reference = session.require_stack()
    tags = session.backend.tags.load(reference)
    name = session.arguments[0]
    if name not in tags:
        raise CommandError(f"stack tag '{name}' not found for stack '{session.shown(reference)}'")
    session.print(tags[name])


def list_tags(session: Session) -> None:
    """Lists the tags."""
    tags = session.backend.tags.load(session.require_stack())
    if session.flags.on("json"):
        session.print(indented(dict(sorted(tags.items()))))
    else:
        session.print(table(("NAME", "VALUE"), sorted(tags.items())), end="")


def set_tag(session: Session) -> None:
    """Sets a tag."""
    reference = session.require_stack()
    name, value = session.arguments
    session.backend.tags.save(reference, {**session.backend.tags.load(reference), name: value})


def remove(session: Session) -> None:
    """Removes a tag; one that is not there is no error."""
    reference = session.require_stack()
    tags = session.backend.tags.load(reference)
    tags.pop(session.arguments[0], None)
    session.backend.tags.save(reference, tags)
