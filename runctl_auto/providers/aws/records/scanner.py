"""Searches the cloud for all resources of a job, without its state: by tag, by name, by relation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from components import tags
from components.naming import Names
from runctl_auto.backend.mark import backend_mark
from runctl_auto.errors import CloudError
from runctl_auto.local.project import PROJECT_NAME
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.records.catalogue import KINDS
from runctl_auto.providers.aws.records.kind import AwsKind
from runctl_auto.providers.aws.records.ownership import Scope
from runctl_auto.providers.aws.records.relations import relations_of
from runctl_auto.providers.aws.records.roles import policies_being_created, unrecorded_policies
from runctl_auto.providers.aws.records.survey import survey_region
from runctl_auto.providers.aws.regions import known_regions
from runctl_auto.providers.resource import NOTHING_RELATED, CloudResource, Relations, Survey
from runctl_auto.providers.resource_kind import AnyKinds
from runctl_auto.stack.state import StackState


class AwsScanner:
    """Finds the resources of one job in one region. Implements ``providers.contract.Scanner``."""

    def __init__(
        self,
        cloud: Cloud,
        job: str,
        account: str,
        owner: str | None = None,
        *,
        price_hour: float | None = None,
        backend: str | None = None,
    ) -> None:
        names = Names(account=account, region=cloud.region, project=PROJECT_NAME, job=job)
        self._cloud = cloud
        self._scope = Scope(names, job=job, regions=known_regions)
        self._owner = None if owner is None else tags.tag_value(owner)
        self._price_hour = price_hour
        self._mark = None if backend is None else backend_mark(backend)

    @property
    def kinds(self) -> AnyKinds:
        return KINDS

    def relations(self, state: StackState) -> Relations:
        """Finds the disks of the state's machines."""
        return relations_of(self._cloud, self._job, state)

    def survey(self, related: Relations = NOTHING_RELATED) -> Survey:
        """All existing resources of the job, foreign ones separate, and kinds that could not be listed."""
        survey = survey_region(
            self._cloud, self._scope, related=related, price_of=lambda _job, _type: self._price_hour
        )
        own = tuple(each for each in survey.found if not self._is_foreign(each))
        foreign = tuple(each for each in survey.found if self._is_foreign(each))
        return replace(survey, found=own, foreign=foreign)

    def is_surely_own(self, resource: CloudResource) -> bool:
        """Whether the stack of this job created it, from its tags and its name.

        Without tags, the name must be one that only this job can have.
        """
        named = self._scope.attribute(resource.name or resource.id, {}, regional=False)
        if named is None or named.job != self._job or resource.how == "relation":
            return False
        kind = KINDS[resource.kind]
        if resource.how == "name" and kind.digest_in_name == "none":
            return self._carries_own_tags(self._read_own_tags(kind, resource))
        if resource.how == "name":
            return resource.sure and named.sure
        has_own_name = named.sure or kind.digest_in_name == "content"
        return has_own_name and self._carries_own_tags(
            {tags.OWNER: resource.owner, tags.BACKEND: resource.backend}
        )

    def pending_unlisted(self, state: StackState) -> tuple[CloudResource, ...]:
        """Inline policies from pending creations."""
        return tuple(policies_being_created(state))

    def unrecorded_unlisted(self, state: StackState) -> tuple[CloudResource, ...]:
        """Inline policies that an update added to a role of the state and did not record."""
        return tuple(unrecorded_policies(self._cloud, KINDS.keys_in(state), state))

    def find(self, *, instances: Sequence[str] = ()) -> tuple[CloudResource, ...]:
        """All existing resources of the job. Dependents of former ``instances`` (ids) count too.

        Raises ``CloudError`` if a kind could not be listed.
        """
        survey = self.survey(Relations(dict.fromkeys(instances, self._job), {}, {}))
        if survey.unchecked:
            problems = "; ".join(f"{each.kind}: {each.why}" for each in survey.unchecked)
            raise CloudError(f"Not everything of job '{self._job}' could be looked for: {problems}")
        return survey.found

    def _is_foreign(self, resource: CloudResource) -> bool:
        if self._mark is not None and resource.backend:
            return resource.backend != self._mark
        return self._owner is not None and resource.owner not in ("", self._owner)

    def _carries_own_tags(self, held: Mapping[str, str]) -> bool:
        wanted = {tags.OWNER: self._owner, tags.BACKEND: self._mark}
        return all(value and held.get(key) == value for key, value in wanted.items())

    def _read_own_tags(self, kind: AwsKind, resource: CloudResource) -> Mapping[str, str]:
        """Queries the service itself: the tag list lags behind."""
        if kind.own_tags is None:
            return {}
        return kind.own_tags(self._cloud, resource.id, self._scope.names.account)

    @property
    def _job(self) -> str:
        return self._scope.names.job
