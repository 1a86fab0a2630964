"""The availability zone and the job of a launch, for faults limited to them."""

from dataclasses import replace

from sandbox.aws.cloud.operations import AwsCall

_JOB_TAG = "runctl:job"
_SUBNETS = ("SubnetId", "NetworkInterface.1.SubnetId")


def located(call: AwsCall) -> AwsCall:
    """A launch with the parameters `AvailabilityZone`, if it is into a known subnet, and `Job`, if it tags
    the machine with runctl's job; any other call as it is."""
    if call.operation != "RunInstances":
        return call
    subnet = next((call.parameters[name] for name in _SUBNETS if name in call.parameters), None)
    zone = call.parameters.get("Placement.AvailabilityZone") if subnet is None else _zone_of(subnet)
    known = {"AvailabilityZone": zone, "Job": _job_of(call)}
    added = {name: value for name, value in known.items() if value is not None}
    return replace(call, parameters={**call.parameters, **added})


def _job_of(call: AwsCall) -> str | None:
    for name, value in call.parameters.items():
        if value == _JOB_TAG and name.startswith("TagSpecification.") and name.endswith(".Key"):
            return call.parameters.get(f"{name.removesuffix('Key')}Value")
    return None


def _zone_of(subnet_id: str) -> str | None:
    from moto.ec2.models import ec2_backends

    for _, _, backend in list(ec2_backends.iter_backends()):
        for zone, subnets in list(backend.subnets.items()):
            if subnet_id in subnets:
                return str(zone)
    return None
