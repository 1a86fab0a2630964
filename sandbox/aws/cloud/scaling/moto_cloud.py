"""What groups need of the emulated cloud, read from moto. Call with the cloud's lock held."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from sandbox.aws.cloud import lifecycle as states
from sandbox.aws.cloud.lifecycle import Lifecycle
from sandbox.aws.cloud.scaling.groups import Group, Groups
from sandbox.aws.cloud.scaling.keeper import Launch, LaunchRefused, MachineState
from sandbox.aws.cloud.scaling.pools import Pool

GROUP_TAG = "aws:autoscaling:groupName"
TEMPLATE_TAG = "aws:ec2launchtemplate:id"
VERSION_TAG = "aws:ec2launchtemplate:version"


def moto_groups() -> Groups:
    """The groups, kept in moto's tables, so that they come and go with the rest of the cloud."""
    from moto.autoscaling.models import autoscaling_backends

    return Groups(
        lambda account, region: autoscaling_backends[account][region].autoscaling_groups,
        lambda: [backend.autoscaling_groups for _, _, backend in list(autoscaling_backends.iter_backends())],
    )


class MotoGroupCloud:
    """moto's machines, templates and subnets, and the machines' lives."""

    def __init__(self, lifecycle: Lifecycle) -> None:
        self._lifecycle = lifecycle

    def machine(self, group: Group, instance: str) -> MachineState:
        del group
        life = self._lifecycle.find(instance)
        if life is None:
            return MachineState(states.TERMINATED, 0.0)
        return MachineState(life.state, life.entered)

    def terminate(self, group: Group, instances: Sequence[str]) -> None:
        for each in instances:
            if self._lifecycle.find(each) is not None:
                _backend(group).terminate_instances([each])

    def is_spot(self, group: Group, instance: str) -> bool:
        del group
        life = self._lifecycle.find(instance)
        return life is not None and life.machine.is_spot

    def price(self, pool: Pool, *, spot: bool) -> float:
        from sandbox.aws.corrections.spot_prices import on_demand_price, spot_price

        if spot:
            return spot_price(pool.instance_type, pool.zone)
        return on_demand_price(pool.instance_type, pool.zone[:-1])

    def pools(self, group: Group) -> list[Pool]:
        from moto.ec2.exceptions import EC2ClientError

        backend = _backend(group)
        try:
            data = template_version(group).data
            subnets = backend.describe_subnets(subnet_ids=group.settings["VPCZoneIdentifier"].split(","))
        except EC2ClientError as error:
            raise LaunchRefused(*code_and_message(error)) from error
        types = [each["InstanceType"] for each in _overrides(group)] or [data.get("InstanceType") or ""]
        return [
            Pool(instance_type, subnet.id, subnet.availability_zone, rank)
            for rank, instance_type in enumerate(types)
            for subnet in subnets
        ]

    def request(self, launch: Launch, place: Pool) -> dict[str, Any]:
        """The parameters of RunInstances: what the launch template does not say, or says less exactly."""
        from moto.ec2.exceptions import EC2ClientError

        group = launch.group
        try:
            version = template_version(group)
        except EC2ClientError as error:
            raise LaunchRefused(*code_and_message(error)) from error
        asked: dict[str, Any] = {
            "MinCount": 1,
            "MaxCount": 1,
            "InstanceType": place.instance_type,
            "LaunchTemplate": {"LaunchTemplateId": version.template.id, "Version": str(version.number)},
            "TagSpecifications": [{"ResourceType": "instance", "Tags": _tags(group, version)}],
            **_network(version.data, place.subnet),
        }
        if launch.market == "spot":
            options = {"SpotInstanceType": "one-time", "InstanceInterruptionBehavior": "terminate"}
            price = {"MaxPrice": launch.max_price} if launch.max_price else {}
            asked["InstanceMarketOptions"] = {"MarketType": "spot", "SpotOptions": {**options, **price}}
        return asked


def template_of(group: Group) -> Mapping[str, str]:
    """The launch template of a group, as its settings name it: id or name, and version."""
    policy = group.settings.get("MixedInstancesPolicy")
    if policy:
        named: Mapping[str, str] = policy["LaunchTemplate"]["LaunchTemplateSpecification"]
        return named
    found: Mapping[str, str] = group.settings["LaunchTemplate"]
    return found


def template_version(group: Group) -> Any:
    """The version of the launch template that the group launches now. Raises EC2's errors."""
    named, backend = template_of(group), _backend(group)
    if named.get("LaunchTemplateId"):
        template = backend.get_launch_template(named["LaunchTemplateId"])
    else:
        template = backend.get_launch_template_by_name(named.get("LaunchTemplateName"))
    return template.get_version(named.get("Version") or "$Default")


def code_and_message(error: Any) -> tuple[str, str]:
    """Code and message of one of moto's errors."""
    code = getattr(error, "code", None) or getattr(error, "error_type", "") or type(error).__name__
    return str(code), str(error.message)


def _backend(group: Group) -> Any:
    from moto.ec2.models import ec2_backends

    return ec2_backends[group.account][group.region]


def _overrides(group: Group) -> list[Mapping[str, str]]:
    policy = group.settings.get("MixedInstancesPolicy") or {}
    return list((policy.get("LaunchTemplate") or {}).get("Overrides") or ())


def _tags(group: Group, version: Any) -> list[dict[str, str]]:
    """The instance's tags: the template's, over them those of the group that it passes on."""
    passed_on = {each["Key"]: each["Value"] for each in group.tags if each["PropagateAtLaunch"]}
    tags = {
        **version.instance_tags,
        **passed_on,
        GROUP_TAG: group.name,
        TEMPLATE_TAG: version.template.id,
        VERSION_TAG: str(version.number),
    }
    return [{"Key": key, "Value": str(value)} for key, value in tags.items()]


def _network(data: Mapping[str, Any], subnet: str) -> dict[str, Any]:
    """The group puts its subnet into the template's first interface."""
    interfaces = deepcopy(list(data.get("NetworkInterfaces") or ()))
    if not interfaces:
        return {"SubnetId": subnet}
    interfaces[0]["SubnetId"] = subnet
    return {"NetworkInterfaces": interfaces}
