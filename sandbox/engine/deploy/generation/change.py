"""What to do with a resource that exists already: nothing, update it, or replace it."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from sandbox.engine.deploy.check_failures import rendered
from sandbox.engine.deploy.deployment import Deployment
from sandbox.engine.deploy.diffing import diff_resource, with_replace_on_changes
from sandbox.engine.deploy.failures import Bail, GenerationError
from sandbox.engine.deploy.generation.progress import Progress
from sandbox.engine.deploy.generation.replacements import (
    DependentReplace,
    cascades,
    dependent_replacements,
)
from sandbox.engine.deploy.goal import Goal, Registration
from sandbox.engine.deploy.providers.api import (
    Changes,
    Diff,
    DiffCall,
    DiffUnavailable,
    Provider,
    ProviderError,
)
from sandbox.engine.deploy.providers.registry import public_config
from sandbox.engine.deploy.steps.base import Step
from sandbox.engine.deploy.steps.changing import CreateStep, DeleteStep, UpdateStep, quoted
from sandbox.engine.deploy.steps.unchanged import ReplaceStep, SameStep
from sandbox.engine.model import Resource, provider_urn
from sandbox.engine.properties import contains_unknowns, plain, same


class Subject(NamedTuple):
    """A registration on its way to a decision."""

    registration: Registration
    urn: str
    old: Resource | None
    new: Resource
    conflict: bool = False
    provider: Provider | None = None
    recreating: bool = False
    random_seed: bytes = b""

    @property
    def goal(self) -> Goal:
        """What the program asks for."""
        return self.registration.goal


class CheckInputs(Protocol):
    """Lets the provider check a subject's inputs; False when it refuses them."""

    def __call__(self, subject: Subject, *, fresh: bool = False) -> bool:
        """With `fresh` the old inputs play no part."""


class ChangeDecision:
    """Decides for resources that are in the old state and in the program."""

    def __init__(self, deployment: Deployment, progress: Progress, check: CheckInputs) -> None:
        self._deployment, self._progress, self._check = deployment, progress, check

    def replace_wanted(self, subject: Subject) -> bool:
        """Whether people asked for the resource to be replaced."""
        targets = self._deployment.replace_targets
        if targets.constrained and subject.urn in targets:
            return True
        return subject.old is not None and subject.old.taint

    def steps(self, subject: Subject, old: Resource) -> list[Step]:
        """The steps that bring the old resource to its goal."""
        steps = self._changes(subject, old)
        if steps:
            return steps
        if subject.urn in self._progress.imports:
            subject.registration.done(old)
            return []
        self._progress.sames.add(subject.urn)
        return [SameStep(self._deployment, old, subject.new, subject.registration)]

    def _changes(self, subject: Subject, old: Resource) -> list[Step]:
        triggered = self._triggered(subject, old)
        diff = Diff(Changes.SOME) if triggered else self._diff(subject, old)
        has_init_errors = bool(old.init_errors)
        diff = with_replace_on_changes(diff, subject.goal.replace_on_changes, has_init_errors)
        if diff.changes is Changes.SOME or old.pending_replacement:
            if diff.replace or triggered or old.pending_replacement:
                return self._replace(subject, old, diff)
            return [self._update(subject, old, diff)]
        return [self._update(subject, old, diff)] if has_init_errors else []

    def _update(self, subject: Subject, old: Resource, diff: Diff) -> Step:
        self._progress.updates.add(subject.urn)
        return UpdateStep(
            self._deployment, old, subject.new, subject.registration, diff, subject.goal.ignore_changes
        )

    def _triggered(self, subject: Subject, old: Resource) -> bool:
        new_trigger, old_trigger = subject.new.replacement_trigger, old.replacement_trigger
        if contains_unknowns(new_trigger) and not self._deployment.dry_run:
            message = f"replacement trigger contains unknowns for {subject.urn}"
            self._deployment.report(subject.urn, message)
            self._progress.failed = True
            raise Bail(message)
        if contains_unknowns(new_trigger) or contains_unknowns(old_trigger):
            return True
        if new_trigger is None or old_trigger is None:
            return False
        return not same(plain(new_trigger), plain(old_trigger))

    def _diff(self, subject: Subject, old: Resource) -> Diff:  # noqa: PLR0911 - a list of reasons
        new, progress = subject.new, self._progress
        if self.replace_wanted(subject):
            return Diff(Changes.SOME, replace_keys=("id",))
        if any(urn in progress.replaces for urn in new.replace_with):
            return Diff(Changes.SOME, replace_keys=("replaceWith",))
        if new.deleted_with and new.deleted_with in progress.replaces:
            return Diff(Changes.SOME, replace_keys=("deletedWith",))
        if self._provider_changed(old, new):
            return Diff(Changes.SOME, replace_keys=("provider",))
        if subject.provider is None:
            return Diff(Changes.NONE if same(old.inputs, new.inputs) else Changes.SOME)
        try:
            return diff_resource(
                subject.provider,
                old,
                new.inputs,
                self._deployment.dry_run,
                subject.goal.ignore_changes,
                urn=subject.urn,
            )
        except DiffUnavailable as reason:
            self._deployment.warn(subject.urn, str(reason))
            return Diff(Changes.SOME)

    def _provider_changed(self, old: Resource, new: Resource) -> bool:
        """Whether the resource's provider changed so that the new one cannot manage it."""
        if old.provider == new.provider:
            return False
        if not old.provider or not new.provider:
            return True
        old_urn, new_urn = provider_urn(old.provider), provider_urn(new.provider)
        if self._progress.aliased.get(old_urn) == new_urn:
            return False
        provider = self._deployment.registry.get(new.provider)
        old_resource = self._deployment.olds.get(old_urn)
        new_resource = self._progress.providers.get(new_urn)
        if provider is None or old_resource is None or new_resource is None:
            raise ProviderError(f'failed to resolve provider reference: "{old.provider}"')
        diff = provider.diff_config(
            DiffCall(
                new_urn,
                old_resource.id,
                public_config(old_resource.inputs),
                old_resource.outputs,
                public_config(new_resource.inputs),
                True,
            )
        )
        return diff.replace

    # Replacements

    def _replace(self, subject: Subject, old: Resource, diff: Diff) -> list[Step]:
        deployment, progress, new, urn = self._deployment, self._progress, subject.new, subject.urn
        self._refuse_protected(subject, old)
        self._refuse_imported(subject, old, diff)
        progress.replaces.add(urn)
        if (
            subject.provider is not None
            and not self.replace_wanted(subject)
            and not self._check(subject, fresh=True)
        ):
            raise Bail(f"resource {urn} has check errors")
        before = subject.goal.delete_before_replace
        if before is None:
            before = diff.delete_before_replace
        replace = ReplaceStep(deployment, old, new, diff)
        create = CreateStep(
            deployment, old, new, subject.registration, diff, replacing=True, pending_delete=not before
        )
        if not before:
            return [create, replace]
        steps = self._delete_dependents(urn, old)
        deployment.ensure_provider_of(old)
        if not old.pending_replacement:
            progress.deletes.add(old.urn)
            steps.append(self._delete_before(old))
        return [*steps, replace, create]

    def _delete_before(self, old: Resource) -> Step:
        return DeleteStep(
            self._deployment,
            old,
            None,
            self._progress.deletes,
            replacing=True,
            pending_replacement=True,
        )

    def _delete_dependents(self, urn: str, old: Resource) -> list[Step]:
        deployment, progress = self._deployment, self._progress
        dependents: list[DependentReplace] = []
        if not deployment.dry_run or old in deployment.graph:
            dependents = dependent_replacements(deployment, progress, old)
        dependents += cascades(deployment, urn)
        steps: list[Step] = []
        for dependent in reversed(dependents):
            resource = dependent.resource
            if id(resource) in progress.pending_deletes:
                continue
            progress.dependent_replace_keys[resource.urn] = dependent.keys
            if resource.delete:
                steps.append(DeleteStep(deployment, resource, None, progress.deletes))
            else:
                self._refuse_protected_dependent(urn, resource)
                steps.append(self._delete_before(resource))
            progress.deletes.add(resource.urn)
            progress.pending_deletes.add(id(resource))
        return steps

    def _refuse_protected(self, subject: Subject, old: Resource) -> None:
        if not (subject.new.protect and old.protect):
            return
        message = (
            f'unable to replace resource "{subject.urn}"\n'
            "as it is currently marked for protection. To unprotect the resource, "
            "remove the `protect` flag from the resource in your Pulumi "
            "program and run `pulumi up`"
        )
        self._deployment.report(subject.urn, message)
        self._progress.failed = True
        if not self._deployment.dry_run:
            raise Bail(message)

    def _refuse_protected_dependent(self, urn: str, resource: Resource) -> None:
        if not resource.protect:
            return
        message = (
            f'unable to replace resource "{resource.urn}" as part of replacing "{urn}" '
            "as it is currently marked for protection. To unprotect the resource, "
            "remove the `protect` flag from the resource in your Pulumi "
            "program and run `pulumi up`, or use the command:\n"
            f"`pulumi state unprotect {quoted(resource.urn)}`"
        )
        self._deployment.report(urn, message)
        self._progress.failed = True
        raise Bail(message)

    def _refuse_imported(self, subject: Subject, old: Resource, diff: Diff) -> None:
        if not subject.goal.import_id:
            return
        changes = "\n".join(
            f"{key}: {rendered(old.inputs.get(key))} => {rendered(subject.new.inputs.get(key))}"
            for key in diff.replace_keys
        )
        message = (
            "previously-imported resources that still specify an ID may not be replaced; "
            f"please remove the `import` declaration from your program;\n{changes}"
        )
        if not self._deployment.dry_run:
            raise GenerationError(message)
        self._deployment.warn(subject.urn, message)
