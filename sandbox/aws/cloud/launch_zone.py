"""The availability zone of a launch, for faults limited to one zone."""

from dataclasses import replace

from sandbox.aws.cloud.operations import AwsCall

_SUBNETS = ("SubnetId", "NetworkInterface.1.SubnetId")


def with_zone(call: AwsCall) -> AwsCall:
    """The call with the parameter `AvailabilityZone` added when it launches into a known subnet."""
    if call.operation != "RunInstances":
        return call
    subnet = next((call.parameters[name] for name in _SUBNETS if name in call.parameters), None)
    zone = call.parameters.get("Placement.AvailabilityZone") if subnet is None else _zone_of(subnet)
    return replace(call, parameters={**call.parameters, "AvailabilityZone": zone}) if zone else call


def _zone_of(subnet_id: str) -> str | None:
    from moto.ec2.models import ec2_backends

    for _, _, backend in list(ec2_backends.iter_backends()):
        for zone, subnets in list(backend.subnets.items()):
            if subnet_id in subnets:
                return str(zone)
    return None
