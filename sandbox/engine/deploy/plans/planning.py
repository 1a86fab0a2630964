"""Holds an operation to a plan, and makes the plan of a preview."""

from __future__ import annotations

from collections.abc import Iterable

from sandbox.engine.deploy.failures import GenerationError
from sandbox.engine.deploy.goal import Goal
from sandbox.engine.deploy.plans.constraints import allows, changes_violation, goal_violation
from sandbox.engine.deploy.plans.plan import Plan, PlannedGoal, PropertyChanges, ResourcePlan
from sandbox.engine.deploy.steps.base import Step
from sandbox.engine.model import Op, Resource
from sandbox.engine.properties import PropertyMap


class Planning:
    """The plan that an operation keeps to, if any, and the one that it makes, if any. For one thread."""

    def __init__(self, limits: Plan | None, made: Plan | None) -> None:
        self._limits = limits.copied() if limits else None
        self._made = made

    def seed(self, urn: str) -> bytes | None:
        """The random seed that the plan has for a resource."""
        planned = self._limits.resources.get(urn) if self._limits else None
        return planned.seed if planned else None

    def registered(
        self, urn: str, goal: Goal, inputs: PropertyMap, old: Resource | None, seed: bytes, *, anew: bool
    ) -> None:
        """A resource's inputs are checked. `anew`: nothing of the old resource goes into the new one.

        Raises GenerationError when the program does not keep to the plan."""
        before = old.inputs if old is not None else {}
        if self._made:
            planned = self._made.resources.setdefault(urn, ResourcePlan())
            planned.seed = seed
            planned.goal = PlannedGoal.of(goal, PropertyChanges.between({} if anew else before, inputs))
        if self._limits is None:
            return
        limit = self._limits.resources.get(urn)
        if limit is None and old is None:
            return  # its creation is refused
        expected = limit.goal if limit else PlannedGoal.unchanged(old) if old is not None else None
        violation = goal_violation(expected, goal, before, inputs)
        if violation:
            raise GenerationError(f"resource {urn} violates plan: {violation}")

    def steps(self, steps: Iterable[Step]) -> None:
        """Steps are about to be taken. Raises GenerationError when the plan does not have them."""
        for step in steps:
            if step.op is Op.REFRESH:
                continue
            if self._limits:
                _take(self._limits, step)
            if self._made:
                self._made.resources.setdefault(step.urn, ResourcePlan()).ops.append(step.op)

    def outputs(self, urn: str, old: PropertyMap, new: PropertyMap) -> None:
        """A component or the stack registers outputs. Raises GenerationError when they are not as planned."""
        if self._limits:
            limit = self._limits.resources.get(urn)
            if limit is None or limit.goal is None:
                raise GenerationError(f"no plan for resource {urn}")
            violation = changes_violation(limit.goal.outputs, old, new)
            if violation:
                raise GenerationError(f"resource violates plan: {violation}")
        made = self._made.resources.get(urn) if self._made else None
        if made and made.goal:
            made.goal.outputs = PropertyChanges.between(old, new)

    def missing(self, existed: Iterable[str]) -> list[str]:
        """The URNs that the plan expected more of. What was to be deleted may be gone already."""
        known = set(existed)
        rest = ((urn, limit.ops) for urn, limit in self._limits.resources.items()) if self._limits else ()
        return [urn for urn, ops in rest if ops and not (ops == [Op.DELETE] and urn not in known)]

    def complete(self, resources: Iterable[Resource]) -> None:
        """Notes in the plan being made what the resources' outputs would be."""
        for resource in resources:
            planned = self._made.resources.get(resource.urn) if self._made else None
            if planned:
                planned.outputs = resource.outputs


def _take(limits: Plan, step: Step) -> None:
    limit = limits.resources.get(step.urn)
    op = step.op.value
    if limit is None:
        if step.op is not Op.SAME:
            raise GenerationError(
                f"{op} is not allowed by the plan: no steps were expected for this resource"
            )
        return
    if not limit.ops:
        raise GenerationError(
            f"{op} is not allowed by the plan: no more steps were expected for this resource"
        )
    expected = limit.ops.pop(0)
    if not allows(expected, step.op):
        raise GenerationError(
            f"{op} is not allowed by the plan: this resource is constrained to {expected.value}"
        )
