"""Turns what a program asks for into steps, by comparing it with the old state."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from enum import Enum
from typing import NamedTuple

from sandbox.engine import urn as urns
from sandbox.engine.deploy.check_failures import refusal
from sandbox.engine.deploy.deployment import Deployment
from sandbox.engine.deploy.diffing import with_ignored_changes
from sandbox.engine.deploy.failures import Bail, GenerationError
from sandbox.engine.deploy.generation.carried_over import (
    queue_dependencies,
    take_queued,
    untargeted_steps,
)
from sandbox.engine.deploy.generation.change import ChangeDecision, Subject
from sandbox.engine.deploy.generation.inclusion import excluded, included, targeted
from sandbox.engine.deploy.generation.old_resources import find_old
from sandbox.engine.deploy.generation.progress import Progress
from sandbox.engine.deploy.generation.wanted_resources import resource_to_read, resource_to_register
from sandbox.engine.deploy.goal import Goal, Reading, Registration
from sandbox.engine.deploy.providers.api import Changes, CheckCall, Diff, Provider
from sandbox.engine.deploy.steps.base import Step
from sandbox.engine.deploy.steps.changing import CreateStep
from sandbox.engine.deploy.steps.importing import ImportStep
from sandbox.engine.deploy.steps.reading import ReadStep, RefreshStep
from sandbox.engine.deploy.steps.unchanged import ReplaceStep, SameStep, skipped_create
from sandbox.engine.model import Resource, provider_urn
from sandbox.engine.properties import PropertyMap, without_outputs


class Mode(Enum):
    """What running the program is for."""

    UPDATE = "update"
    DESTROY = "destroy"
    REFRESH = "refresh"


class Generated(NamedTuple):
    """Steps, and whether more will come for the same registration once they are done."""

    steps: list[Step]
    unfinished: bool = False


Continuation = Callable[[], Generated]


class StepGenerator:
    """Generates steps for one operation. Used from one thread; `post` hands continuations back to it."""

    def __init__(
        self,
        deployment: Deployment,
        post: Callable[[Continuation], None],
        *,
        mode: Mode = Mode.UPDATE,
        refresh: bool = False,
    ) -> None:
        self.mode = mode
        self.progress = Progress(deployment.targets.copy(), deployment.excludes.copy())
        self._deployment, self._post, self._refresh = deployment, post, refresh
        self._change = ChangeDecision(deployment, self.progress, self._check_inputs)

    # Entry points

    def read(self, reading: Reading) -> Generated:
        """Steps for a resource that is only read."""
        deployment, progress, goal = self._deployment, self.progress, reading.goal
        self._check_parent(goal)
        urn = self._new_urn(goal)
        found = find_old(deployment, progress, urn, goal)
        if not reading.identity:
            raise GenerationError(f"Expected an ID for {urn}")
        new = resource_to_read(urn, reading, found.alias)
        old = found.old
        if old is not None and not old.external and old.id != reading.identity:
            progress.replaces.add(urn)
            return Generated(
                [
                    ReadStep(deployment, old, new, reading, replacing=True),
                    ReplaceStep(deployment, old, new),
                ]
            )
        if self.mode is Mode.DESTROY:
            progress.to_delete.append(new)
        progress.reads.add(urn)
        return Generated([ReadStep(deployment, old, new, reading)])

    def register(self, registration: Registration) -> Generated:
        """Steps for a resource that the program wants. Raises Bail when people were told what is wrong, and
        other exceptions when they were not."""
        return self._validated(self._begin(registration))

    # From registration to decision

    def _begin(self, registration: Registration) -> Generated:
        deployment, progress, goal = self._deployment, self.progress, registration.goal
        self._check_parent(goal)
        urn = self._new_urn(goal)
        found = find_old(deployment, progress, urn, goal)
        deployment.goals[urn] = goal
        new = resource_to_register(urn, goal, found.old, found.alias)
        if new.is_provider:
            progress.providers[urn] = new
            if found.alias:
                progress.providers[found.alias] = new
        subject = Subject(registration, urn, found.old, new, found.conflict)
        if found.old is not None and self._refresh and included(deployment, progress, found.old):
            return self._refresh_first(subject, found.old)
        return self._after_refresh(subject)

    def _refresh_first(self, subject: Subject, old: Resource) -> Generated:
        def refreshed(state: Resource | None, error: Exception | None) -> None:
            def proceed() -> Generated:
                if error is not None:
                    raise Bail(str(error)) from error
                if state is not None:
                    self._deployment.graph.alias(state, old)
                    self.progress.refreshed[id(old)] = state
                return self._validated(self._after_refresh(subject._replace(old=state)))

            self._post(proceed)

        self.progress.refreshes.add(subject.urn)
        quiet = not subject.goal.custom or subject.new.is_provider
        step = RefreshStep(
            self._deployment, old, subject.new, subject.registration, refreshed, internal=quiet
        )
        return Generated([step], unfinished=True)

    def _after_refresh(self, subject: Subject) -> Generated:
        if self.mode is Mode.REFRESH:
            generated = self._only_refresh(subject)
        elif self.mode is Mode.DESTROY:
            generated = self._only_destroy(subject)
        else:
            generated = None
        return self._import_or_decide(subject) if generated is None else generated

    def _only_refresh(self, subject: Subject) -> Generated | None:
        managed = subject.goal.custom and not subject.new.is_provider
        if not managed and not self._needs_skipped(subject.new):
            return None
        if subject.old is None:
            self.progress.sames.add(subject.urn)
            self.progress.skipped_creates.add(subject.urn)
            return Generated([skipped_create(self._deployment, subject.registration, subject.new)])
        subject.registration.done(subject.old)
        return Generated([])

    def _only_destroy(self, subject: Subject) -> Generated | None:
        progress, new, old = self.progress, subject.new, subject.old
        if self._needs_skipped(new):
            progress.skipped_creates.add(subject.urn)
            if old is not None:
                new.outputs = old.outputs
            return Generated([skipped_create(self._deployment, subject.registration, new)])
        if not subject.goal.custom or new.is_provider:
            progress.to_delete.append(new)
            return None
        if old is None:
            progress.skipped_creates.add(subject.urn)
            return Generated([skipped_create(self._deployment, subject.registration, new)])
        progress.sames.add(subject.urn)
        progress.to_delete.append(new)
        new.inputs, new.pending_replacement = old.inputs, old.pending_replacement
        return Generated([SameStep(self._deployment, old, new, subject.registration)])

    def _needs_skipped(self, resource: Resource) -> bool:
        return not resource.references().isdisjoint(self.progress.skipped_creates)

    def _import_or_decide(self, subject: Subject) -> Generated:
        deployment, progress, goal, old = self._deployment, self.progress, subject.goal, subject.old
        provider = self._load_provider(subject.new)
        recreating = subject.urn in progress.deletes
        subject = subject._replace(
            provider=provider, recreating=recreating, random_seed=self._seed(subject.urn)
        )
        known_id = (old.import_id or old.id) if old is not None else ""
        if not (
            goal.custom and goal.import_id and (old is None or old.external or known_id != goal.import_id)
        ):
            return self._decide(subject)

        def imported(state: Resource | None, error: Exception | None) -> None:
            def proceed() -> Generated:
                if error is not None or state is None:
                    return Generated([])  # the step has reported it
                new = resource_to_register(subject.urn, goal, state, "")
                new.aliases, new.created, new.modified = state.aliases, state.created, state.modified
                new.replacement_trigger = None  # an import is no reason to replace
                return self._validated(self._decide(subject._replace(old=state, new=new)))

            self._post(proceed)

        progress.imports.add(subject.urn)
        replacing = old if old is not None and not recreating else None
        steps: list[Step] = [
            ImportStep(deployment, None, subject.new, subject.registration, imported, replacing)
        ]
        if replacing is not None:
            steps.append(ReplaceStep(deployment, replacing, subject.new))
        return Generated(steps, unfinished=True)

    def _decide(self, subject: Subject) -> Generated:
        deployment, progress = self._deployment, self.progress
        urn, old, new = subject.urn, subject.old, subject.new
        implicit = new.is_provider or urns.is_stack(urn)
        is_targeted = implicit or included(deployment, progress, new)
        conflict = subject.conflict
        if subject.provider is not None:
            if is_targeted:
                conflict = not self._check_inputs(subject) or conflict
            else:
                new.inputs = old.inputs if old is not None else {}
        elif old is not None:
            new.inputs = self._with_ignored(subject, old)
        if is_targeted:
            queue_dependencies(deployment, progress, new)
        self._plan(subject, valid=not conflict)
        conflict = self._judged(subject) or conflict
        if conflict:
            raise Bail(f"resource {urn} is invalid")
        if subject.recreating and old is not None:
            return Generated(self._recreate(subject, old))
        if old is not None and old.external:
            progress.creates.add(urn)
            return Generated(
                [
                    CreateStep(
                        deployment, old, new, subject.registration, replacing=True, pending_delete=True
                    ),
                    ReplaceStep(deployment, old, new),
                ]
            )
        if deployment.excludes.constrained and not is_targeted and excluded(deployment, progress, new):
            progress.excludes.add(urn)
        elif is_targeted and targeted(deployment, progress, new):
            progress.targets.add(urn)
        if old is not None:
            if not is_targeted:
                return Generated(untargeted_steps(deployment, progress, subject.registration, old, urn))
            return Generated(self._change.steps(subject, old))
        return Generated([self._create(subject, is_targeted)])

    def _seed(self, urn: str) -> bytes:
        planning = self._deployment.planning
        return (planning.seed(urn) if planning else None) or secrets.token_bytes(32)

    def _plan(self, subject: Subject, *, valid: bool) -> None:
        """Sees that the resource keeps to the plan, and puts it into the plan that is being made."""
        planning = self._deployment.planning
        if planning is None or not valid:
            return
        old, seed = subject.old, subject.random_seed
        anew = old is None or subject.recreating or old.external or self._change.replace_wanted(subject)
        planning.registered(subject.urn, subject.goal, subject.new.inputs, old, seed, anew=anew)

    def _judged(self, subject: Subject) -> bool:
        """Puts the resource before the policies; whether it must not be touched for what they say."""
        judge = self._deployment.judge
        if judge is None:
            return False
        new = subject.new
        provider = None
        if new.provider:
            name = provider_urn(new.provider)
            provider = self.progress.providers.get(name) or self._deployment.olds.get(name)
        verdict = judge.judge(subject.goal, new, provider)
        self.progress.failed = self.progress.failed or verdict.violated
        return verdict.stop

    def _recreate(self, subject: Subject, old: Resource) -> list[Step]:
        """The resource was deleted because of what it depends on; now it turns out to be wanted again."""
        progress, urn = self.progress, subject.urn
        progress.deletes.discard(urn)
        progress.replaces.add(urn)
        keys = progress.dependent_replace_keys.get(urn, ())
        diff = Diff(changes=Changes.SOME, replace_keys=keys)
        return [
            ReplaceStep(self._deployment, old, subject.new),
            CreateStep(self._deployment, old, subject.new, subject.registration, diff, replacing=True),
        ]

    def _create(self, subject: Subject, is_targeted: bool) -> Step:
        if is_targeted:
            self.progress.creates.add(subject.urn)
            return CreateStep(self._deployment, None, subject.new, subject.registration)
        self.progress.sames.add(subject.urn)
        self.progress.skipped_creates.add(subject.urn)
        return skipped_create(self._deployment, subject.registration, subject.new)

    # Pieces

    def _check_parent(self, goal: Goal) -> None:
        if goal.parent and goal.parent not in self.progress.seen:
            raise GenerationError(f"could not find parent resource {goal.parent}")

    def _new_urn(self, goal: Goal) -> str:
        urn = self._deployment.urn_for(goal.parent, goal.type, goal.name)
        if urn in self.progress.seen:
            message = f"Duplicate resource URN '{urn}'; try giving it a unique name"
            self._deployment.report(urn, message)
            raise Bail(message)
        self.progress.seen.add(urn)
        return urn

    def _load_provider(self, new: Resource) -> Provider | None:
        deployment = self._deployment
        if not new.custom:
            return None
        if new.is_provider:
            return deployment.registry
        provider = deployment.registry.get(new.provider)
        if provider is None:
            if deployment.old_provider(new.provider) is None:
                message = f"unknown provider '{new.provider}' for resource '{new.urn}'"
                deployment.report(new.urn, message)
                raise Bail(message)
            deployment.ensure_provider_of(new)
            queue_provider = deployment.olds.get(provider_urn(new.provider))
            if queue_provider is not None:
                queue_dependencies(deployment, self.progress, new)
            provider = deployment.registry.get(new.provider)
        return provider

    def _with_ignored(self, subject: Subject, old: Resource) -> PropertyMap:
        inputs, failed = with_ignored_changes(subject.new.inputs, old.inputs, subject.goal.ignore_changes)
        if failed:
            listed = ", ".join(failed)
            self._deployment.events.diagnostic(
                "info",
                subject.urn,
                f'cannot ignore changes in added or removed elements of the path: "{listed}"',
            )
        return inputs

    def _check_inputs(self, subject: Subject, *, fresh: bool = False) -> bool:
        """Lets the provider check the inputs, and takes them as it returns them. False when it refuses.

        With `fresh`, for a new resource and for one that is replaced, the old inputs play no part."""
        assert subject.provider is not None  # noqa: S101
        old = subject.old
        fresh = (
            fresh or old is None or subject.recreating or old.external or self._change.replace_wanted(subject)
        )
        news = subject.goal.properties if fresh or old is None else self._with_ignored(subject, old)
        checked = subject.provider.check(
            CheckCall(
                subject.urn,
                None if fresh or old is None else old.inputs,
                without_outputs(news),
                self._deployment.dry_run,
                subject.random_seed,
            )
        )
        for failure in checked.failures:
            self._deployment.report(subject.urn, refusal(subject.new, failure))
        subject.new.inputs = checked.inputs
        return not checked.failures

    def _validated(self, generated: Generated) -> Generated:
        """The steps, after others that must come before, unless one depends on what is left out."""
        deployment = self._deployment
        if generated.unfinished:
            if deployment.planning:
                deployment.planning.steps(generated.steps)
            return generated
        steps = [*take_queued(self.progress), *generated.steps]
        if deployment.planning:
            deployment.planning.steps(steps)
        if deployment.targets.constrained or deployment.replace_targets.constrained:
            for step in steps:
                self._refuse_skipped(step)
        return Generated(steps)

    def _refuse_skipped(self, step: Step) -> None:
        if step.new is None or (isinstance(step, SameStep) and step.skipped_create):
            return
        for urn in sorted(step.new.references() & self.progress.skipped_creates):
            self._deployment.report(
                step.urn,
                f"Resource '{step.urn}' depends on '{urn}' which was was not specified in --target list.",
            )
            self.progress.failed = True
            if not self._deployment.dry_run:
                raise Bail("untargeted create")
            self.progress.skipped_creates.discard(urn)
