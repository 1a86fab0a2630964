"""A machine that really forbids user namespaces: hosts run plainly, and the reason is told."""

import shutil
import subprocess

import pytest

pytestmark = pytest.mark.sandbox


def cage() -> tuple[str, ...]:
    """A command prefix under which no further user namespace can be made."""
    bwrap = shutil.which("bwrap")
    if not bwrap:
        pytest.skip("bubblewrap is not installed")
    prefix = (
        bwrap,
        "--unshare-user",
        "--disable-userns",
        "--uid",
        "1000",
        "--gid",
        "1000",
        "--dev-bind",
        "/",
        "/",
    )
    if subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("this bubblewrap cannot forbid user namespaces")
    return prefix


def test_falls_back_to_plain_and_says_why(start_process, cloud, tmp_path, waiting):
    folder = tmp_path / "cloud"
    folder.mkdir()
    hosts = start_process("auto", folder, prefix=cage())
    assert hosts.ready["isolation"] == "plain"
    assert "no namespaces (" in hosts.ready["isolation_reason"]
    assert "unshare: " in hosts.ready["isolation_reason"]
    cloud.run("i-0caged", '#!/bin/bash\nid -u > "$RUNCTL_ROOT/root/uid"\nshutdown -h now\nsleep 60\n')
    cloud.await_state("i-0caged", "terminated")
    assert "halted" in hosts.console("i-0caged")


def test_wish_for_namespaces_is_refused(cloud, tmp_path, start_process):
    folder = tmp_path / "cloud"
    folder.mkdir()
    with pytest.raises(
        AssertionError, match="RUNCTL_SANDBOX_ISOLATION=namespaces, but this machine does not allow it"
    ):
        start_process("auto", folder, prefix=cage(), RUNCTL_SANDBOX_ISOLATION="namespaces")
