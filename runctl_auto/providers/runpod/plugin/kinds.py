"""The kinds of resources: their fields, which of them replace, and how each is made, read and deleted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from runctl_auto.errors import CloudError, NotFoundError
from runctl_auto.job_file.spec import RunpodCloud
from runctl_auto.providers.runpod.client import RunpodClient
from runctl_auto.providers.runpod.creation import (
    NETWORK_VOLUMES,
    PODS,
    SECRETS,
    TEMPLATES,
    Collection,
    Item,
    create_named,
    has_ended,
)
from runctl_auto.providers.runpod.machine_types import name_of
from runctl_auto.providers.runpod.offers import find_type
from runctl_auto.providers.runpod.pods import create_named_pod, end_pod, has_exited

PACKAGE = "runctl-runpod"
"""No name of a provider that others publish: an engine that finds none attached must not fetch another's."""

MACHINE_TYPE = "machineType"
"""An input of pods in place of ``gpu`` or ``cpu``: a name of ``machine_types``."""

EXITED = "exited"
"""An output of pods: one that has exited is replaced."""

_CONTAINER = frozenset({"image", "args", "disk", "env", "ports", "registry"})
_RELEASE_ATTEMPTS = 5
"""How often a deletion is repeated while the API still counts a pod that has just ended as a user."""


def _create_pod(client: RunpodClient, inputs: Mapping[str, Any]) -> Item:
    """A pod; its machine type is looked up in the catalogue."""
    body = dict(inputs)
    name = body.pop(MACHINE_TYPE, None)
    if name is not None:
        cloud: RunpodCloud = "community" if body.get("cloud") == "COMMUNITY" else "secure"
        found = find_type(client, str(name), cloud)
        if found is None:
            raise CloudError(f"RunPod has no machine type {name}.", code="400", where={"provider": "runpod"})
        body |= found.request
    return create_named_pod(client, body)


def _pod_told(item: Item) -> Item:
    type_name = name_of(item.get("gpu") or item.get("cpu") or {})
    return {**item, MACHINE_TYPE: type_name, EXITED: has_exited(item)}


@dataclass(frozen=True)
class Kind:
    """A kind. ``required`` and ``optional`` are its inputs; a change of one in ``updated`` changes the
    resource, any other replaces it. ``told`` are the outputs beside the inputs. ``hidden`` inputs are not
    told by the API. ``renamed`` maps inputs to the fields in which the API tells them.
    """

    token: str
    collection: Collection
    required: frozenset[str]
    optional: frozenset[str] = frozenset()
    updated: frozenset[str] = frozenset()
    told: frozenset[str] = frozenset()
    hidden: frozenset[str] = frozenset()
    renamed: Mapping[str, str] = field(default_factory=dict)
    delete_with: Callable[[RunpodClient, str], None] | None = None
    create_with: Callable[[RunpodClient, Mapping[str, Any]], Item] | None = None
    """Creates one from its inputs; by default they are the body of the request."""
    seen_as: Callable[[Item], Item] = lambda item: item
    """What the API tells, in terms of the inputs."""

    @property
    def inputs(self) -> frozenset[str]:
        return self.required | self.optional

    def problems(self, inputs: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Inputs that are missing or not known, each with the reason."""
        missing = [(name, "is needed") for name in sorted(self.required - inputs.keys())]
        return missing + [(name, "is not known") for name in sorted(inputs.keys() - self.inputs)]

    def create(self, client: RunpodClient, inputs: Mapping[str, Any]) -> Item:
        """The resource, found by its name or created. Blocks."""
        if self.create_with is not None:
            return self.seen_as(self.create_with(client, inputs))
        return self.seen_as(create_named(client, self.collection, inputs))

    def read(self, client: RunpodClient, identity: str) -> Item | None:
        """The resource; None when it does not exist, or has ended for good."""
        try:
            found = client.read(self.collection.item(identity))
        except NotFoundError:
            return None
        return None if has_ended(found) else self.seen_as(found)

    def update(self, client: RunpodClient, identity: str, changes: Mapping[str, Any]) -> Item:
        return client.change(self.collection.item(identity), changes)

    def delete(self, client: RunpodClient, identity: str) -> None:
        """Deletes the resource; one that is gone is deleted. Blocks."""
        if self.delete_with is not None:
            self.delete_with(client, identity)
            return
        for attempt in range(1, _RELEASE_ATTEMPTS + 1):
            try:
                client.delete(self.collection.item(identity))
            except NotFoundError:
                return
            except CloudError as error:
                if error.code != "400" or attempt == _RELEASE_ATTEMPTS:
                    raise
                client.pause(attempt)
            else:
                return


POD = Kind(
    token=f"{PACKAGE}:index:Pod",
    collection=PODS,
    required=frozenset({"name"}),
    optional=_CONTAINER | {MACHINE_TYPE, "cloud", "gpu", "cpu", "dataCenterIds", "mounts", "templateId"},
    told=frozenset({"dataCenterId", "createdAt", EXITED}),
    hidden=frozenset({"dataCenterIds"}),
    renamed={"templateId": "template"},
    delete_with=end_pod,
    create_with=_create_pod,
    seen_as=_pod_told,
)
NETWORK_VOLUME = Kind(
    token=f"{PACKAGE}:index:NetworkVolume",
    collection=NETWORK_VOLUMES,
    required=frozenset({"name", "size", "dataCenter"}),
    optional=frozenset({"type"}),
    updated=frozenset({"name", "size"}),
)
TEMPLATE = Kind(
    token=f"{PACKAGE}:index:Template",
    collection=TEMPLATES,
    required=frozenset({"name", "image"}),
    optional=_CONTAINER - {"image"} | {"category", "mounts", "startJupyter", "startSsh"},
    updated=_CONTAINER | {"name", "category", "mounts", "startJupyter", "startSsh"},
)
SECRET = Kind(
    token=f"{PACKAGE}:index:Secret",
    collection=SECRETS,
    required=frozenset({"name", "value"}),
    optional=frozenset({"description"}),
    updated=frozenset({"value", "description"}),
    hidden=frozenset({"value"}),
)
KINDS: Mapping[str, Kind] = {each.token: each for each in (POD, NETWORK_VOLUME, TEMPLATE, SECRET)}
