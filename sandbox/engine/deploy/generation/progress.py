"""What step generation has decided so far, by URN."""

from __future__ import annotations

from dataclasses import dataclass, field

from sandbox.engine.deploy.steps.base import Step
from sandbox.engine.deploy.targets import Targets
from sandbox.engine.model import Resource


@dataclass
class Progress:
    """Decisions of one operation. Used from one thread."""

    targets: Targets
    excludes: Targets
    seen: set[str] = field(default_factory=set)
    reads: set[str] = field(default_factory=set)
    creates: set[str] = field(default_factory=set)
    imports: set[str] = field(default_factory=set)
    replaces: set[str] = field(default_factory=set)
    updates: set[str] = field(default_factory=set)
    deletes: set[str] = field(default_factory=set)
    sames: set[str] = field(default_factory=set)
    refreshes: set[str] = field(default_factory=set)
    skipped_creates: set[str] = field(default_factory=set)
    """Resources that are not made because the operation leaves them out."""
    pending_deletes: set[int] = field(default_factory=set)
    """Identities of old resources whose deletion before a replacement is decided."""
    dependent_replace_keys: dict[str, tuple[str, ...]] = field(default_factory=dict)
    aliased: dict[str, str] = field(default_factory=dict)
    """Former URN to the URN that took its place."""
    aliases: dict[str, str] = field(default_factory=dict)
    """URN to the former URN that it was found by."""
    providers: dict[str, Resource] = field(default_factory=dict)
    to_delete: list[Resource] = field(default_factory=list)
    """Resources that a destroy registers by running the program, to be deleted at its end."""
    refreshed: dict[int, Resource] = field(default_factory=dict)
    """Identity of an old resource to what a refresh within the operation made of it."""
    carried_over: list[Step] = field(default_factory=list)
    """Steps for resources that the operation leaves out but something in it depends on."""
    carried_over_urns: set[str] = field(default_factory=set)
    failed: bool = False
    """Whether an error was reported after which a preview goes on."""

    def has_step(self, urn: str) -> bool:
        """Whether a step was made for the URN."""
        return any(
            urn in urns
            for urns in (self.creates, self.sames, self.updates, self.deletes, self.replaces, self.reads)
        )

    def operated_on(self, urn: str) -> bool:
        """Whether the resource, or the one that took its place, is accounted for, so that its absence from
        the program is no reason to delete it."""
        urn = self.aliased.get(urn, urn)
        return any(
            urn in urns for urns in (self.sames, self.updates, self.replaces, self.reads, self.refreshes)
        )

    def decided(self) -> set[str]:
        """URNs of resources that were registered or deleted already."""
        return self.reads | self.creates | self.sames | self.updates | self.deletes | self.replaces
