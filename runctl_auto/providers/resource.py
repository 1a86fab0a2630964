"""A resource that exists in a provider's cloud, and the result of a search for such resources."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Key = tuple[str, str]
"""Kind and id. Two resources can share an id: a role and its instance profile have the same name."""

How = Literal["tag", "name", "relation"]
"""The evidence that a resource belongs to a job: its tag, its name, or the resource that it depends on."""


@dataclass(frozen=True)
class CloudResource:
    """A resource as the provider's list calls describe it. ``remove`` is a command line that deletes it.

    ``sure`` is False if the only evidence is a name that runctl did not give. ``cost_hour`` is in USD, None
    if unknown. ``parent`` is the id of the resource that it depends on; a ``part`` is deleted together with
    its parent.
    """

    kind: str
    id: str
    remove: str
    protected: bool = False
    name: str = ""
    job: str = ""
    owner: str = ""
    backend: str = ""
    how: How = "tag"
    sure: bool = True
    created_at: datetime | None = None
    cost_hour: float | None = None
    parent: str = ""
    part: bool = False

    @property
    def key(self) -> Key:
        return (self.kind, self.id)

    def age_seconds(self, now: datetime) -> float | None:
        """Seconds since its creation; None if the service does not report when that was."""
        return None if self.created_at is None else max(0.0, (now - self.created_at).total_seconds())


@dataclass(frozen=True)
class Blocker:
    """What prevents the deletion of a resource: something that uses it, or an attribute of its own.

    ``what`` is a noun phrase for messages; ``release`` is a command line that ends the obstacle, empty if
    there is none. ``kind`` and ``id`` are those of the user, empty for an attribute; ``parts`` are further
    resources of the user that exist because of it.
    """

    what: str
    release: str = ""
    kind: str = ""
    id: str = ""
    parts: tuple[Key, ...] = ()

    @property
    def keys(self) -> tuple[Key, ...]:
        return ((self.kind, self.id), *self.parts) if self.id else self.parts


@dataclass(frozen=True)
class Unchecked:
    """A kind of resource that could not be listed."""

    kind: str
    why: str


@dataclass(frozen=True)
class Survey:
    """The resources found, those of others (``foreign``), and the kinds that could not be listed."""

    found: tuple[CloudResource, ...] = ()
    foreign: tuple[CloudResource, ...] = ()
    unchecked: tuple[Unchecked, ...] = ()


@dataclass(frozen=True)
class Relations:
    """Ids of resources whose dependents belong to a job as well, each with that job.

    ``instances`` are machines; ``groups`` are security groups.
    """

    instances: Mapping[str, str]
    volumes: Mapping[str, str]
    groups: Mapping[str, str]


NOTHING_RELATED = Relations({}, {}, {})
