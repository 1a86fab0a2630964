"""The environment of a host's init, user data and services; nothing else of the machine's is passed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sandbox.hosts.launch import HOST_MARK

_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def host_environment(
    *,
    mark: str,
    root: Path | None,
    programs: Path,
    cloud_url: str,
    metadata_url: str,
    settings: Mapping[str, str],
    library_path: Path | None,
) -> dict[str, str]:
    """`root` is the host's folder without a namespace, else None; `programs` is the path inside the host."""
    inside = root or Path("/")
    found = {
        **settings,
        "PATH": f"{programs}/bin:{_SYSTEM_PATH}",
        "HOME": str(inside / "root"),
        "LANG": "C.UTF-8",
        "AWS_ENDPOINT_URL": cloud_url,
        "AWS_EC2_METADATA_SERVICE_ENDPOINT": metadata_url,
        HOST_MARK: mark,
    }
    if root:
        found |= {"RUNCTL_ROOT": str(root), "TMPDIR": str(root / "tmp")}
    if library_path:
        found["LD_LIBRARY_PATH"] = str(library_path)
    return found
