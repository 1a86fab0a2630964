"""What the parts of one operation share: the state before it, what became of it, providers and options."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable
from typing import Protocol

from sandbox.engine import urn as urns
from sandbox.engine.deploy.dependency_graph import DependencyGraph
from sandbox.engine.deploy.events import Events
from sandbox.engine.deploy.goal import Goal
from sandbox.engine.deploy.normalizing import prune
from sandbox.engine.deploy.plans.plan import Plan
from sandbox.engine.deploy.plans.planning import Planning
from sandbox.engine.deploy.providers.api import Provider, ProviderError
from sandbox.engine.deploy.providers.registry import ProviderRegistry
from sandbox.engine.deploy.request import OperationRequest
from sandbox.engine.deploy.steps.base import Step
from sandbox.engine.deploy.targets import Targets
from sandbox.engine.model import Manifest, Op, Resource, Snapshot


class PolicyVerdict(Protocol):
    """What policies say of a resource."""

    @property
    def violated(self) -> bool:
        """Whether a mandatory policy is violated."""

    @property
    def stop(self) -> bool:
        """Whether the operation must stop for it."""


class PolicyJudge(Protocol):
    """The policies that an operation is subject to."""

    def judge(self, goal: Goal, resource: Resource, provider: Resource | None) -> PolicyVerdict:
        """Lets policies change the resource's inputs, then look at the result."""

    def judge_stack(self, providers: dict[str, Resource]) -> bool:
        """Lets policies look at the whole stack; whether a mandatory one is violated."""


class Deployment:
    """One operation on `previous`, the state before it, which a refresh changes in place."""

    def __init__(
        self,
        request: OperationRequest,
        previous: Snapshot,
        registry: ProviderRegistry,
        events: Events,
        now: Callable[[], str],
    ) -> None:
        options = request.options
        self.request, self.previous, self.registry, self.events = request, previous, registry, events
        self.dry_run = request.dry_run
        self.continue_on_error = options.continue_on_error
        self.parallel = options.parallel
        self.targets = Targets(options.targets)
        self.excludes = Targets(options.excludes)
        self.replace_targets = Targets(options.replace)
        self.target_dependents = options.target_dependents
        self.exclude_dependents = options.exclude_dependents
        self.judge: PolicyJudge | None = None
        self.made_plan = Plan(manifest=Manifest.of_this_engine(now())) if options.make_plan else None
        self.planning = Planning(options.plan, self.made_plan) if options.plan or self.made_plan else None
        self.goals: dict[str, Goal] = {}
        self.news: dict[str, Resource] = {}
        self.reads: dict[str, Resource] = {}
        self._now = now
        self._lock = threading.Lock()
        self._index()

    def _index(self) -> None:
        """Looks over the state before the operation."""
        self.olds: dict[str, Resource] = {}
        self.all_olds: dict[str, list[Resource]] = defaultdict(list)
        self._old_providers: dict[str, Resource] = {}
        for resource in self.previous.resources:
            self.all_olds[resource.urn].append(resource)
            if not resource.delete:
                self.olds[resource.urn] = resource
            if resource.is_provider:
                self._old_providers[f"{resource.urn}::{resource.id}"] = resource
        self.graph = DependencyGraph(self.previous.resources)

    def rebase(self, steps: dict[int, Step]) -> None:
        """Takes over what a refresh found: `steps` has the steps by the identity of their old resource."""
        resources = []
        for resource in self.previous.resources:
            step = steps.get(id(resource))
            new = step.new if step else resource
            if new is not None:
                resources.append(new)
        prune(resources)
        self.previous.resources = resources
        self._index()

    # What steps need

    def now(self) -> str:
        """The time, RFC 3339 in UTC."""
        return self._now()

    def warn(self, urn: str, message: str) -> None:
        """Shows a warning."""
        self.events.warning(urn, message)

    def report(self, urn: str, message: str) -> None:
        """Shows an error."""
        self.events.error(urn, message)

    def resource_known(self, step: Step, resource: Resource) -> None:
        """A step has told what a resource is now."""
        known = self.reads if step.op in (Op.READ, Op.READ_REPLACEMENT) else self.news
        with self._lock:
            known[resource.urn] = resource

    def find(self, urn: str) -> Resource | None:
        """A resource that this operation has registered or read."""
        with self._lock:
            return self.news.get(urn) or self.reads.get(urn)

    def new_resources(self) -> list[Resource]:
        """The resources that this operation has registered so far."""
        with self._lock:
            return list(self.news.values())

    def provider_of(self, resource: Resource) -> Provider:
        """The provider that manages the resource; raises ProviderError when it is not loaded."""
        if resource.is_provider:
            return self.registry
        provider = self.registry.get(resource.provider)
        if provider is None:
            raise ProviderError(f"unknown provider '{resource.provider}' for resource '{resource.urn}'")
        return provider

    def load_same_provider(self, resource: Resource, *, from_check: bool) -> None:
        """Makes an unchanged provider resource usable; raises ProviderError."""
        self.registry.ensure(resource, from_check=from_check)

    def ensure_provider_of(self, resource: Resource) -> None:
        """Loads the provider of a resource as the state has it; raises ProviderError when that cannot be."""
        if not resource.provider or self.registry.get(resource.provider):
            return
        prefix = f"could not load provider for resource {resource.urn}"
        old = self._old_providers.get(resource.provider)
        if old is None:
            raise ProviderError(f"{prefix}: could not find provider {resource.provider}")
        try:
            self.registry.ensure(old, from_check=False)
        except ProviderError as error:
            raise ProviderError(f"{prefix}: {error}", error.status) from error

    def old_provider(self, reference: str) -> Resource | None:
        """The provider resource of a reference in the state before the operation."""
        return self._old_providers.get(reference)

    # Names

    def urn_for(self, parent: str, resource_type: str, name: str) -> str:
        """The URN that a resource gets."""
        parent_type = urns.parent_type_of(parent)
        return urns.make(self.request.stack, self.request.project, parent_type, resource_type, name)
