"""Resources as programs want them, before anything was asked of a provider."""

from __future__ import annotations

from sandbox.engine.deploy.goal import Goal, Reading
from sandbox.engine.model import Resource
from sandbox.engine.properties import without_outputs


def resource_to_read(urn: str, reading: Reading, alias: str) -> Resource:
    """A resource that is only read, and is not the stack's own."""
    goal = reading.goal
    return Resource(
        urn=urn,
        type=goal.type,
        custom=True,
        id=reading.identity,
        inputs=goal.properties,
        parent=goal.parent,
        external=True,
        dependencies=list(goal.dependencies),
        provider=goal.provider,
        additional_secret_outputs=list(goal.additional_secret_outputs),
        aliases=[alias] if alias else [],
        source_position=goal.source_position,
        stack_trace=list(goal.stack_trace),
    )


def resource_to_register(urn: str, goal: Goal, old: Resource | None, alias: str) -> Resource:
    """The resource that a program registers; times are those of the old one."""
    return Resource(
        urn=urn,
        type=goal.type,
        custom=goal.custom,
        inputs=without_outputs(goal.properties),
        parent=goal.parent,
        protect=bool(goal.protect),
        dependencies=list(goal.dependencies),
        provider=goal.provider,
        property_dependencies=goal.property_dependencies,
        additional_secret_outputs=list(goal.additional_secret_outputs),
        aliases=[alias] if alias else [],
        custom_timeouts=goal.custom_timeouts,
        import_id=goal.import_id,
        retain_on_delete=bool(goal.retain_on_delete),
        deleted_with=goal.deleted_with,
        replace_with=list(goal.replace_with),
        created=old.created if old is not None else None,
        modified=old.modified if old is not None else None,
        source_position=goal.source_position,
        stack_trace=list(goal.stack_trace),
        ignore_changes=list(goal.ignore_changes),
        hide_diff=list(goal.hide_diff),
        replace_on_changes=list(goal.replace_on_changes),
        replacement_trigger=without_outputs(goal.replacement_trigger),
        refresh_before_update=old.refresh_before_update if old is not None else False,
    )
