"""An S3 server and another transfer tool for measurements: built once with Go, kept in the person's cache.

versitygw keeps CRC64NVME of whole objects, ListParts with checksums and If-Match on ranges; the emulated
cloud is itself the bottleneck in a measurement.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runctl_auto.local.user_folders import cache_folder

MODULES = {
    "versitygw": ("github.com/versity/versitygw", "cmd/versitygw", "v1.8.0"),
    "s5cmd": ("github.com/peak/s5cmd/v2", "", "v2.3.0"),
    "rclone": ("github.com/rclone/rclone", "", "v1.76.0"),
}
AWS_CLI = "1.46.3"
ACCESS_KEY, SECRET_KEY, REGION = "benchmark", "benchmark-secret", "us-east-1"


@dataclass(frozen=True)
class Server:
    """A running server with its keys. ``folder`` holds its buckets, as folders."""

    endpoint: str
    folder: Path
    access_key: str = ACCESS_KEY
    secret_key: str = SECRET_KEY

    @property
    def variables(self) -> dict[str, str]:
        """The environment of its clients."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "S3_ENDPOINT_URL": self.endpoint,  # s5cmd
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def client(self) -> Any:
        """A client of boto3."""
        import boto3

        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
        )


def aws_cli() -> Path:
    """The folder of AWS's command line and what it needs, for PYTHONPATH; fetched from PyPI on first use.

    Raises ``RuntimeError`` when it cannot be had.
    """
    folder = cache_folder(os.environ) / "benchmarks" / f"awscli-{AWS_CLI}"
    if folder.exists():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as arriving:
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        done = subprocess.run(
            [*command, "--target", f"{arriving}/packages", f"awscli=={AWS_CLI}"],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"awscli {AWS_CLI} could not be installed: {done.stderr[-500:]}")
        shutil.move(f"{arriving}/packages", folder)
    return folder


def tool(name: str) -> Path:
    """The executable of a tool; built on first use, which takes some minutes.

    Raises ``RuntimeError`` when there is no Go, or the module cannot be built.
    """
    module, package, version = MODULES[name]
    built = cache_folder(os.environ) / "benchmarks" / f"{name}-{version}"
    if built.exists():
        return built
    go = shutil.which("go")
    if go is None:
        raise RuntimeError(f"{name} is built with Go, which is not on PATH.")
    built.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "go.mod").write_text(f"module x\ngo 1.22\nrequire {module} {version}\n")
        arriving = Path(folder) / name
        target = f"{module}/{package}" if package else module
        done = subprocess.run(
            [go, "build", "-o", str(arriving), target],
            cwd=folder,
            env={**os.environ, "GOFLAGS": "-mod=mod"},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{name} could not be built: {done.stderr[-500:]}")
        shutil.move(arriving, built)
    return built


@contextmanager
def server(
    folder: Path,
    *,
    access_key: str = ACCESS_KEY,
    secret_key: str = SECRET_KEY,
    sidecar: Path | None = None,
) -> Iterator[Server]:
    """A server over ``folder`` while the context is open. With ``sidecar``, what it knows of objects and
    parts is in files there, not in attributes of the file system, which have room for some hundred parts.
    """
    folder.mkdir(parents=True, exist_ok=True)
    beside = [] if sidecar is None else ["--sidecar", str(sidecar)]
    if sidecar is not None:
        sidecar.mkdir(parents=True, exist_ok=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [str(tool("versitygw")), "--port", f"127.0.0.1:{port}", "--quiet", "posix", *beside, str(folder)],
        env={**os.environ, "ROOT_ACCESS_KEY": access_key, "ROOT_SECRET_KEY": secret_key},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait(port, process)
        yield Server(f"http://127.0.0.1:{port}", folder, access_key, secret_key)
    finally:
        process.kill()
        process.wait()


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if process.poll() is not None:
            break
        time.sleep(0.05)
    raise RuntimeError("versitygw did not start.")
