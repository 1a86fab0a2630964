"""moto shows new objects immediately; EC2 and IAM are eventually consistent.

With a delay set, until it has passed, reading a new object by id or name fails as if it did not exist, lists
omit it, and a launch with a new instance profile fails. Off (delay 0) by default.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.elastic_block_store import EBSBackend
from moto.ec2.models.instances import InstanceBackend
from moto.ec2.models.security_groups import SecurityGroupBackend
from moto.ec2.responses.elastic_block_store import ElasticBlockStore
from moto.ec2.responses.instances import InstanceResponse
from moto.ec2.responses.security_groups import SecurityGroups
from moto.ec2.responses.spot_instances import SpotInstances
from moto.iam.exceptions import NotFoundException
from moto.iam.models import IAMBackend, iam_backends
from moto.iam.responses import IamResponse

from sandbox.aws.corrections.patches import Emulation, Patches
from sandbox.aws.corrections.spot_requests import request_of


@dataclass
class Consistency:
    """Seconds for which a new object stays invisible; 0 disables the delay."""

    delay_seconds: float = 0.0
    made_at: dict[str, float] = field(default_factory=dict)

    def made(self, identity: str, now: float) -> None:
        if self.delay_seconds:
            self.made_at[identity] = now

    def hides(self, identity: str, now: float) -> bool:
        return now - self.made_at.get(identity, float("-inf")) < self.delay_seconds


@dataclass(frozen=True)
class _Kind:
    """How one kind of EC2 object is read: operation, id parameter, list, and EC2's error."""

    response: Any
    operation: str
    parameter: str
    key: str
    code: str
    title: str


_KINDS = (
    _Kind(ElasticBlockStore, "describe_volumes", "VolumeIds", "Volumes", "InvalidVolume.NotFound", "volume"),
    _Kind(
        SecurityGroups,
        "describe_security_groups",
        "GroupIds",
        "SecurityGroups",
        "InvalidGroup.NotFound",
        "security group",
    ),
    _Kind(
        InstanceResponse,
        "describe_instances",
        "InstanceIds",
        "Reservations",
        "InvalidInstanceID.NotFound",
        "instance ID",
    ),
    _Kind(
        InstanceResponse,
        "describe_instance_status",
        "InstanceIds",
        "InstanceStatuses",
        "InvalidInstanceID.NotFound",
        "instance ID",
    ),
    _Kind(
        SpotInstances,
        "describe_spot_instance_requests",
        "SpotInstanceRequestIds",
        "SpotInstanceRequests",
        "InvalidSpotInstanceRequestID.NotFound",
        "spot instance request ID",
    ),
)

Fresh = Callable[[str], bool]


def apply(patches: Patches, emulation: Emulation) -> None:
    def is_fresh(identity: str) -> bool:
        return emulation.consistency.hides(identity, emulation.clock())

    _note(patches, emulation, InstanceBackend, "run_instances", _launched)
    for owner, create in ((EBSBackend, "create_volume"), (SecurityGroupBackend, "create_security_group")):
        _note(patches, emulation, owner, create, lambda made: [made.id])
    for create in ("create_role", "create_instance_profile"):
        _note(patches, emulation, IAMBackend, create, lambda made: [made.arn])
    for kind in _KINDS:
        patches.wrap(kind.response, kind.operation, _hiding(kind, is_fresh))
    patches.wrap(IamResponse, "get_role", _hiding_entity("RoleName", "get_role", is_fresh))
    patches.wrap(
        IamResponse,
        "get_instance_profile",
        _hiding_entity("InstanceProfileName", "get_instance_profile", is_fresh),
    )
    patches.wrap(InstanceResponse, "run_instances", _without_fresh_profiles(is_fresh))


def _note(
    patches: Patches,
    emulation: Emulation,
    owner: Any,
    method: str,
    identities: Callable[[Any], Iterable[str]],
) -> None:
    def make(create: Any) -> Any:
        def noted(backend: Any, *args: Any, **kwargs: Any) -> Any:
            made = create(backend, *args, **kwargs)
            for identity in identities(made):
                emulation.consistency.made(identity, emulation.clock())
            return made

        return noted

    patches.wrap(owner, method, make)


def _launched(made: Any) -> Iterable[str]:
    for instance in made.instances:
        yield instance.id
        request = request_of(instance)
        if request is not None:
            yield request.id


def _hiding(kind: _Kind, is_fresh: Fresh) -> Callable[[Any], Any]:
    def make(describe: Any) -> Any:
        def described(response: Any) -> Any:
            for identity in response._get_param(kind.parameter, []):
                if is_fresh(identity):
                    raise EC2ClientError(kind.code, f"The {kind.title} '{identity}' does not exist")
            answer = describe(response)
            answer.result[kind.key] = list(_visible(answer.result[kind.key], is_fresh))
            return answer

        return described

    return make


def _visible(found: Iterable[Any], is_fresh: Fresh) -> Iterable[Any]:
    for one in found:
        if hasattr(one, "instances"):
            one.instances = [instance for instance in one.instances if not is_fresh(instance.id)]
            if one.instances:
                yield one
        elif not is_fresh(one.id):
            yield one


def _hiding_entity(parameter: str, getter: str, is_fresh: Fresh) -> Callable[[Any], Any]:
    def make(get: Any) -> Any:
        def got(response: Any) -> Any:
            name = response._get_param(parameter)
            if is_fresh(getattr(response.backend, getter)(name).arn):
                raise NotFoundException(f"The entity with name {name} cannot be found.")
            return get(response)

        return got

    return make


def _without_fresh_profiles(is_fresh: Fresh) -> Callable[[Any], Any]:
    def make(run_instances: Any) -> Any:
        def launch(response: Any) -> Any:
            name = response._get_param("IamInstanceProfile.Name")
            arn = response._get_param("IamInstanceProfile.Arn")
            known = iam_backends[response.current_account][response.partition].get_instance_profiles()
            for profile in known:
                if (profile.name == name or profile.arn == arn) and is_fresh(profile.arn):
                    raise EC2ClientError(
                        "InvalidParameterValue",
                        f"Value ({name or arn}) for parameter iamInstanceProfile.name is invalid. "
                        "Invalid IAM Instance Profile name",
                    )
            return run_instances(response)

        return launch

    return make
