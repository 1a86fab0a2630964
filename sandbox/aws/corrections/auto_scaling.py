"""moto's Auto Scaling groups launch machines past every correction, in one subnet, at once and only once;
they have no activities, lose settings on updates, and their scheduled actions never happen.

Here the API keeps groups of its own (`sandbox.aws.cloud.scaling`), which the cloud's keeper makes act. What
AWS accepts and this cloud does not support is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moto.autoscaling.exceptions import AutoscalingClientError
from moto.autoscaling.responses import AutoScalingResponse
from moto.core.responses import ActionResult, EmptyResult

from sandbox.aws.cloud.scaling.groups import GroupError
from sandbox.aws.corrections.patches import Emulation, Patches
from sandbox.aws.corrections.scaling import actions, changes, lists, tags
from sandbox.aws.corrections.scaling.call import GroupCall

_SHAPES = {"AlreadyExists": "AlreadyExistsFault", "ResourceInUse": "ResourceInUseFault"}
"""The API's names of errors, by their codes."""

Answer = Callable[[GroupCall], dict[str, Any] | None]

_ANSWERS: dict[str, Answer] = {
    "create_auto_scaling_group": changes.create,
    "update_auto_scaling_group": changes.update,
    "delete_auto_scaling_group": changes.delete,
    "describe_auto_scaling_groups": lists.groups,
    "describe_auto_scaling_instances": lists.instances,
    "describe_scaling_activities": lists.activities,
    "set_desired_capacity": changes.set_desired_capacity,
    "terminate_instance_in_auto_scaling_group": changes.terminate,
    "suspend_processes": changes.suspend,
    "resume_processes": changes.resume,
    "set_instance_protection": changes.protect,
    "create_or_update_tags": tags.set_tags,
    "delete_tags": tags.remove_tags,
    "describe_tags": tags.listed,
    "put_scheduled_update_group_action": actions.put,
    "describe_scheduled_actions": actions.listed,
    "delete_scheduled_action": actions.delete,
}


def apply(patches: Patches, emulation: Emulation) -> None:
    for name, answer in _ANSWERS.items():
        patches.replace(AutoScalingResponse, name, _answered(name, answer, emulation))
    for name, method in list(vars(AutoScalingResponse).items()):
        if callable(method) and not name.startswith("_") and name not in {*_ANSWERS, "call_action"}:
            patches.replace(AutoScalingResponse, name, _missing(name))


def _answered(name: str, answer: Answer, emulation: Emulation) -> Any:
    changes_something = not name.startswith("describe_")

    def called(response: Any) -> Any:
        try:
            result = answer(GroupCall(response, emulation))
        except GroupError as error:
            raise AutoscalingClientError(_SHAPES.get(error.code, error.code), str(error)) from error
        if changes_something:
            emulation.regrouped()
        return EmptyResult() if result is None else ActionResult(result)

    return called


def _missing(name: str) -> Any:
    def called(response: Any) -> Any:
        raise NotImplementedError(f"its groups have no {name}")

    return called
