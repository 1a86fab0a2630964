"""Maps answers of RunPod's API to runctl's errors: the only module that knows what its statuses mean.

The API has no error codes of its own: a problem has a status and sentences for people, which are not matched.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from runctl_auto.errors import (
    AccessDeniedError,
    BalanceSpentError,
    CloudError,
    CredentialsError,
    NotFoundError,
    PlacementRefusedError,
    RunctlError,
    ThrottledError,
    UnreachableError,
)
from runctl_auto.local.printable import printable

CREATE_POD = ("POST", "/v2/pods")
"""The call whose 400 also means that there is no capacity."""

_MARK = "runctl-runpod error"
_MARKED = re.compile(rf"\({_MARK}: (?P<kind>[a-z-]+)\)")
_ANSWERED = re.compile(r"RunPod answered (?P<status>\d{3}) to ")
_MOST_DETAIL = 500
_CLASSES: Mapping[int, type[CloudError]] = {
    401: CredentialsError,
    402: BalanceSpentError,
    403: AccessDeniedError,
    404: NotFoundError,
    429: ThrottledError,
}
_TYPES: tuple[type[CloudError], ...] = (*_CLASSES.values(), PlacementRefusedError, UnreachableError)
_BY_KIND: Mapping[str, type[CloudError]] = {each.kind: each for each in _TYPES}
_NEXT_STEPS: Mapping[type[CloudError], str] = {
    AccessDeniedError: "Give the API key write access to pods, network volumes, templates and secrets.",
    BalanceSpentError: "Add funds to the RunPod account, then repeat the command; it continues where it was.",
    CredentialsError: "Set RUNPOD_API_KEY to a key of your RunPod account that is enabled.",
    PlacementRefusedError: "Name more GPU types or data centres. If all are refused, the request is wrong.",
    ThrottledError: "Wait a minute and repeat the command; it continues where it was.",
    UnreachableError: "Check the network and RUNPOD_ENDPOINT_URL.",
}


def class_of(status: int, method: str, path: str) -> type[CloudError]:
    """The error that states how to react to this status of a call."""
    if status == 400 and (method, path) == CREATE_POD:
        return PlacementRefusedError
    if status >= 500:
        return UnreachableError
    return _CLASSES.get(status, CloudError)


def problem(status: int, body: bytes, method: str, path: str) -> CloudError:
    """The typed error for an answer that is no success. ``code`` is the status."""
    found = class_of(status, method, path)
    return found(
        f"RunPod answered {status} to {method} {path}: {_detail(body)}",
        code=str(status),
        where={"provider": "runpod"},
        next_step=_NEXT_STEPS.get(found),
    )


def unanswered(method: str, path: str, why: BaseException) -> UnreachableError:
    """The error for a call that got no answer; the caller chains the cause."""
    return UnreachableError(
        f"RunPod did not answer {method} {path}: {type(why).__name__}",
        where={"provider": "runpod"},
        next_step=_NEXT_STEPS[UnreachableError],
    )


def passes(error: BaseException) -> bool:
    """Whether repeating a call that changes nothing, or the same thing again, may succeed."""
    return isinstance(error, UnreachableError | ThrottledError)


def next_step_for(error_class: type[CloudError]) -> str | None:
    """The suggested next step for an error of this class."""
    return _NEXT_STEPS.get(error_class)


def error_in_text(text: str) -> type[CloudError] | None:
    """The class of the error in a diagnostic of runctl's provider for RunPod; None in any other text."""
    marked = _MARKED.search(text)
    if marked is None:
        return None
    return _BY_KIND.get(marked["kind"], CloudError)


def status_in_text(text: str) -> str | None:
    """The status that the API answered, in a text of ``problem``; None in any other text."""
    answered = _ANSWERED.search(text)
    return answered["status"] if answered else None


def marked(error: RunctlError) -> str:
    """The error's text for a diagnostic, in which ``error_in_text`` finds its class."""
    return f"{error} ({_MARK}: {error.kind})"


def _detail(body: bytes) -> str:
    """The sentences of a problem (RFC 9457), shortened; its own text when it is none."""
    try:
        told: Any = json.loads(body)
    except ValueError:
        told = None
    if not isinstance(told, dict):
        return printable(body[:_MOST_DETAIL].decode(errors="replace").strip()) or "no detail"
    parts = [str(told.get("detail") or told.get("title") or "no detail")]
    violations = told.get("errors")
    if isinstance(violations, list):
        parts += [str(each) for each in violations]
    return printable("; ".join(parts)[:_MOST_DETAIL])
