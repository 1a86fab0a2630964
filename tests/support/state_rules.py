"""The rules that every state keeps, held here without the engine's own checker."""

from __future__ import annotations

from sandbox.engine.model import Snapshot


def broken_rules(state: Snapshot) -> list[str]:
    """What is wrong with the state, in words."""
    found: list[str] = []
    before: set[str] = set()
    providers: set[str] = set()
    live: set[str] = set()
    for r in state.resources:
        wanted = {r.parent, r.deleted_with, *r.dependencies, *r.replace_with}
        wanted.update(*r.property_dependencies.values())
        found += [f"{r.urn} needs {urn}, which does not stand before it" for urn in wanted - before - {""}]
        if r.provider and r.provider not in providers and not r.pending_replacement:
            found.append(f"{r.urn} has a provider that does not stand before it: {r.provider}")
        if not r.delete and r.urn in live:
            found.append(f"two live resources {r.urn}")
        if r.delete and r.pending_replacement:
            found.append(f"{r.urn} waits for deletion and for replacement")
        if r.custom and not r.id:
            found.append(f"{r.urn} has no id")
        before.add(r.urn)
        if not r.delete:
            live.add(r.urn)
        if r.is_provider:
            providers.add(f"{r.urn}::{r.id}")
    ids = [r.id for r in state.resources if r.custom and not r.is_provider and not r.external]
    found += [f"id {identity} twice" for identity in {i for i in ids if ids.count(i) > 1}]
    return found
