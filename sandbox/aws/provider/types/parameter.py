"""Parameters of Systems Manager."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.aws.provider import tagging
from sandbox.aws.provider.cloud import Cloud
from sandbox.aws.provider.cloud_error import CloudError
from sandbox.aws.provider.resource import Known, PhysicalName, Problem, Properties, ResourceType
from sandbox.aws.provider.schema import REGION, TAGS, Change, Kind, refused, replaces, table, updates

_GONE = "ParameterNotFound"
_SECURE = "SecureString"
_NOT_IN_THE_VALUE = frozenset({"overwrite", "tags", "tagsAll"})


class Parameter(ResourceType):
    """`aws.ssm.Parameter`. Its value is always secret."""

    token = "aws:ssm/parameter:Parameter"  # noqa: S105
    title = "SSM Parameter"
    physical_name = PhysicalName("name", longest=2048)
    inputs = table(
        {
            "allowedPattern": updates(),
            "arn": refused(Change.NONE, "the service gives it"),
            "dataType": replaces(computed=True, allowed=("text", "aws:ec2:image", "aws:ssm:integration")),
            "description": updates(),
            "insecureValue": updates(computed=True),
            "keyId": updates(computed=True),
            "name": replaces(computed=True),
            "overwrite": updates(Kind.BOOLEAN, told=False),
            "region": REGION,
            "tags": TAGS,
            "tagsAll": TAGS,
            "tier": updates(computed=True, allowed=("Standard", "Advanced", "Intelligent-Tiering")),
            "type": updates(required=True, allowed=("String", "StringList", _SECURE)),
            "value": updates(computed=True, secret=True),
            "valueWo": refused(Change.UPDATE, "use value"),
            "valueWoVersion": refused(Change.UPDATE, "use value"),
        }
    )
    outputs = ("arn", "version")

    def check(self, inputs: Properties) -> Iterator[Problem]:
        if ("value" in inputs) == ("insecureValue" in inputs):
            yield Problem("value", "one of `insecure_value,value` must be specified")
        if inputs.get("type") == _SECURE and "insecureValue" in inputs:
            yield Problem(
                "insecureValue", "invalid configuration, cannot set type = SecureString and insecure_value"
            )

    def create(self, cloud: Cloud, inputs: Properties) -> str:
        overwrite = bool(inputs.get("overwrite"))
        tags = tagging.to_list(inputs.get("tagsAll"))
        self._put(cloud, inputs, "creating", overwrite=overwrite, tags=None if overwrite else tags or None)
        return str(inputs["name"])

    def settle(self, cloud: Cloud, identifier: str, inputs: Properties) -> None:
        if inputs.get("overwrite") and inputs.get("tagsAll"):
            self._change_tags(cloud, identifier, {}, inputs["tagsAll"])

    def read(self, cloud: Cloud, identifier: str, known: Known) -> Properties | None:
        doing = f"reading {self.title} ({identifier})"
        try:
            found = cloud.call("ssm", "get_parameter", doing, Name=identifier, WithDecryption=True)[
                "Parameter"
            ]
        except CloudError as error:
            if error.code == _GONE:
                return None
            raise
        details = self._details(cloud, identifier, doing)
        tags = cloud.call(
            "ssm", "list_tags_for_resource", doing, ResourceType="Parameter", ResourceId=identifier
        )["TagList"]
        secure = found["Type"] == _SECURE
        stated_in_the_clear = known.carried("insecureValue") is not None
        return {
            "allowedPattern": details.get("AllowedPattern", ""),
            "arn": found.get("ARN") or cloud.arn("ssm", f"parameter/{identifier.lstrip('/')}"),
            "dataType": found.get("DataType", "text"),
            "description": details.get("Description", ""),
            "insecureValue": found["Value"] if not secure and stated_in_the_clear else None,
            "keyId": details.get("KeyId", "alias/aws/ssm" if secure else ""),
            "name": identifier,
            "overwrite": known.carried("overwrite"),
            "region": cloud.region,
            "tier": details.get("Tier", "Standard"),
            "type": found["Type"],
            "value": found["Value"],
            "version": found["Version"],
            **tagging.told(tagging.from_list(tags), cloud.configuration.default_tags, known),
        }

    def update(
        self, cloud: Cloud, identifier: str, state: Properties, inputs: Properties, changed: frozenset[str]
    ) -> None:
        if changed - _NOT_IN_THE_VALUE:
            self._put(cloud, inputs, "updating", overwrite=True, tags=None)
        if changed & {"tags", "tagsAll"}:
            self._change_tags(cloud, identifier, state.get("tagsAll") or {}, inputs.get("tagsAll") or {})

    def delete(self, cloud: Cloud, identifier: str, state: Properties) -> None:
        del state
        try:
            cloud.call("ssm", "delete_parameter", f"deleting {self.title} ({identifier})", Name=identifier)
        except CloudError as error:
            if error.code != _GONE:
                raise

    def unsettled(self, changed: frozenset[str]) -> frozenset[str]:
        return frozenset({"version"}) if changed - _NOT_IN_THE_VALUE else frozenset()

    def _put(
        self,
        cloud: Cloud,
        inputs: Properties,
        verb: str,
        *,
        overwrite: bool,
        tags: list[dict[str, str]] | None,
    ) -> None:
        value = inputs.get("value")
        cloud.call(
            "ssm",
            "put_parameter",
            f"{verb} {self.title} ({inputs['name']})",
            Name=inputs["name"],
            Value=inputs.get("insecureValue") if value is None else value,
            Type=inputs["type"],
            AllowedPattern=inputs.get("allowedPattern"),
            DataType=inputs.get("dataType"),
            Description=inputs.get("description"),
            KeyId=inputs.get("keyId") if inputs["type"] == _SECURE else None,
            Overwrite=overwrite,
            Tags=tags,
            Tier=inputs.get("tier"),
        )

    def _change_tags(
        self, cloud: Cloud, identifier: str, before: Mapping[str, str], after: Mapping[str, str]
    ) -> None:
        doing = f"updating tags for {self.title} ({identifier})"
        which = {"ResourceType": "Parameter", "ResourceId": identifier}
        added, removed = tagging.changes(before, after)
        if removed:
            cloud.call("ssm", "remove_tags_from_resource", doing, TagKeys=removed, **which)
        if added:
            cloud.call("ssm", "add_tags_to_resource", doing, Tags=tagging.to_list(added), **which)

    @staticmethod
    def _details(cloud: Cloud, identifier: str, doing: str) -> Mapping[str, Any]:
        found = cloud.pages(
            "ssm",
            "describe_parameters",
            "Parameters",
            doing,
            ParameterFilters=[{"Key": "Name", "Option": "Equals", "Values": [identifier]}],
        )
        return found[0] if found else {}
