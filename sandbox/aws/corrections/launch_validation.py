"""moto accepts unknown images and types, user data of any size, and launches without a subnet; EC2 does not.

Also: an instance profile must exist and have a role; the type must be offered in the zone and match the
image's architecture; without a subnet the zone's default subnet is used, without groups the default group.
"""

import base64
import re
from typing import Any

from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.instance_types import INSTANCE_TYPE_OFFERINGS, INSTANCE_TYPES
from moto.ec2.models.instances import InstanceBackend
from moto.ec2.responses.instances import InstanceResponse
from moto.iam.models import iam_backends

from sandbox.aws.corrections.patches import Emulation, Patches

_USER_DATA_BYTES = 16384
_IMAGE_ID = re.compile(r"ami-[0-9a-f]{8}(?:[0-9a-f]{9})?")


def apply(patches: Patches, emulation: Emulation) -> None:  # noqa: ARG001
    def make_backend(run_instances: Any) -> Any:
        def launch(
            self: Any, image_id: str, count: int, user_data: Any, groups: list[str], **kwargs: Any
        ) -> Any:
            check_user_data(user_data)
            image = _check_image(self, image_id)
            _place_in_a_subnet(self, kwargs)
            _check_type(self, kwargs["instance_type"], image, _zone(self, kwargs))
            if not groups and not kwargs.get("security_group_ids") and not kwargs.get("nics"):
                groups = ["default"]
            return run_instances(self, image_id, count, user_data, groups, **kwargs)

        return launch

    def make_response(run_instances: Any) -> Any:
        def launch(self: Any) -> Any:
            _check_profile(self)
            return run_instances(self)

        return launch

    patches.wrap(InstanceBackend, "run_instances", make_backend)
    patches.wrap(InstanceResponse, "run_instances", make_response)


def check_user_data(user_data: Any) -> None:
    """Reject user data above EC2's size limit."""
    if user_data is not None and len(base64.b64decode(str(user_data))) > _USER_DATA_BYTES:
        raise EC2ClientError(
            "InvalidParameterValue",
            f"User data is limited to {_USER_DATA_BYTES} bytes, before base64-encoding.",
        )


def _check_image(backend: Any, image_id: str) -> Any:
    if not image_id:
        raise EC2ClientError("MissingParameter", "The request must contain the parameter ImageId")
    image = backend.amis.get(image_id)
    if image is not None:
        return image
    if not _IMAGE_ID.fullmatch(image_id):
        raise EC2ClientError("InvalidAMIID.Malformed", f'Invalid id: "{image_id}" (expecting "ami-...")')
    raise EC2ClientError("InvalidAMIID.NotFound", f"The image id '[{image_id}]' does not exist")


def _place_in_a_subnet(backend: Any, kwargs: dict[str, Any]) -> None:
    if kwargs.get("subnet_id") or any("SubnetId" in nic for nic in kwargs.get("nics") or []):
        return
    if any("NetworkInterfaceId" in nic for nic in kwargs.get("nics") or []):
        return
    zone = kwargs.get("placement") or f"{backend.region_name}a"
    subnet = (backend.get_default_subnets() or {}).get(zone)
    if subnet is None:
        raise EC2ClientError("InvalidInput", f"No default subnet for availability zone: '{zone}'.")
    if kwargs.get("nics"):
        for nic in kwargs["nics"]:
            nic["SubnetId"] = subnet.id
    else:
        kwargs["subnet_id"] = subnet.id


def _zone(backend: Any, kwargs: dict[str, Any]) -> str:
    subnet_id = kwargs.get("subnet_id")
    if not subnet_id:
        subnet_id = next((nic["SubnetId"] for nic in kwargs["nics"] if "SubnetId" in nic), None)
    if subnet_id is None:
        return kwargs.get("placement") or f"{backend.region_name}a"
    return str(backend.get_subnet(subnet_id).availability_zone)


def _check_type(backend: Any, instance_type: str, image: Any, zone: str) -> None:
    described = INSTANCE_TYPES.get(instance_type)
    if described is None:
        raise EC2ClientError("InvalidParameterValue", f"Invalid value '{instance_type}' for InstanceType.")
    offers = INSTANCE_TYPE_OFFERINGS["availability-zone"].get(backend.region_name, [])
    zones = sorted(o["Location"] for o in offers if o["InstanceType"] == instance_type)
    if zone not in zones:
        choice = f" or choosing {', '.join(zones)}" if zones else ""
        raise EC2ClientError(
            "Unsupported",
            f"Your requested instance type ({instance_type}) is not supported in your requested Availability "
            f"Zone ({zone}). Please retry your request by not specifying an Availability Zone{choice}.",
        )
    architectures = described["ProcessorInfo"]["SupportedArchitectures"]
    if image.architecture and image.architecture not in architectures:
        raise EC2ClientError(
            "InvalidParameterValue",
            f"The architecture '{','.join(architectures)}' of the specified instance type does not match the "
            f"architecture '{image.architecture}' of the specified AMI.",
        )


def _check_profile(response: Any) -> None:
    for parameter, attribute in (("Name", "name"), ("Arn", "arn")):
        wanted = response._get_param(f"IamInstanceProfile.{parameter}")
        if not wanted:
            continue
        profiles = iam_backends[response.current_account][response.partition].get_instance_profiles()
        profile = next((p for p in profiles if getattr(p, attribute) == wanted), None)
        if profile is None:
            raise EC2ClientError(
                "InvalidParameterValue",
                f"Value ({wanted}) for parameter iamInstanceProfile.{attribute} is invalid. "
                f"Invalid IAM Instance Profile {attribute}",
            )
        if not profile.roles:
            raise EC2ClientError(
                "InvalidParameterValue", f'IAM Instance Profile "{profile.arn}" has no associated IAM Roles'
            )
