"""Pods: created at the first candidate that has capacity, ended, and described as machines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from runctl_auto.errors import AccessDeniedError, CloudError, NotFoundError, PlacementRefusedError
from runctl_auto.providers.contract import GONE, Machine
from runctl_auto.providers.runpod.client import Body, RunpodClient
from runctl_auto.providers.runpod.creation import PODS, Item, create_named
from runctl_auto.providers.runpod.machine_types import name_of

_STATES: Mapping[str, str] = {
    "PROVISIONING": "pending",
    "STARTING": "pending",
    "RUNNING": "running",
    "EXITED": "terminated",
    "ERROR": "terminated",
    "TERMINATED": "terminated",
}
"""EC2's names for a pod's states. What has exited does not run again: runctl starts no pod twice. It exists
all the same, and its disk is billed, until it is terminated."""
_EXITED = ("EXITED", "ERROR")


def find_pod(client: RunpodClient, identity: str) -> Item | None:
    """The pod; None when the account has none of this id. One request."""
    try:
        return client.read(PODS.item(identity))
    except NotFoundError:
        return None


def has_exited(pod: Item) -> bool:
    """Whether its container has ended, so that it exists for nothing."""
    return pod.get("status") in _EXITED


def as_machine(identity: str, pod: Item | None) -> Machine:
    """A pod as a machine; None is a machine that is gone."""
    if pod is None:
        return Machine(identity, GONE)
    compute = pod.get("gpu") or pod.get("cpu") or {}
    return Machine(
        identity,
        _STATES.get(str(pod.get("status")), "pending"),
        zone=_text(pod.get("dataCenterId")),
        type=name_of(compute),
        reason="the container has exited" if has_exited(pod) else None,
        launched_at=moment(pod.get("startedAt") or pod.get("createdAt")),
    )


def create_named_pod(client: RunpodClient, body: Body) -> Item:
    """As ``create_named``; a pod of the name that has exited is terminated first."""
    for each in PODS.named(client, str(body["name"])):
        if has_exited(each):
            end_pod(client, str(each["id"]))
    return create_named(client, PODS, body)


def create_pod(client: RunpodClient, body: Body, candidates: Sequence[Body]) -> Item:
    """A pod of ``body`` at the first of ``candidates``, the fields that differ between places, that takes it.

    Blocks. A candidate is left for the next when it is refused, or closed to the account. Raises
    ``PlacementRefusedError`` when all are refused, and any other error at once: a spent balance ends it.
    """
    refused: list[CloudError] = []
    for candidate in candidates:
        try:
            return create_named_pod(client, {**body, **candidate})
        except (PlacementRefusedError, AccessDeniedError) as error:
            refused.append(error)
    raise _refused_everywhere(refused)


def end_pod(client: RunpodClient, identity: str) -> None:
    """Terminates the pod. Idempotent: one that is gone has ended.

    Raises ``CloudError`` with code 409 for a member of a cluster, which ends with its cluster.
    """
    try:
        client.delete(PODS.item(identity))
    except NotFoundError:
        return
    except CloudError as error:
        if error.code != "409" or not _is_gone(client, identity):
            raise


def moment(told: object) -> datetime | None:
    """A time as the API writes it, in UTC; None for none."""
    if not isinstance(told, str):
        return None
    try:
        return datetime.fromisoformat(told.replace("Z", "+00:00"))
    except ValueError:
        return None


def _is_gone(client: RunpodClient, identity: str) -> bool:
    pod = find_pod(client, identity)
    return pod is None or pod.get("status") == "TERMINATED"


def _refused_everywhere(refused: Sequence[CloudError]) -> CloudError:
    if not refused:
        raise ValueError("a pod needs a candidate")
    last = refused[-1]
    if len(refused) == 1 or not all(isinstance(each, PlacementRefusedError) for each in refused):
        return last
    return PlacementRefusedError(
        f"All {len(refused)} candidates were refused with 400, so the request may be wrong. {last.what}",
        code=last.code,
        where=last.where,
        next_step=last.next_step,
    )


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
