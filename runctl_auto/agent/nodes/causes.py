"""Why a round of the nodes ends, and how its ranks are then to stop."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Union

from runctl_auto.agent.contract import GRACE_SECONDS, Phase, Reason
from runctl_auto.agent.job.stopping import StopRequest
from runctl_auto.agent.status import Outcome

LOST_GRACE_SECONDS = 1.5
"""How long a rank may take to leave when it can do nothing any more: another one is gone."""


@dataclass(frozen=True)
class Failure:
    """A rank failed by itself."""

    node: int
    outcome: Outcome


@dataclass(frozen=True)
class Lost:
    """A node answers no more."""

    node: int


@dataclass(frozen=True)
class Asked:
    """A node was asked to stop: alone, when its machine is taken away, else with all others."""

    node: int
    request: StopRequest


@dataclass(frozen=True)
class Completed:
    """All ranks have ended without an error."""


@dataclass(frozen=True)
class Back:
    """Nodes that the round began without are there."""

    nodes: tuple[int, ...]


Cause = Union[Failure, Lost, Asked, Completed, Back]  # noqa: UP007 - evaluated on Python 3.9


def request_for(cause: Cause) -> StopRequest:
    """How the ranks of a round are to stop; not for a round that is completed."""
    if isinstance(cause, Asked):
        request = cause.request
        return replace(request, message=f"node {cause.node}: {request.message}")
    if isinstance(cause, Lost):
        said = f"node {cause.node} is lost"
        return StopRequest(Phase.INTERRUPTED, Reason.INTERRUPTION, said, LOST_GRACE_SECONDS)
    if isinstance(cause, Back):
        named, verb = ", ".join(map(str, cause.nodes)), "is" if len(cause.nodes) == 1 else "are"
        said = f"node {named} {verb} back: all go on together"
        return StopRequest(Phase.INTERRUPTED, Reason.INTERRUPTION, said, GRACE_SECONDS)
    assert isinstance(cause, Failure)  # noqa: S101
    said = f"rank {cause.node} failed: {cause.outcome.message or cause.outcome.reason}"
    return StopRequest(Phase.INTERRUPTED, Reason.COMMAND_FAILED, said, LOST_GRACE_SECONDS)
