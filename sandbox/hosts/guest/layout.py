"""Paths inside a host, for its init and its own programs."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

BY_ID_PREFIX = "nvme-Amazon_Elastic_Block_Store_"


@dataclass(frozen=True)
class HostLayout:
    """Paths of one host under `root`: `/` in a namespace, the host's folder where there is none."""

    root: Path

    @classmethod
    def of_environment(cls) -> HostLayout:
        return cls(Path(os.environ.get("RUNCTL_ROOT") or "/"))

    @property
    def units(self) -> Path:
        return self.root / "etc/systemd/system"

    @property
    def journal(self) -> Path:
        return self.root / "var/log/journal"

    @property
    def run(self) -> Path:
        """State of the current boot only."""
        return self.root / "run/host"

    @property
    def mount_table(self) -> Path:
        return self.run / "mounts.json"

    @property
    def covered(self) -> Path:
        """Folders covered by a mount are kept here until `umount`."""
        return self.root / "run/host/covered"

    @property
    def timer_stamps(self) -> Path:
        return self.root / "var/lib/systemd/timers"

    @property
    def instance(self) -> Path:
        """cloud-init's folder of this instance: user data and the marker that it has run."""
        return self.root / "var/lib/cloud/instance"

    @property
    def user_data(self) -> Path:
        return self.instance / "user-data.txt"

    @property
    def user_data_done(self) -> Path:
        return self.instance / "boot-finished"

    @property
    def cloud_init_log(self) -> Path:
        return self.root / "var/log/cloud-init-output.log"

    @property
    def devices(self) -> Path:
        return self.root / "dev/disk/by-id"

    @property
    def volumes(self) -> Path:
        """One folder per attached volume, named by its id."""
        return self.root / ".volumes"
