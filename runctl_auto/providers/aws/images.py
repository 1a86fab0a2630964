"""The image of a machine: resolved once per kind of machine, and validated in advance."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runctl_auto.errors import AccessDeniedError, CloudError, JobFileError, NotFoundError
from runctl_auto.job_file.image_reference import DOCKER
from runctl_auto.job_file.resources import DEFAULT_DISK_GB
from runctl_auto.job_file.spec import JobSpec
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.gpus import missing_driver
from runctl_auto.providers.aws.instance_types import InstanceType

_PUBLIC: Mapping[tuple[str, bool], str] = {
    ("x86_64", False): "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64",
    ("arm64", False): "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64",
    ("x86_64", True): "/aws/service/deeplearning/ami/x86_64/"
    "base-oss-nvidia-driver-gpu-amazon-linux-2023/latest/ami-id",
    ("arm64", True): "/aws/service/deeplearning/ami/arm64/"
    "base-oss-nvidia-driver-gpu-amazon-linux-2023/latest/ami-id",
}
"""Public parameter with the newest image, by architecture and whether the machine has NVIDIA GPUs."""

_WITH_DOCKER: Mapping[tuple[str, bool], str] = {
    **_PUBLIC,
    ("x86_64", False): "/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id",
    ("arm64", False): "/aws/service/ecs/optimized-ami/amazon-linux-2023/arm64/recommended/image_id",
}
"""The same for jobs in containers: Amazon Linux with docker; that with the NVIDIA driver has docker and the
NVIDIA Container Toolkit.
"""

ROOM_GB = 40
"""Disk beyond the image that a machine gets by default: packages, code, data and checkpoints."""

_PUBLIC_FOLDER = "/aws/service/"
_MOST_NAMED = 6
_AMI = re.compile(r"ami-[0-9a-f]{8,17}")


@dataclass(frozen=True)
class Image:
    """An image as described by the cloud; unknown values are None."""

    id: str
    architecture: str | None = None
    disk_gb: int | None = None
    root_device: str | None = None

    @property
    def default_disk_gb(self) -> int:
        """The disk of a machine whose job names no size."""
        return max(DEFAULT_DISK_GB, (self.disk_gb or 0) + ROOM_GB)


class Images:
    """Resolves the job's image for machines; each parameter and each image is requested once."""

    def __init__(self, spec: JobSpec, cloud: Cloud) -> None:
        self._spec = spec
        self._cloud = cloud
        self._parameters: dict[str, str] = {}
        self._images: dict[str, Image] = {}

    def of(self, machine: InstanceType) -> Image:
        """The image for a machine. Raises ``JobFileError`` when there is none or the disk is too small."""
        identity = self._identity(machine)
        if identity not in self._images:
            self._images[identity] = self._described(identity)
        image = self._images[identity]
        disk = self._spec.resources.disk
        if disk is not None and image.disk_gb is not None and image.disk_gb > disk:
            raise JobFileError(
                f"The image {image.id} for {machine.name} needs a disk of {image.disk_gb} GB, and the job "
                f"asks for {disk} GB.",
                where={"field": "resources.disk", "region": self._spec.region},
                next_step=f"Set resources.disk to {image.disk_gb}GB or more, leave it out, or choose another "
                "image.",
            )
        return image

    def missing_driver(self, machine: InstanceType) -> str | None:
        """The driver that the machine's GPUs need and the image that runctl chooses lacks; None for another
        image.
        """
        is_chosen = self._spec.image == "auto" or self._spec.image.startswith(DOCKER)
        return missing_driver(machine.gpus) if is_chosen else None

    def _identity(self, machine: InstanceType) -> str:
        image = self._spec.image
        if image.startswith("ami-"):
            return image
        if image == "auto" or image.startswith(DOCKER):
            known = _PUBLIC if image == "auto" else _WITH_DOCKER
            return self._parameter(known[(machine.architecture, machine.gpus.are_nvidia)])
        return self._parameter(image.removeprefix("ssm:"))

    def _parameter(self, name: str) -> str:
        if name not in self._parameters:
            self._parameters[name] = self._read(name)
        return self._parameters[name]

    def _read(self, name: str) -> str:
        where = {"field": "image", "region": self._spec.region}
        try:
            answer = self._cloud.call("ssm", "get_parameter", Name=name)
        except NotFoundError as error:
            raise JobFileError(
                f"There is no parameter {name} in {self._spec.region} that names an image.",
                where=where,
                next_step="Name an image (image: ami-...), or another parameter (image: ssm:/...)."
                + self._parameters_beside(name),
            ) from error
        except AccessDeniedError as error:
            if name.startswith(_PUBLIC_FOLDER):
                raise
            raise AccessDeniedError(
                str(error),
                where={**error.where, **where},
                next_step="Give the caller permission to read it; the policy is printed by "
                f"`runctl permissions --image-parameter {name}`.",
                code=error.code,
            ) from error
        value = str(answer["Parameter"]["Value"])
        if not _AMI.fullmatch(value):
            raise JobFileError(
                f"The parameter {name} names no image.",
                where=where,
                next_step="Name a parameter whose value is the id of an image (ami-...).",
            )
        return value

    def _parameters_beside(self, name: str) -> str:
        """Parameters of the same folder; empty when there are none, or access is denied."""
        folder = name.rpartition("/")[0]
        if not folder:
            return ""
        try:
            answer = self._cloud.call("ssm", "get_parameters_by_path", Path=folder, MaxResults=_MOST_NAMED)
        except CloudError:
            return ""
        names = sorted(str(each["Name"]) for each in answer.get("Parameters") or ())
        return f" Parameters there: {', '.join(names)}." if names else ""

    def _described(self, identity: str) -> Image:
        try:
            answer = self._cloud.call("ec2", "describe_images", ImageIds=[identity])
        except NotFoundError as error:
            raise self._no_image(identity) from error
        found = answer.get("Images") or []
        if not found:
            raise self._no_image(identity)
        return Image(
            identity, found[0].get("Architecture"), _root_gb(found[0]), found[0].get("RootDeviceName")
        )

    def _no_image(self, identity: str) -> JobFileError:
        own = list(self._cloud.pages("ec2", "describe_images", "Images", Owners=["self"]))
        newest = sorted(own, key=lambda each: str(each.get("CreationDate")), reverse=True)[:_MOST_NAMED]
        named = ", ".join(f"{each['ImageId']} ({each.get('Name', 'no name')})" for each in newest)
        return JobFileError(
            f"There is no image {identity} in {self._spec.region}, or it is not shared with this account.",
            where={"field": "image", "region": self._spec.region},
            next_step=f"Use image: auto, or one of this region. Images of this account: {named or 'none'}.",
        )


def _root_gb(image: Mapping[str, Any]) -> int | None:
    for device in image.get("BlockDeviceMappings") or ():
        if device.get("DeviceName") == image.get("RootDeviceName"):
            size = device.get("Ebs", {}).get("VolumeSize")
            return None if size is None else int(size)
    return None
