"""`pulumi state protect|unprotect|delete|rename`: the state alone changes, no resource is touched."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from sandbox.engine.backend.reference import StackReference
from sandbox.engine.cli.deployment_document import (
    Document,
    live_resources,
    used_features,
)
from sandbox.engine.cli.document_urns import rewrite_urns
from sandbox.engine.cli.errors import CommandError, ExitCode
from sandbox.engine.cli.session import Session
from sandbox.engine.cli.state_deletion import DependedOnError, ProtectedError, without
from sandbox.engine.cli.urn_suggestions import resource_not_found
from sandbox.engine.json_text import compact
from sandbox.engine.times import now_text

Edit = Callable[[Document], Document]


def protect(session: Session) -> None:
    """Marks resources as protected until the next `pulumi up` says otherwise."""
    _set_protection(session, True, "protect")


def unprotect(session: Session) -> None:
    """Lets resources be deleted."""
    _set_protection(session, False, "unprotect")


def delete(session: Session) -> None:
    """Forgets resources; they stay where they are."""
    wanted, everything = list(session.arguments), session.flags.on("all")
    if wanted and everything:
        raise CommandError("cannot specify a resource URN when deleting all resources")
    if not wanted and not everything:
        raise CommandError("Must supply <resource URN> unless pulumi is run interactively", ExitCode.FAILED)

    def edit(document: Document) -> Document:
        resources = live_resources(document)
        _require(resources, wanted)
        urns = [str(r["urn"]) for r in resources] if everything else wanted
        force, dependents = session.flags.on("force"), session.flags.on("target-dependents")
        try:
            left = without(resources, urns, with_dependents=dependents, force=force or everything)
        except (DependedOnError, ProtectedError) as error:
            raise CommandError(str(error)) from error
        return {**document, "resources": left} if left else _without_key(document, "resources")

    _change(session, "delete these resources from the state", edit)
    count = f"{len(wanted)} resources" if len(wanted) > 1 else "Resources" if everything else "Resource"
    session.print(f"{count} deleted")


def rename(session: Session) -> None:
    """Gives a resource another name, in all that refers to it too."""
    old, name = session.arguments
    if not re.match(r"^urn:pulumi:[^:]*(?::[^:]+)*::.*::.*::", old):
        raise CommandError("The provided input URN is not valid")
    new = "::".join([*old.split("::", 3)[:3], name])

    def edit(document: Document) -> Document:
        resources = live_resources(document)
        _require(resources, [old])
        if sum(1 for r in resources if r["urn"] == old) > 1:
            raise CommandError("The input URN ambiguously refers to multiple resources")
        if any(r["urn"] == new for r in resources):
            raise CommandError("The chosen new urn for the state corresponds to an already existing resource")
        return rewrite_urns(document, lambda urn: new if urn == old else urn)

    _change(session, "rename this resource in the state", edit)
    session.print("Resource renamed")


def _set_protection(session: Session, value: bool, verb: str) -> None:
    wanted, everything = list(session.arguments), session.flags.on("all")
    if not wanted and not everything:
        raise CommandError("Must supply <resource URN> unless pulumi is run interactively")

    def edit(document: Document) -> Document:
        resources = live_resources(document)
        if not resources:
            raise CommandError(f"no resources found to {verb}")
        _require(resources, wanted)
        return {**document, "resources": [_protected(r, wanted, value) for r in resources]}

    _change(session, f"{verb} these resources in the state", edit)
    if everything:
        session.print(f"All resources {verb}ed")
    else:
        session.print(f"{len(wanted)} resources {verb}ed")


def _protected(resource: dict[str, Any], wanted: list[str], value: bool) -> dict[str, Any]:
    """The resource with its protection set, in its place among the fields."""
    if (wanted and resource["urn"] not in wanted) or bool(resource.get("protect")) == value:
        return resource
    if not value:
        return _without_key(resource, "protect")
    before = ("urn", "custom", "delete", "id", "type", "inputs", "outputs", "parent")
    first = {key: resource[key] for key in before if key in resource}
    return {**first, "protect": True, **{k: v for k, v in resource.items() if k not in first}}


def _require(resources: list[dict[str, Any]], wanted: list[str]) -> None:
    known = [str(resource["urn"]) for resource in resources]
    missing = [resource_not_found(urn, known) for urn in wanted if urn not in known]
    if missing:
        raise CommandError("\n".join(missing))


def _change(session: Session, what: str, edit: Edit) -> None:
    """Edits the stack's state under its lock, after asking."""
    reference = session.require_stack(may_create=True)
    if not session.flags.on("yes") and session.interactive:
        session.confirm(f"This command will {what}. Type `yes` to confirm:", "yes")
    with session.backend.locks.hold(reference):
        _save(session, reference, edit(session.backend.checkpoints.load(reference) or {}))


def _save(session: Session, reference: StackReference, document: Document) -> None:
    manifest = {**(document.get("manifest") or {}), "time": now_text()}
    changed = {**document, "manifest": manifest}
    session.backend.checkpoints.save(reference, compact(changed), used_features(changed))


def _without_key(mapping: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in mapping.items() if name != key}
