"""CloudWatch log groups."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.aws.provider import tagging
from sandbox.aws.provider.cloud import Cloud
from sandbox.aws.provider.cloud_error import CloudError
from sandbox.aws.provider.resource import Known, PhysicalName, Properties, ResourceType
from sandbox.aws.provider.schema import REGION, TAGS, Change, Kind, refused, replaces, table, updates

_GONE = "ResourceNotFoundException"


class LogGroup(ResourceType):
    """`aws.cloudwatch.LogGroup`."""

    token = "aws:cloudwatch/logGroup:LogGroup"  # noqa: S105
    title = "CloudWatch Logs Log Group"
    physical_name = PhysicalName("name", prefix="namePrefix", longest=512)
    inputs = table(
        {
            "deletionProtectionEnabled": refused(Change.UPDATE),
            "kmsKeyId": updates(),
            "logGroupClass": replaces(computed=True, allowed=("STANDARD", "INFREQUENT_ACCESS", "DELIVERY")),
            "name": replaces(computed=True),
            "namePrefix": replaces(computed=True, told=False),
            "region": REGION,
            "retentionInDays": updates(Kind.INTEGER, default=0),
            "skipDestroy": updates(Kind.BOOLEAN, default=False, told=False),
            "tags": TAGS,
            "tagsAll": TAGS,
        }
    )
    outputs = ("arn",)

    def create(self, cloud: Cloud, inputs: Properties) -> str:
        cloud.call(
            "logs",
            "create_log_group",
            f"creating {self.title} ({inputs['name']})",
            logGroupName=inputs["name"],
            kmsKeyId=inputs.get("kmsKeyId"),
            logGroupClass=inputs.get("logGroupClass"),
            tags=inputs.get("tagsAll") or None,
        )
        return str(inputs["name"])

    def settle(self, cloud: Cloud, identifier: str, inputs: Properties) -> None:
        if inputs["retentionInDays"]:
            self._retain(cloud, identifier, inputs["retentionInDays"])

    def read(self, cloud: Cloud, identifier: str, known: Known) -> Properties | None:
        group = self._find(cloud, identifier)
        if group is None:
            return None
        arn = group["arn"].removesuffix(":*")
        tags = cloud.call("logs", "list_tags_for_resource", f"listing tags for {self.title}", resourceArn=arn)
        return {
            "arn": arn,
            "kmsKeyId": group.get("kmsKeyId", ""),
            "logGroupClass": group.get("logGroupClass", "STANDARD"),
            "name": identifier,
            "namePrefix": known.carried("namePrefix", ""),
            "region": cloud.region,
            "retentionInDays": group.get("retentionInDays", 0),
            "skipDestroy": known.carried("skipDestroy", False),
            **tagging.told(tags.get("tags", {}), cloud.configuration.default_tags, known),
        }

    def update(
        self, cloud: Cloud, identifier: str, state: Properties, inputs: Properties, changed: frozenset[str]
    ) -> None:
        if "retentionInDays" in changed:
            self._retain(cloud, identifier, inputs["retentionInDays"])
        if "kmsKeyId" in changed:
            self._encrypt(cloud, identifier, inputs.get("kmsKeyId"))
        if changed & {"tags", "tagsAll"}:
            self._change_tags(cloud, cloud.arn("logs", f"log-group:{identifier}"), state, inputs)

    def delete(self, cloud: Cloud, identifier: str, state: Properties) -> None:
        if state.get("skipDestroy"):
            return
        try:
            cloud.call(
                "logs", "delete_log_group", f"deleting {self.title} ({identifier})", logGroupName=identifier
            )
        except CloudError as error:
            if error.code != _GONE:
                raise

    def _find(self, cloud: Cloud, identifier: str) -> Mapping[str, Any] | None:
        doing = f"reading {self.title} ({identifier})"
        token = None
        while True:
            page = cloud.call(
                "logs", "describe_log_groups", doing, logGroupNamePrefix=identifier, nextToken=token
            )
            for group in page["logGroups"]:
                if group["logGroupName"] == identifier:
                    return dict(group)
            token = page.get("nextToken")
            if not token:
                return None

    def _retain(self, cloud: Cloud, identifier: str, days: int) -> None:
        doing = f"setting {self.title} ({identifier}) retention policy"
        if days:
            cloud.call("logs", "put_retention_policy", doing, logGroupName=identifier, retentionInDays=days)
        else:
            cloud.call("logs", "delete_retention_policy", doing, logGroupName=identifier)

    def _encrypt(self, cloud: Cloud, identifier: str, key: str | None) -> None:
        doing = f"setting {self.title} ({identifier}) KMS key"
        if key:
            cloud.call("logs", "associate_kms_key", doing, logGroupName=identifier, kmsKeyId=key)
        else:
            cloud.call("logs", "disassociate_kms_key", doing, logGroupName=identifier)

    def _change_tags(self, cloud: Cloud, arn: str, state: Properties, inputs: Properties) -> None:
        doing = f"updating tags for {self.title} ({arn})"
        added, removed = tagging.changes(state.get("tagsAll"), inputs.get("tagsAll"))
        if removed:
            cloud.call("logs", "untag_resource", doing, resourceArn=arn, tagKeys=removed)
        if added:
            cloud.call("logs", "tag_resource", doing, resourceArn=arn, tags=added)
