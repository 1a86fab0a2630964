"""moto has no placement groups.

A cluster's machines are of types that allow it and in one zone, as on AWS; where they are close to each other
means nothing here. A group that still has machines cannot be deleted.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2 import utils
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models import tags as moto_tags
from moto.ec2.models.instance_types import INSTANCE_TYPES
from moto.ec2.models.instances import InstanceBackend
from moto.ec2.responses.instances import InstanceResponse
from moto.moto_api._internal import mock_random

from sandbox.aws.corrections.launch_request import launch_parameters
from sandbox.aws.corrections.patches import Emulation, Patches

KIND, PREFIX = "placement-group", "pg"
STRATEGIES = ("cluster", "partition", "spread")
_STORE = "placement_groups"
_GONE = ("terminated",)


@dataclass(frozen=True)
class PlacementGroup:
    """One group, while it exists."""

    name: str
    strategy: str
    id: str = field(default_factory=lambda: f"{PREFIX}-{mock_random.get_random_hex(17)}")


def groups_of(backend: Any) -> dict[str, PlacementGroup]:
    """The groups of an account in a region, by their names."""
    found: dict[str, PlacementGroup] = backend.__dict__.setdefault(_STORE, {})
    return found


def apply(patches: Patches, emulation: Emulation) -> None:  # noqa: ARG001
    kinds = {**utils.EC2_RESOURCE_TO_PREFIX, KIND: PREFIX}
    prefixes = {prefix: kind for kind, prefix in kinds.items()}
    patches.replace(utils, "EC2_RESOURCE_TO_PREFIX", kinds)
    patches.replace(utils, "EC2_PREFIX_TO_RESOURCE", prefixes)
    patches.replace(moto_tags, "EC2_PREFIX_TO_RESOURCE", prefixes)
    patches.add(InstanceResponse, "create_placement_group", _create)
    patches.add(InstanceResponse, "describe_placement_groups", _describe)
    patches.add(InstanceResponse, "delete_placement_group", _delete)
    patches.wrap(InstanceBackend, "run_instances", _in_a_group)


def _create(self: Any) -> ActionResult:
    name, strategy = self._get_param("GroupName"), self._get_param("Strategy") or "cluster"
    held = groups_of(self.ec2_backend)
    if not name:
        raise EC2ClientError("MissingParameter", "The request must contain the parameter GroupName")
    if strategy not in STRATEGIES:
        raise EC2ClientError("InvalidParameterValue", f"'{strategy}' is no placement strategy.")
    if name in held:
        raise EC2ClientError("InvalidPlacementGroup.Duplicate", f"The placement group '{name}' exists.")
    tags = self._parse_tag_specification(KIND).get(KIND, {})
    group = held[name] = PlacementGroup(name, strategy)
    if tags:
        self.ec2_backend.create_tags([group.id], tags)
    return ActionResult({"PlacementGroup": _described(self, group)})


def _describe(self: Any) -> ActionResult:
    held = groups_of(self.ec2_backend)
    names, ids = self._get_param("GroupNames", []), self._get_param("GroupIds", [])
    known = {group.id: group for group in held.values()}
    for missing in (
        *(each for each in names if each not in held),
        *(each for each in ids if each not in known),
    ):
        raise _unknown(missing)
    found = [held[each] for each in names] + [known[each] for each in ids]
    described = [_described(self, each) for each in (found if names or ids else list(held.values()))]
    filters: dict[str, list[str]] = self._filters_from_querystring()
    return ActionResult({"PlacementGroups": [each for each in described if _matches(each, filters)]})


def _delete(self: Any) -> ActionResult:
    name = self._get_param("GroupName")
    group = groups_of(self.ec2_backend).get(name)
    if group is None:
        raise _unknown(name)
    if any(True for _ in _members(self.ec2_backend, name)):
        raise EC2ClientError(
            "InvalidPlacementGroup.InUse", f"The placement group '{name}' is in use and cannot be deleted."
        )
    del groups_of(self.ec2_backend)[name]
    self.ec2_backend.tags.pop(group.id, None)
    return ActionResult({})


def _in_a_group(run_instances: Any) -> Any:
    def launch(self: Any, *args: Any, **kwargs: Any) -> Any:
        name = (launch_parameters().get("Placement") or {}).get("GroupName")
        group = groups_of(self).get(name) if name else None
        if name and group is None:
            raise _unknown(name)
        if group is not None:
            _refuse_type(group, kwargs["instance_type"])
            _refuse_another_zone(self, group, kwargs)
        reservation = run_instances(self, *args, **kwargs)
        if group is not None:
            for instance in reservation.instances:
                instance.placement.group_name, instance.placement.group_id = group.name, group.id
        return reservation

    return launch


def _refuse_type(group: PlacementGroup, instance_type: str) -> None:
    described = INSTANCE_TYPES.get(instance_type, {})
    if group.strategy not in described.get("PlacementGroupInfo", {}).get("SupportedStrategies", STRATEGIES):
        raise EC2ClientError(
            "InvalidParameterCombination",
            f"Placement groups of the strategy {group.strategy} take no '{instance_type}' instances.",
        )


def _refuse_another_zone(backend: Any, group: PlacementGroup, kwargs: dict[str, Any]) -> None:
    subnet = kwargs.get("subnet_id") or next(
        (nic["SubnetId"] for nic in kwargs.get("nics") or [] if "SubnetId" in nic), None
    )
    zone = backend.get_subnet(subnet).availability_zone if subnet else kwargs.get("placement")
    zones = {each.placement.zone for each in _members(backend, group.name)}
    if group.strategy == "cluster" and zone is not None and zones - {zone}:
        raise EC2ClientError(
            "InvalidParameterCombination",
            f"The instances of the cluster placement group '{group.name}' are in {', '.join(sorted(zones))}.",
        )


def _members(backend: Any, name: str) -> Iterator[Any]:
    """The instances of a group that are not terminated."""
    for reservation in list(backend.reservations.values()):
        for instance in reservation.instances:
            if instance.placement.group_name == name and instance.state not in _GONE:
                yield instance


def _described(response: Any, group: PlacementGroup) -> dict[str, Any]:
    tags = response.ec2_backend.tags.get(group.id, {})
    place = f"arn:{response.partition}:ec2:{response.region}:{response.current_account}"
    return {
        "GroupName": group.name,
        "GroupId": group.id,
        "GroupArn": f"{place}:{KIND}/{group.name}",
        "State": "available",
        "Strategy": group.strategy,
        "Tags": [{"Key": key, "Value": value} for key, value in dict(tags).items()],
    }


def _matches(described: dict[str, Any], filters: dict[str, list[str]]) -> bool:
    tags = {each["Key"]: each["Value"] for each in described["Tags"]}
    held = {
        "group-name": [described["GroupName"]],
        "group-arn": [described["GroupArn"]],
        "state": [described["State"]],
        "strategy": [described["Strategy"]],
        "tag-key": list(tags),
        **{f"tag:{key}": [value] for key, value in tags.items()},
    }
    return all(_any_matches(held.get(name, []), wanted) for name, wanted in filters.items())


def _any_matches(held: list[str], wanted: list[str]) -> bool:
    return any(
        re.fullmatch(utils.simple_aws_filter_to_re(pattern), each) for each in held for pattern in wanted
    )


def _unknown(name: str) -> EC2ClientError:
    return EC2ClientError("InvalidPlacementGroup.Unknown", f"The placement group '{name}' is unknown.")
