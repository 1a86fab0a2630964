"""Looks in the cloud for all that belongs to a job, asking no state: by tag, by name, by relation."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cache

from components import tags
from components.naming import Names
from runctl_auto.backend.mark import backend_mark
from runctl_auto.errors import CloudError
from runctl_auto.local.project import PROJECT_NAME
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.records.instances import NOTHING_RELATED, Relations
from runctl_auto.providers.aws.records.ownership import Scope
from runctl_auto.providers.aws.records.survey import look_around, set_apart
from runctl_auto.providers.resource import PARAMETER, SECURITY_GROUP, CloudResource, Survey, read_tags


class Scanner:
    """Finds what belongs to one job in one region.

    What carries the mark of another ``backend``, or none and another ``owner``'s tag, is not the job's.
    """

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

    def survey(self, related: Relations = NOTHING_RELATED) -> Survey:
        """All that exists of the job, somebody else's apart, and what could not be looked for."""
        survey = look_around(
            self._cloud, self._scope, related=related, price_of=lambda _job, _type: self._price_hour
        )
        return set_apart(survey, self._is_foreign)

    def _is_foreign(self, thing: CloudResource) -> bool:
        if self._mark is not None and thing.backend:
            return thing.backend != self._mark
        return self._owner is not None and thing.owner not in ("", self._owner)

    def is_surely_own(self, thing: CloudResource) -> bool:
        """Whether its tags and its name say, each by itself, that the stack of this job made it. What carries
        no tags yet has to have a name that nobody else can give."""
        named = self._scope.judge(thing.name or thing.id, {}, regional=False)
        if named is None or named.job != self._job or thing.how == "relation":
            return False
        if thing.how == "name" and thing.kind == PARAMETER:  # its tags are listed late
            return self._bears_our_marks(self._tags_of_parameter(thing.id))
        if thing.how == "name":
            return thing.sure and named.sure
        # The name of a security group hashes its content too.
        is_given = named.sure or thing.kind == SECURITY_GROUP
        return is_given and self._bears_our_marks({tags.OWNER: thing.owner, tags.BACKEND: thing.backend})

    def find(self, *, instances: Sequence[str] = ()) -> tuple[CloudResource, ...]:
        """All that exists of the job. ``instances``: ids that were the job's, whose relations count too.

        Raises ``CloudError`` when something could not be looked for.
        """
        survey = self.survey(Relations(dict.fromkeys(instances, self._job), {}, {}))
        if survey.unchecked:
            told = "; ".join(f"{each.kind}: {each.why}" for each in survey.unchecked)
            raise CloudError(f"Not everything of job '{self._job}' could be looked for: {told}")
        return survey.found

    def _bears_our_marks(self, held: Mapping[str, str]) -> bool:
        wanted = {tags.OWNER: self._owner, tags.BACKEND: self._mark}
        return all(value and held.get(key) == value for key, value in wanted.items())

    def _tags_of_parameter(self, name: str) -> Mapping[str, str]:
        """A parameter's tags; empty when they cannot be read."""
        try:
            answer = self._cloud.call(
                "ssm", "list_tags_for_resource", ResourceType="Parameter", ResourceId=name
            )
        except CloudError:
            return {}
        return read_tags(answer["TagList"])

    @property
    def _job(self) -> str:
        return self._scope.names.job


@cache
def known_regions() -> Collection[str]:
    """The regions of AWS that this installation knows."""
    from botocore.session import Session

    session = Session()
    return tuple(
        region
        for partition in session.get_available_partitions()
        for region in session.get_available_regions("ec2", partition_name=partition)
    )
