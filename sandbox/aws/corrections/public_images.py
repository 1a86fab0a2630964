"""moto lacks the public parameters of Ubuntu and Deep Learning images, and gives all images 15 GB.

Added here, in every region, under the parameter names that Canonical and AWS publish; ids are derived from
region and name, so they are stable.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from moto.core.utils import utcnow
from moto.ec2.models.amis import Ami, AmiBackend
from moto.ssm.models import Parameter, ParameterDict

from sandbox.aws.corrections.patches import Emulation, Patches

_CANONICAL = "099720109477"
_DEEP_LEARNING = "898082745236"
_CONTAINER_SERVICE = "591542846629"
_AMAZON_LINUX_GB = 8
_ARCHITECTURES = {"x86_64": "amd64", "arm64": "arm64"}
_PREFIXES = ("/aws/service/canonical/", "/aws/service/deeplearning/")


@dataclass(frozen=True)
class PublicImage:
    """An image that its owner publishes under a parameter name."""

    parameter: str
    name: str
    owner: str
    architecture: str
    root_device: str
    root_gb: int

    def id_in(self, region: str) -> str:
        return "ami-0" + hashlib.sha256(f"{region}/{self.parameter}".encode()).hexdigest()[:16]


def public_images() -> Iterator[PublicImage]:
    yield from _ubuntu()
    yield from _deep_learning()
    yield from _with_docker()


def _ubuntu() -> Iterator[PublicImage]:
    releases = (("24.04", "noble", "ebs-gp3"), ("22.04", "jammy", "ebs-gp2"))
    for version, code_name, storage in releases:
        for architecture, label in _ARCHITECTURES.items():
            yield PublicImage(
                f"/aws/service/canonical/ubuntu/server/{version}/stable/current/{label}/hvm/{storage}/ami-id",
                f"ubuntu/images/hvm-ssd-gp3/ubuntu-{code_name}-{version}-{label}-server-20261101",
                _CANONICAL,
                architecture,
                "/dev/sda1",
                8,
            )


def _deep_learning() -> Iterator[PublicImage]:
    systems = {
        "amazon-linux-2023": ("Amazon Linux 2023", "/dev/xvda"),
        "ubuntu-22.04": ("Ubuntu 22.04", "/dev/sda1"),
        "ubuntu-24.04": ("Ubuntu 24.04", "/dev/sda1"),
    }
    kinds = {
        "base-oss-nvidia-driver-gpu": ("Deep Learning Base OSS Nvidia Driver GPU AMI", 75),
        "oss-nvidia-driver-gpu-pytorch-2.7": ("Deep Learning OSS Nvidia Driver AMI GPU PyTorch 2.7", 75),
        "oss-nvidia-driver-gpu-pytorch-2.8": ("Deep Learning OSS Nvidia Driver AMI GPU PyTorch 2.8", 75),
    }
    for system, (system_name, root_device) in systems.items():
        for kind, (title, size) in kinds.items():
            for architecture in _ARCHITECTURES:
                prefix = "Deep Learning ARM64" if architecture == "arm64" else "Deep Learning"
                yield PublicImage(
                    f"/aws/service/deeplearning/ami/{architecture}/{kind}-{system}/latest/ami-id",
                    f"{title.replace('Deep Learning', prefix)} ({system_name}) 20261101",
                    _DEEP_LEARNING,
                    architecture,
                    root_device,
                    size,
                )


def _with_docker() -> Iterator[PublicImage]:
    """Those of Amazon's container service."""
    for architecture in _ARCHITECTURES:
        part = "arm64/" if architecture == "arm64" else ""
        yield PublicImage(
            f"/aws/service/ecs/optimized-ami/amazon-linux-2023/{part}recommended/image_id",
            f"al2023-ami-ecs-hvm-2023.0.20261101-kernel-6.1-{architecture}",
            _CONTAINER_SERVICE,
            architecture,
            "/dev/xvda",
            30,
        )


def root_gigabytes(image: Any) -> int:
    """The size of an image's root snapshot."""
    return int(getattr(image, "runctl_root_gb", _AMAZON_LINUX_GB))


def apply(patches: Patches, emulation: Emulation) -> None:  # noqa: ARG001
    _add_images(patches)
    _add_parameters(patches)
    patches.replace(Ami, "block_device_mappings", property(_root_mapping))


def _add_images(patches: Patches) -> None:
    def make(load_amis: Any) -> Any:
        def load(self: Any) -> None:
            load_amis(self)
            for image in public_images():
                self.amis[image.id_in(self.region_name)] = _ami(self, image)

        return load

    patches.wrap(AmiBackend, "_load_amis", make)


def _ami(backend: Any, image: PublicImage) -> Any:
    ami = Ami(
        backend,
        image.id_in(backend.region_name),
        name=image.name,
        description=image.name,
        owner_id=image.owner,
        owner_alias="amazon" if image.owner == _DEEP_LEARNING else None,
        public=True,
        virtualization_type="hvm",
        architecture=image.architecture,
        root_device_name=image.root_device,
        root_device_type="ebs",
        hypervisor="xen",
        image_location=f"{image.owner}/{image.name}",
    )
    ami.runctl_root_gb = image.root_gb
    return ami


def _root_mapping(ami: Any) -> list[dict[str, Any]]:
    root = {
        "SnapshotId": ami.ebs_snapshot.id,
        "VolumeSize": root_gigabytes(ami),
        "DeleteOnTermination": True,
        "VolumeType": "gp3",
        "Encrypted": False,
    }
    return [{"DeviceName": ami.root_device_name, "Ebs": root}]


def _add_parameters(patches: Patches) -> None:
    def make(check: Any) -> Any:
        def load(self: Any, key: str) -> None:
            check(self, key)
            if str(key or "").startswith(_PREFIXES) and not getattr(self, "runctl_images_loaded", False):
                self.runctl_images_loaded = True
                _load_parameters(self)

        return load

    patches.wrap(ParameterDict, "_check_loading_status", make)


def _load_parameters(parameters: Any) -> None:
    for image in public_images():
        parameter = Parameter(
            account_id=parameters.account_id,
            name=image.parameter,
            value=image.id_in(parameters.region_name),
            parameter_type="String",
            description=None,
            allowed_pattern=None,
            keyid=None,
            last_modified_date=utcnow(),
            version=1,
            data_type="aws:ec2:image",
        )
        dict.setdefault(parameters, image.parameter, []).append(parameter)
