"""Hosts of a caller who is not root: the same life, in namespaces and without."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.sandbox,
    pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary caller runs all the other tests as such"),
]

NOBODY = 65534
AS_NOBODY = (
    shutil.which("setpriv") or "setpriv",
    f"--reuid={NOBODY}",
    f"--regid={NOBODY}",
    "--clear-groups",
    "--inh-caps=-all",
)


def python_for_everybody() -> str | None:
    """An interpreter that an ordinary user can run, of a version that hosts need."""
    check = "import sys, ensurepip, asyncio; sys.exit(sys.version_info < (3, 10))"
    for found in ("/usr/bin/python3", "/usr/local/bin/python3"):
        asked = [*AS_NOBODY, found, "-I", "-c", check]
        if Path(found).exists() and subprocess.run(asked, capture_output=True, check=False).returncode == 0:
            return found
    return None


@pytest.fixture
def ordinary_hosts(cloud, isolation, start_process):
    """`serve.py` of nobody, in a folder of nobody's."""
    python = python_for_everybody()
    if not python or not shutil.which("setpriv"):
        pytest.skip("no interpreter that an ordinary user could run")
    folder = Path(tempfile.mkdtemp(prefix="runctl-test-"))
    os.chown(folder, NOBODY, NOBODY)
    try:
        hosts = start_process(isolation, folder, prefix=AS_NOBODY, python=python)
        yield hosts
        hosts.stop()  # it writes into the folder until it has ended
    finally:
        shutil.rmtree(folder)


SERVICE = """#!/bin/bash
ROOT="${RUNCTL_ROOT:-}"
cat > $ROOT/etc/systemd/system/work.service <<END
[Service]
ExecStart=/usr/bin/env python3 $ROOT/root/work.py
END
cat > $ROOT/root/work.py <<'END'
import os, subprocess
with open(os.path.expanduser("~/uid"), "w") as told:
    told.write(str(os.getuid()))
subprocess.run(["shutdown", "-h", "now"], check=True)
END
systemctl start work
sleep 60
"""


def test_whole_life(ordinary_hosts, cloud, isolation, waiting):
    hosts = ordinary_hosts
    cloud.run("i-0plain", SERVICE, shutdown_behavior="stop")
    cloud.await_state("i-0plain", "stopped")
    uid = (hosts.root("i-0plain") / "root/uid").read_text()
    assert uid == (str(NOBODY) if isolation == "plain" else "0")
    assert (hosts.root("i-0plain") / "root/uid").stat().st_uid == NOBODY
    if isolation == "plain":
        assert "hosts run as you" in hosts.ready["isolation_reason"]
    cloud.change("i-0plain", state="terminated")
    waiting(lambda: not hosts.root("i-0plain").exists())
    assert "halted" in hosts.console("i-0plain")


def test_stop_ends_what_detached_itself(ordinary_hosts, cloud, waiting):
    hosts = ordinary_hosts
    cloud.run("i-0away", '#!/bin/bash\nsetsid sleep 1000 &\ntouch "${RUNCTL_ROOT:-}/root/done"\n')
    waiting((hosts.root("i-0away") / "root/done").exists)
    mark = f"RUNCTL_SANDBOX_HOST={hosts.record('i-0away')['mark']}".encode()
    hosts.stop()
    left = [path for path in Path("/proc").glob("[0-9]*") if mark in environ(path)]
    assert left == []


def environ(process: Path) -> bytes:
    try:
        return (process / "environ").read_bytes()
    except OSError:
        return b""
