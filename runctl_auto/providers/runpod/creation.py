"""Creation of what has a name: looked for before it is made, and again when nobody knows whether it was.

The API has no idempotency token, and its names need not be unique. runctl's names are: they hold account,
project, job and role, so that what carries one is the job's own, from its creation on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runctl_auto.errors import CloudError, UnreachableError
from runctl_auto.providers.runpod.client import Body, Query, RunpodClient

Item = Mapping[str, Any]


@dataclass(frozen=True)
class Collection:
    """A kind of resource: the ``path`` of its list, the ``key`` of the list in the answer."""

    path: str
    key: str
    query: tuple[tuple[str, str | bool], ...] = ()

    def item(self, identity: str) -> str:
        """The path of one resource."""
        from urllib.parse import quote

        return f"{self.path}/{quote(identity, safe='')}"

    def all(self, client: RunpodClient) -> Sequence[Item]:
        """All resources of the account. Blocks."""
        query: Query = dict(self.query)
        found = client.read(self.path, query).get(self.key)
        if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
            raise CloudError(
                f"RunPod's answer to GET {self.path} has no list '{self.key}'.", where={"provider": "runpod"}
            )
        return found

    def named(self, client: RunpodClient, name: str) -> Sequence[Item]:
        """Those of this name that exist; a pod that has ended for good does not."""
        return [each for each in self.all(client) if each.get("name") == name and not has_ended(each)]


PODS = Collection("/v2/pods", "pods", (("includeClusterPods", True),))
"""With the pods of clusters, which the list hides unless it is asked for them."""
NETWORK_VOLUMES = Collection("/v2/network-volumes", "networkVolumes")
TEMPLATES = Collection("/v2/templates", "templates")
SECRETS = Collection("/v2/account/secrets", "secrets")


def has_ended(item: Item) -> bool:
    """Whether it is a pod that has been terminated."""
    return item.get("status") == "TERMINATED"


def create_named(client: RunpodClient, collection: Collection, body: Body) -> Item:
    """The resource with the name of ``body``, created unless it exists. Blocks.

    An existing one is returned as it is, whatever its other fields: an attempt of the same command made it.
    Raises ``CloudError`` when several have the name.
    """
    name = str(body["name"])
    found = _single(collection, name, collection.named(client, name))
    if found is not None:
        return found
    attempt = 0
    while True:
        attempt += 1
        try:
            return client.create_once(collection.path, body)
        except UnreachableError:
            client.pause(attempt)
            made = _single(collection, name, collection.named(client, name))
            if made is not None:
                return made
            if attempt >= client.attempts:
                raise


def _single(collection: Collection, name: str, found: Sequence[Item]) -> Item | None:
    if len(found) > 1:
        ids = ", ".join(sorted(str(each.get("id")) for each in found))
        raise CloudError(
            f"RunPod has several {collection.key} named {name}: {ids}.",
            where={"provider": "runpod", "name": name},
            next_step="`runctl leaks` lists them; keep one and delete the others.",
        )
    return found[0] if found else None
