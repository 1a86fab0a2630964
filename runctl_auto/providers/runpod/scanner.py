"""Finds the resources of one job on both sides: RunPod's account, and AWS, where its results are."""

from __future__ import annotations

from dataclasses import dataclass, replace

from components import tags
from runctl_auto.backend.mark import backend_mark
from runctl_auto.errors import CloudError
from runctl_auto.providers.aws.records.ownership import Scope
from runctl_auto.providers.contract import Scanner
from runctl_auto.providers.resource import NOTHING_RELATED, CloudResource, Relations, Survey
from runctl_auto.providers.resource_kind import AnyKinds
from runctl_auto.providers.runpod.records import RECORDS, Sides, find_all
from runctl_auto.stack.state import StackState

_OWN_KINDS = frozenset(each.name for each in RECORDS)


@dataclass(frozen=True)
class RunpodScanner:
    """Implements ``providers.contract.Scanner``. ``aws`` is the scanner of the other side."""

    aws: Scanner
    cloud: Sides
    scope: Scope
    kinds: AnyKinds
    owner: str
    backend: str
    price_hour: float | None = None

    def relations(self, state: StackState) -> Relations:
        return self.aws.relations(state)

    def survey(self, related: Relations = NOTHING_RELATED) -> Survey:
        there = self.aws.survey(related)
        found, unchecked = find_all(self.cloud, self.scope, lambda _job, _type: self.price_hour)
        return replace(
            there,
            found=(*(each for each in found if not self._is_foreign(each)), *there.found),
            foreign=(*(each for each in found if self._is_foreign(each)), *there.foreign),
            unchecked=(*there.unchecked, *unchecked),
        )

    def find(self) -> tuple[CloudResource, ...]:
        survey = self.survey()
        if survey.unchecked:
            problems = "; ".join(f"{each.kind}: {each.why}" for each in survey.unchecked)
            raise CloudError(f"Not everything of job '{self.scope.job}' could be looked for: {problems}")
        return survey.found

    def is_surely_own(self, resource: CloudResource) -> bool:
        if resource.kind not in _OWN_KINDS:
            return self.aws.is_surely_own(resource)
        named = self.scope.attribute(resource.name, {}, regional=False)
        if named is None or named.job != self.scope.job or not named.sure:
            return False
        return resource.how == "name" or not self._is_foreign(resource)

    def pending_unlisted(self, state: StackState) -> tuple[CloudResource, ...]:
        return self.aws.pending_unlisted(state)

    def unrecorded_unlisted(self, state: StackState) -> tuple[CloudResource, ...]:
        return self.aws.unrecorded_unlisted(state)

    def _is_foreign(self, resource: CloudResource) -> bool:
        if resource.backend:
            return resource.backend != backend_mark(self.backend)
        return resource.owner not in ("", tags.tag_value(self.owner))
