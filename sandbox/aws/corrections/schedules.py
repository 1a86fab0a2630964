"""moto's scheduler overwrites an existing group, fails with an internal error for a missing one, accepts any
role and any schedule, drops `ActionAfterCompletion` on updates, and keeps the tags of deleted groups; moto's
tagging API omits groups."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.core.resource_tagging import TaggedResource, make_tag_matcher, match_resource_type
from moto.resourcegroupstaggingapi.models import ResourceGroupsTaggingAPIBackend
from moto.scheduler.exceptions import ValidationException
from moto.scheduler.models import EventBridgeSchedulerBackend, scheduler_backends
from moto.scheduler.responses import EventBridgeSchedulerResponse

from sandbox.aws.cloud.scheduled_calls import NotCarriedOut, refuse_what_is_not_carried_out
from sandbox.aws.cloud.scheduler_store import CANNOT_ASSUME, DEFAULT_GROUP, may_assume
from sandbox.aws.corrections.patches import Emulation, Patches

GROUP_TYPE = "scheduler:schedule-group"


def apply(patches: Patches, emulation: Emulation) -> None:
    know_groups(patches)
    _take_what_is_carried_out(patches, emulation)
    patches.wrap(EventBridgeSchedulerResponse, "update_schedule", _with_action_after_completion)
    patches.wrap(ResourceGroupsTaggingAPIBackend, "_get_resources_generator", _with_groups)


def know_groups(patches: Patches) -> None:
    """Reject creating an existing group, and return an error for a missing one."""

    def make_create(create: Any) -> Any:
        def checked(self: Any, name: str, tags: list[dict[str, str]]) -> Any:
            if name in self.schedule_groups:
                raise JsonRESTError("ConflictException", f"Schedule group {name} already exists.")
            return create(self, name, tags or [])

        return checked

    def make_delete(delete: Any) -> Any:
        def checked(self: Any, name: str | None) -> None:
            group = self.get_schedule_group(name)
            delete(self, name)
            self.tagger.delete_all_tags_for_resource(group.arn)

        return checked

    patches.wrap(EventBridgeSchedulerBackend, "create_schedule_group", make_create)
    patches.wrap(EventBridgeSchedulerBackend, "delete_schedule_group", make_delete)


def _take_what_is_carried_out(patches: Patches, emulation: Emulation) -> None:
    def make(change: Any) -> Any:
        def checked(self: Any, **asked: Any) -> Any:
            group = self.get_schedule_group(asked["group_name"])
            wanted = {
                "ScheduleExpression": asked["schedule_expression"],
                "ScheduleExpressionTimezone": asked["schedule_expression_timezone"],
                "FlexibleTimeWindow": asked["flexible_time_window"],
                "Target": asked["target"],
            }
            try:
                refuse_what_is_not_carried_out(wanted)
            except NotCarriedOut as error:
                raise ValidationException(str(error)) from error
            if not may_assume(self.account_id, str(asked["target"].get("RoleArn")), group.arn):
                raise ValidationException(CANNOT_ASSUME)
            answer = change(self, **asked)
            emulation.rescheduled()
            return answer

        return checked

    patches.wrap(EventBridgeSchedulerBackend, "create_schedule", make)
    patches.wrap(EventBridgeSchedulerBackend, "update_schedule", make)


def _with_action_after_completion(update: Any) -> Any:
    def updated(self: Any) -> Any:
        answer = update(self)
        name = self.uri.split("?")[0].split("/")[-1]
        schedule = self.scheduler_backend.get_schedule(self._get_param("GroupName"), name)
        schedule.action_after_completion = self._get_param("ActionAfterCompletion")
        return answer

    return updated


def _with_groups(generate: Any) -> Any:
    def generated(
        self: Any,
        tag_filters: list[dict[str, Any]] | None = None,
        resource_type_filters: list[str] | None = None,
        resource_arn_list: list[str] | None = None,
    ) -> Iterator[TaggedResource]:
        yield from generate(self, tag_filters, resource_type_filters, resource_arn_list)
        matches = make_tag_matcher(tag_filters)
        if match_resource_type(GROUP_TYPE, resource_type_filters):
            for arn, tags in _tagged_groups(scheduler_backends[self.account_id][self.region_name]):
                if tags and matches(tags) and arn in (resource_arn_list or [arn]):
                    yield TaggedResource(arn, tags, GROUP_TYPE)

    return generated


def _tagged_groups(backend: Any) -> Iterator[tuple[str, dict[str, str]]]:
    for group in list(backend.schedule_groups.values()):
        if group.name != DEFAULT_GROUP:
            yield group.arn, backend.tagger.get_tag_dict_for_resource(group.arn)
