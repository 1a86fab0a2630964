"""The job to which a resource belongs, from its tags and its name.

Tags take precedence. Physical names end with a digest over account, region, project and job
(``components.naming``): a name with the job's digest is the job's, one with the digest of another region or
job is not, and one with only the same prefix may be.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache

from components import tags
from components.naming import Names
from runctl_auto.providers.resource import CloudResource, How

PREFIX = "runctl-"
PATH = "/runctl/"
"""The prefix of physical names, and of names of parameters and log groups."""

_LEAST_OF_JOB = 30
_NUMBERED = re.compile(r"(?P<job>.+)-(?:node|end)-\d{1,2}")
"""What each of several machines has: itself with its template, and its schedule with the role."""
_ROLES = (
    *("access", "artifacts", "cluster", "copy", "disk", "end", "group", "machine", "network"),
    *("template", "timer"),
)
_NAME = re.compile(r"^runctl-(?P<body>.+)-(?P<digest>[0-9a-f]{8})$")
_VOLUME = "-volume-"


@dataclass(frozen=True)
class Attribution:
    """The job to which a resource belongs, and the evidence for it."""

    job: str
    how: How
    sure: bool = True

    def resource(
        self,
        kind: str,
        identity: str,
        remove: str,
        held: Mapping[str, str],
        *,
        name: str,
        created_at: datetime | None,
        cost_hour: float | None,
        parent: str,
        part: bool,
    ) -> CloudResource:
        """The attributed resource; ``held`` are its own tags."""
        return CloudResource(
            kind,
            identity,
            remove,
            tags.is_protecting(held),
            name=name,
            job=self.job,
            owner=held.get(tags.OWNER, ""),
            backend=held.get(tags.BACKEND, ""),
            how=self.how,
            sure=self.sure,
            created_at=created_at,
            cost_hour=cost_hour,
            parent=parent,
            part=part,
        )


@dataclass(frozen=True)
class Scope:
    """The scope of a search: resources of one job, or of all jobs if ``job`` is None, in one region.

    ``jobs`` are jobs known to exist; ``regions`` names the regions that may contain a job of the same name.
    """

    names: Names
    job: str | None = None
    jobs: Collection[str] = ()
    regions: Callable[[], Collection[str]] = tuple

    @property
    def job_filter(self) -> dict[str, object]:
        """The EC2 filter for resources with runctl's tag."""
        if self.job is None:
            return {"Name": "tag-key", "Values": [tags.JOB]}
        return {"Name": f"tag:{tags.JOB}", "Values": [self.job]}

    @property
    def name_prefix(self) -> str:
        """The common prefix of all physical names; some of them truncate long job names."""
        return PREFIX if self.job is None else f"{PREFIX}{self.job[:_LEAST_OF_JOB]}"

    @property
    def path(self) -> str:
        """The path of parameters and log groups, without a trailing slash."""
        return PATH.rstrip("/") if self.job is None else f"{PATH}{self.job}"

    def is_under_path(self, name: str) -> bool:
        """Whether a parameter or log group is under the path of the scope."""
        return name == self.path or name.startswith(f"{self.path}/")

    def attribute(
        self, name: str, found_tags: Mapping[str, str], *, regional: bool = True
    ) -> Attribution | None:
        """The job of a resource with this name and these tags; None if it is not in scope.

        ``regional`` is False for list calls that return resources of all regions.
        """
        tagged = found_tags.get(tags.JOB)
        if tagged is not None:
            wanted = self.job in (None, tagged) and (regional or not self._is_elsewhere(name, tagged))
            return Attribution(tagged, "tag") if wanted else None
        if name.startswith(PATH):
            job = name[len(PATH) :].split("/", maxsplit=1)[0]
            return Attribution(job, "name") if self.job in (None, job) else None
        by_name = self._by_name(name)
        return by_name if by_name is not None and self.job in (None, by_name.job) else None

    def related(self, job: str) -> Attribution | None:
        """The attribution of a dependent of a resource of ``job``; None if that is not in scope."""
        return Attribution(job, "relation") if self.job in (None, job) else None

    def _by_name(self, name: str) -> Attribution | None:
        if not name.startswith(PREFIX):
            return None
        candidates = list(_splits(name))
        digest = name[-8:]
        known = [each for each in (self.job, *self.jobs) if each]
        whole = [job for job in known if candidates and self._digest(job) == digest]
        sure = whole or [job for job in candidates if self._digest(job) == digest]
        if sure:
            return Attribution(sure[0], "name")
        if any(self._is_elsewhere(name, job) for job in candidates):
            return None
        if candidates:
            cut = [job for job in known if any(_is_cut(job, each) for each in candidates)]
            return Attribution((cut or candidates)[0], "name", sure=False)
        begun = [job for job in known if name.startswith(f"{PREFIX}{job}-")]
        return Attribution(max(begun, key=len), "name", sure=False) if begun else None

    def _is_elsewhere(self, name: str, job: str) -> bool:
        """Whether the name belongs to a job of the same name in another region."""
        matched = _NAME.match(name)
        if matched is None or matched["digest"] == self._digest(job):
            return False
        others = (region for region in self.regions() if region != self.names.region)
        return any(self._digest(job, region) == matched["digest"] for region in others)

    def _digest(self, job: str, region: str | None = None) -> str:
        return _digest(replace(self.names, job=job, region=region or self.names.region))


@lru_cache(maxsize=65536)
def _digest(names: Names) -> str:
    return names.bucket()[-8:]


def _splits(name: str) -> Iterator[str]:
    """Jobs that may have created this name, in which a long job name is truncated."""
    matched = _NAME.match(name)
    if matched is None:
        return
    body = matched["body"]
    for role in _ROLES:
        if body.endswith(f"-{role}"):
            yield body.removesuffix(f"-{role}")
    numbered = _NUMBERED.fullmatch(body)
    if numbered is not None:
        yield numbered["job"]
    start = body.find(_VOLUME)
    while start > 0:
        yield body[:start]
        start = body.find(_VOLUME, start + 1)


def _is_cut(job: str, begin: str) -> bool:
    return job == begin or (len(begin) >= _LEAST_OF_JOB and job.startswith(begin))
