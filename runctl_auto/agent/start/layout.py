"""Paths on the instance: absolute, all below one root."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

STANDARD_VARIABLES = ("AWS_ENDPOINT_URL", "AWS_EC2_METADATA_SERVICE_ENDPOINT", "AWS_CA_BUNDLE", "RUNCTL_ROOT")


def variables_of(environment: Mapping[str, str]) -> dict[str, str]:
    """The standard variables that are set: the agent's units pass them on."""
    return {name: environment[name] for name in STANDARD_VARIABLES if environment.get(name)}


@dataclass(frozen=True)
class Layout:
    """Paths of the instance below `root` (RUNCTL_ROOT, by default the machine's own root)."""

    root: Path

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Layout:
        return cls(Path(environment.get("RUNCTL_ROOT") or "/"))

    def resolve(self, absolute: str) -> Path:
        """An absolute path mapped below the root."""
        return self.root / absolute.lstrip("/")

    @property
    def home(self) -> Path:
        return self.resolve("/var/lib/runctl")

    @property
    def config(self) -> Path:
        return self.home / "config.json"

    @property
    def units(self) -> Path:
        return self.resolve("/etc/systemd/system")

    def agent(self, sha256: str) -> Path:
        return self.home / f"agent-{sha256}.pyz"

    def volume_device(self, volume_id: str) -> Path:
        """The link that udev creates for an attached EBS volume."""
        name = volume_id.replace("-", "")
        return self.resolve(f"/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_{name}")

    @property
    def instance_store_devices(self) -> tuple[Path, ...]:
        """The links that udev creates for the disks of the machine itself, in order."""
        folder = self.resolve("/dev/disk/by-id")
        found = folder.glob("nvme-Amazon_EC2_NVMe_Instance_Storage_*")
        # Each disk has a second link, with its namespace appended.
        return tuple(sorted(each for each in found if not each.name.endswith(("-ns-1", "_1"))))

    def run_folder(self, run: str) -> Path:
        """Paths of one run: its work folder, its output, the state that a restarted agent needs."""
        return self.home / "runs" / run
