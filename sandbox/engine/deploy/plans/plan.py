"""An update plan: for each resource what may become of it, and how."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field

from sandbox.engine.deploy.goal import Alias, Goal
from sandbox.engine.model import CustomTimeouts, Manifest, Op, Resource
from sandbox.engine.properties import PropertyMap, same


@dataclass(frozen=True)
class PropertyChanges:
    """Which properties appear, go, and get other values; unknown values stand for any."""

    adds: PropertyMap = field(default_factory=dict)
    deletes: tuple[str, ...] = ()
    updates: PropertyMap = field(default_factory=dict)

    @classmethod
    def between(cls, old: PropertyMap, new: PropertyMap) -> PropertyChanges:
        """What leads from `old` to `new`; a null is the same as nothing."""
        return cls(
            {k: v for k, v in new.items() if v is not None and old.get(k) is None},
            tuple(sorted(k for k, v in old.items() if v is not None and new.get(k) is None)),
            {
                k: v
                for k, v in new.items()
                if v is not None and old.get(k) is not None and not same(old[k], v)
            },
        )


@dataclass
class PlannedGoal:
    """A resource as the program wanted it when the plan was made."""

    type: str
    name: str
    custom: bool
    inputs: PropertyChanges = field(default_factory=PropertyChanges)
    outputs: PropertyChanges = field(default_factory=PropertyChanges)
    parent: str = ""
    protect: bool = False
    dependencies: tuple[str, ...] = ()
    provider: str = ""
    property_dependencies: Mapping[str, list[str]] = field(default_factory=dict)
    delete_before_replace: bool | None = None
    ignore_changes: tuple[str, ...] = ()
    additional_secret_outputs: tuple[str, ...] = ()
    aliases: tuple[Alias, ...] = ()
    import_id: str = ""
    timeouts: CustomTimeouts = field(default_factory=CustomTimeouts)

    @classmethod
    def of(cls, goal: Goal, inputs: PropertyChanges) -> PlannedGoal:
        """What a program asks for, with the changes of the checked inputs."""
        return cls(
            goal.type,
            goal.name,
            goal.custom,
            inputs,
            parent=goal.parent,
            protect=bool(goal.protect),
            dependencies=goal.dependencies,
            provider=goal.provider,
            property_dependencies=goal.property_dependencies,
            delete_before_replace=goal.delete_before_replace,
            ignore_changes=goal.ignore_changes,
            additional_secret_outputs=goal.additional_secret_outputs,
            aliases=goal.aliases,
            import_id=goal.import_id,
            timeouts=goal.custom_timeouts or CustomTimeouts(),
        )

    @classmethod
    def unchanged(cls, old: Resource) -> PlannedGoal:
        """What stands for a resource that the plan does not mention: it stays as it is."""
        return cls(
            old.type,
            old.name,
            old.custom,
            parent=old.parent,
            protect=old.protect,
            dependencies=tuple(old.dependencies),
            provider=old.provider,
            property_dependencies=old.property_dependencies,
            additional_secret_outputs=tuple(old.additional_secret_outputs),
            aliases=tuple(Alias(urn=urn) for urn in old.aliases),
            timeouts=old.custom_timeouts or CustomTimeouts(),
        )


@dataclass
class ResourcePlan:
    """What may become of one resource. Without `goal` it is to go."""

    goal: PlannedGoal | None = None
    ops: list[Op] = field(default_factory=list)
    outputs: PropertyMap | None = None
    seed: bytes | None = None


@dataclass
class Plan:
    """What an update may do, by URN. `config` is the stack's configuration as its settings file has it."""

    resources: dict[str, ResourcePlan] = field(default_factory=dict)
    manifest: Manifest = field(default_factory=Manifest)
    config: Mapping[str, object] = field(default_factory=dict)

    def copied(self) -> Plan:
        """A plan to use up: an operation takes the steps that it has seen out of it."""
        return copy.deepcopy(self)
