"""Looks in the cloud for all that belongs to a job, asking no state: by tag, by name, by relation."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cache

from components.naming import Names
from runctl_auto.cloud.access import Cloud
from runctl_auto.errors import CloudError
from runctl_auto.leaks.found import Found as Found  # noqa: PLC0414
from runctl_auto.leaks.found import Survey
from runctl_auto.leaks.look import look_around, set_apart
from runctl_auto.leaks.machines import NOTHING_RELATED, Relations
from runctl_auto.leaks.ownership import Scope
from runctl_auto.project import PROJECT_NAME
from runctl_auto.stack.backend_mark import backend_mark


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
        self._owner = owner
        self._price_hour = price_hour
        self._mark = None if backend is None else backend_mark(backend)

    def survey(self, related: Relations = NOTHING_RELATED) -> Survey:
        """All that exists of the job, somebody else's apart, and what could not be looked for."""
        survey = look_around(
            self._cloud, self._scope, related=related, price_of=lambda _job, _type: self._price_hour
        )
        return set_apart(survey, self._is_foreign)

    def _is_foreign(self, thing: Found) -> bool:
        if self._mark is not None and thing.backend:
            return thing.backend != self._mark
        return self._owner is not None and thing.owner not in ("", self._owner)

    def find(self, *, instances: Sequence[str] = ()) -> tuple[Found, ...]:
        """All that exists of the job. ``instances``: ids that were the job's, whose relations count too.

        Raises ``CloudError`` when something could not be looked for.
        """
        survey = self.survey(Relations(dict.fromkeys(instances, self._job), {}, {}))
        if survey.unchecked:
            told = "; ".join(f"{each.kind}: {each.why}" for each in survey.unchecked)
            raise CloudError(f"Not everything of job '{self._job}' could be looked for: {told}")
        return survey.found

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
