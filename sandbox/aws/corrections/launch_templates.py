"""moto applies only some of a launch template's data to a launch, and mixes the template's own tags into it.

Here RunInstances uses everything in the template version that the request does not specify: tags by resource
type, block devices by device, anything else whole. Spot requests are tagged for spot launches only.
"""

from copy import deepcopy
from typing import Any

from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.launch_templates import LaunchTemplateBackend
from moto.ec2.responses.instances import InstanceResponse

from sandbox.aws.corrections.patches import Emulation, Patches

_KEYED = {"TagSpecifications": "ResourceType", "BlockDeviceMappings": "DeviceName"}
_SPOT_REQUEST = "spot-instances-request"


def apply(patches: Patches, emulation: Emulation) -> None:  # noqa: ARG001
    know_templates(patches)
    patches.wrap(InstanceResponse, "run_instances", _from_template)


def know_templates(patches: Patches) -> None:
    """A template's own tags are not part of its versions' data, and are returned as they are now; a template
    that does not exist is not found."""

    def make(create: Any) -> Any:
        def created(
            self: Any, name: str, description: str, data: dict[str, Any], tags: dict[str, Any]
        ) -> Any:
            held = data.get("TagSpecifications") or []
            own = [each for each in held if each["ResourceType"] != "launch-template"]
            return create(self, name, description, {**data, "TagSpecifications": own}, tags)

        return created

    patches.wrap(LaunchTemplateBackend, "create_launch_template", make)
    patches.wrap(LaunchTemplateBackend, "describe_launch_templates", _as_they_are)
    patches.wrap(LaunchTemplateBackend, "delete_launch_template", _found_by_id)


def _as_they_are(describe: Any) -> Any:
    def found(self: Any, template_names: Any = None, template_ids: Any = None, filters: Any = None) -> Any:
        for identifier in template_ids or ():
            self.get_launch_template(identifier)
        templates = describe(self, template_names, template_ids, filters)
        for each in templates:
            each.tags = each.get_tags()
        return templates

    return found


def _found_by_id(delete: Any) -> Any:
    def deleted(self: Any, name: str, tid: str | None) -> Any:
        if tid and not name:
            self.get_launch_template(tid)
        return delete(self, name, tid)

    return deleted


def _from_template(run_instances: Any) -> Any:
    def launch(self: Any) -> Any:
        self.params = _with_template(self.ec2_backend, self._get_params())
        _refuse_request_tags(self.params)
        return run_instances(self)

    return launch


def _with_template(backend: Any, asked: dict[str, Any]) -> dict[str, Any]:
    named = asked.get("LaunchTemplate")
    if not named:
        return asked
    if named.get("LaunchTemplateId"):
        template = backend.get_launch_template(named["LaunchTemplateId"])
    else:
        template = backend.get_launch_template_by_name(named.get("LaunchTemplateName"))
    data = deepcopy(template.get_version(named.get("Version") or "$Default").data)
    held = {name: value for name, value in data.items() if value is not None}
    if "UserData" in held:
        held["UserData"] = str(held["UserData"])
    return {**held, **asked, **_joined(held, asked)}


def _joined(held: dict[str, Any], asked: dict[str, Any]) -> dict[str, Any]:
    """The lists that the request and the template may both contribute to; the request's entries win."""
    joined = {}
    for name, key in _KEYED.items():
        entries = {each[key]: each for each in [*(held.get(name) or ()), *(asked.get(name) or ())]}
        if entries:
            joined[name] = list(entries.values())
    return joined


def _refuse_request_tags(asked: dict[str, Any]) -> None:
    tagged = {each["ResourceType"] for each in asked.get("TagSpecifications") or ()}
    market = (asked.get("InstanceMarketOptions") or {}).get("MarketType")
    if _SPOT_REQUEST in tagged and market != "spot":
        raise EC2ClientError(
            "InvalidParameterValue",
            f"'{_SPOT_REQUEST}' is not a valid taggable resource type for this operation.",
        )
