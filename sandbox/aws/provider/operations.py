"""The engine's operations on one resource, in terms of its type: diff, preview, create, update, read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from sandbox.aws.provider.cancellation import CancelledError
from sandbox.aws.provider.cloud import Cloud
from sandbox.aws.provider.cloud_error import CloudError, RefusedError
from sandbox.aws.provider.diffing import Difference, differences
from sandbox.aws.provider.resource import Known, Properties, ResourceType
from sandbox.aws.provider.schema import Change
from sandbox.aws.provider.wire import UNKNOWN, Secret, holds_secret, reveal

_NOT_SEEN_YET = frozenset(
    {
        "NotFound",
        "NoSuchEntity",
        "NoSuchBucket",
        "InvalidGroup.NotFound",
        "InvalidInstanceID.NotFound",
        "InvalidVolume.NotFound",
    }
)
"""Error codes when reading a new object while the cloud is not consistent yet."""
_SEEN_SECONDS = 20.0

FAILURES = (CloudError, RefusedError, CancelledError)


@dataclass(frozen=True)
class Made:
    """A resource in the cloud. reasons: errors after its creation; empty on success."""

    identifier: str
    outputs: Properties
    reasons: tuple[str, ...] = ()


def plan_changes(
    resource: ResourceType,
    cloud: Cloud,
    state: Mapping[str, Any],
    inputs: Mapping[str, Any],
    ignored: Iterable[str] = (),
) -> list[Difference]:
    """The required changes; a changed region, even if only the provider's, replaces the resource."""
    before, wanted = reveal(state), reveal(inputs)
    if "region" in resource.inputs:
        wanted["region"] = wanted.get("region") or cloud.region
        before.setdefault("region", wanted["region"])
    found = differences(resource.inputs, before, wanted, ignored)
    return [replace(one, change=resource.change_for(one, before, wanted)) for one in found]


def must_delete_first(resource: ResourceType, state: Mapping[str, Any], inputs: Mapping[str, Any]) -> bool:
    """Whether a replacement would need the name that the old resource still has."""
    rule = resource.physical_name
    if rule is None or rule.input in (inputs.get("__defaults") or ()):
        return False
    return bool(reveal(state.get(rule.input)) == reveal(inputs.get(rule.input)))


def preview_create(resource: ResourceType, inputs: Mapping[str, Any]) -> Properties:
    """The outputs known before the resource exists."""
    computed = [name for name, field in resource.inputs.items() if field.computed and not field.refused]
    unknown = dict.fromkeys((*computed, *resource.outputs), UNKNOWN)
    return {**unknown, **_without_marks(inputs)}


def preview_update(
    resource: ResourceType, state: Mapping[str, Any], inputs: Mapping[str, Any], changed: frozenset[str]
) -> Properties:
    """The outputs known before the update."""
    wanted = _without_marks(inputs)
    kept = {
        name: value
        for name, value in state.items()
        if name in wanted or name not in resource.inputs or resource.inputs[name].computed
    }
    return {**kept, **wanted, **dict.fromkeys(resource.unsettled(changed), UNKNOWN)}


def create(resource: ResourceType, cloud: Cloud, last_look: Cloud, inputs: Mapping[str, Any]) -> Made:
    """Create the resource. last_look: used to read it after a failure, when `cloud` may be cancelled already.

    Raises when the resource was not created; later errors are part of the result.
    """
    wanted = _without_marks(reveal(inputs))
    identifier = resource.create(cloud, wanted)
    known = Known(inputs=wanted)

    def read() -> Properties:
        found = resource.read(cloud, identifier, known)
        if found is None:
            raise CloudError(f"reading {resource.title} ({identifier})", "NotFound", "couldn't find resource")
        return found

    try:
        settle = partial(resource.settle, cloud, identifier, wanted)
        cloud.retry_while(_NOT_SEEN_YET, settle, standard=_SEEN_SECONDS)
        outputs: Properties = cloud.retry_while(_NOT_SEEN_YET, read, standard=_SEEN_SECONDS)
    except FAILURES as failure:
        outputs = _look_again(resource, last_look, identifier, known) or wanted
        return Made(identifier, _marked(resource, inputs, outputs), (str(failure),))
    return Made(identifier, _marked(resource, inputs, outputs))


def update(
    resource: ResourceType,
    cloud: Cloud,
    last_look: Cloud,
    identifier: str,
    *,
    state: Mapping[str, Any],
    inputs: Mapping[str, Any],
    ignored: Iterable[str] = (),
) -> Made:
    """Apply the changed inputs; the result contains errors, and the outputs as they are."""
    before, wanted = reveal(state), _without_marks(reveal(inputs))
    changed = frozenset(one.input for one in plan_changes(resource, cloud, state, inputs, ignored))
    known = Known(wanted, before)
    try:
        if changed:
            resource.update(cloud, identifier, before, wanted, changed)
        else:
            # An update without differences: the creation was not completed.
            resource.settle(cloud, identifier, wanted)
        outputs = resource.read(cloud, identifier, known)
        if outputs is None:
            raise CloudError(f"reading {resource.title} ({identifier})", "NotFound", "couldn't find resource")
    except FAILURES as failure:
        outputs = _look_again(resource, last_look, identifier, Known(outputs=before)) or before
        return Made(identifier, _marked(resource, inputs, outputs), (str(failure),))
    return Made(identifier, _marked(resource, inputs, outputs))


def read(
    resource: ResourceType, cloud: Cloud, identifier: str, state: Mapping[str, Any], inputs: Mapping[str, Any]
) -> Properties | None:
    """The outputs as read from the cloud; None when the resource no longer exists."""
    known = Known(_without_marks(reveal(inputs)), _without_marks(reveal(state)))
    outputs = resource.read(cloud, identifier, known)
    return None if outputs is None else _marked(resource, {**state, **inputs}, outputs)


def _look_again(resource: ResourceType, cloud: Cloud, identifier: str, known: Known) -> Properties | None:
    try:
        return resource.read(cloud, identifier, known)
    except FAILURES:
        return None


def _without_marks(inputs: Mapping[str, Any]) -> Properties:
    return {name: value for name, value in inputs.items() if not name.startswith("__")}


def _marked(resource: ResourceType, inputs: Mapping[str, Any], outputs: Properties) -> Properties:
    """The outputs, marked secret where the inputs were or where the type requires it."""
    return {
        name: Secret(value) if _is_secret(resource, name, inputs) and value is not None else value
        for name, value in outputs.items()
    }


def _is_secret(resource: ResourceType, name: str, inputs: Mapping[str, Any]) -> bool:
    field = resource.inputs.get(name)
    return (field is not None and field.secret) or holds_secret(inputs.get(name))


def as_change(differences_found: list[Difference]) -> Change:
    """The strongest change that the differences require."""
    if any(one.change is Change.REPLACE for one in differences_found):
        return Change.REPLACE
    return Change.UPDATE if differences_found else Change.NONE
