"""Several project folders on one emulated cloud and one backend, as people on several machines have them.

The commands run without ``--sandbox``: only their environment says which cloud answers.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from support.emulated_cloud import client
from support.runctl_cli import Runctl

from sandbox.daemon import Endpoints, ensure_started, stop

BUCKET = "states-of-the-team"


class Member(Runctl):
    """``runctl`` in a project folder of its own, on the shared cloud."""

    def command(self, *arguments: str) -> list[str]:
        return [str(Path(sys.executable).with_name("runctl")), *arguments]


class FarMember(Member):
    """As on another machine: with a host name and a numbering of processes of its own. Needs root."""

    def command(self, *arguments: str) -> list[str]:
        alone = ["unshare", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc"]
        named = ["sh", "-c", 'hostname "$0" && exec "$@"', f"machine-of-{self.folder.name}"]
        return [*alone, *named, *super().command(*arguments)]


@dataclass(frozen=True)
class SharedCloud:
    """An emulated cloud of its own, in ``folder``; ``stop`` ends it."""

    folder: Path
    endpoints: Endpoints

    @classmethod
    def start(cls, folder: Path) -> SharedCloud:
        sandbox = folder / "cloud" / ".runctl" / "sandbox"
        sandbox.parent.mkdir(parents=True, mode=0o700)
        # The sandbox's provider reads assets of its own folder: here of every member's.
        (sandbox.parent / "packages").symlink_to(folder, target_is_directory=True)
        return cls(folder, ensure_started(sandbox, progress=lambda _: None))

    @classmethod
    @contextmanager
    def started(cls, folder: Path) -> Iterator[SharedCloud]:
        """One that ends with the context."""
        cloud = cls.start(folder)
        try:
            yield cloud
        finally:
            cloud.stop()

    def stop(self) -> None:
        stop(self.folder / "cloud" / ".runctl" / "sandbox")

    @property
    def url(self) -> str:
        return self.endpoints.cloud_url

    def member(self, name: str, backend: str, *, far: bool = False, **env: str) -> Member:
        """A project folder named ``name`` on the backend; ``far``: as on another machine."""
        told = self.endpoints
        variables = {
            "RUNCTL_BACKEND": backend,
            "RUNCTL_OWNER": "team",
            "PULUMI_CONFIG_PASSPHRASE_FILE": str(told.passphrase_file),
            "PULUMI_DEBUG_PROVIDERS": f"aws:{told.provider_port}",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_HOME": str(self.folder / "pulumi-home"),
            "AWS_ENDPOINT_URL": told.cloud_url,
            "AWS_ACCESS_KEY_ID": told.access_key_id,
            "AWS_SECRET_ACCESS_KEY": told.secret_access_key,
            "AWS_REGION": "us-east-1",
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            "AWS_EC2_METADATA_DISABLED": "true",
            **env,
        }
        return (FarMember if far else Member)(self.folder / name, variables)

    def folder_backend(self) -> str:
        """A backend in a shared folder."""
        folder = self.folder / "states"
        folder.mkdir(exist_ok=True)
        return folder.as_uri()

    def bucket_backend(self) -> str:
        """A backend in a bucket of the emulated cloud."""
        client(self.url, "s3").create_bucket(Bucket=BUCKET)
        return f"s3://{BUCKET}/runctl?region=us-east-1&awssdk=v2&use_path_style=true"
