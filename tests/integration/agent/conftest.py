"""A machine for the agent: moto as its cloud, a metadata service, stand-ins for the system's programs."""

from __future__ import annotations

import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from runctl_auto.agent.contract import SCHEMA
from runctl_auto.agent.keys import node_logs_prefix, spec_key, status_key
from runctl_auto.agent.packages import package_key
from runctl_auto.agent.spec import spec_digest
from runctl_auto.agent.start.bundle import build_bundle
from runctl_auto.agent.start.user_data import render_user_data

ACCOUNT = "123456789012"
BUCKET = "runctl-demo-artifacts-00000000"
RUN = "0123456789"
REGION = "us-east-1"

STUBS = {
    # Starts the service's command in a session of its own, again when it fails: Restart=on-failure.
    "systemctl": """#!/bin/bash
echo "systemctl $*" >>"$STUB_FOLDER/calls"
[ "$1" = enable ] || exit 0
case "$3" in *.service) ;; *) exit 0 ;; esac
unit="$RUNCTL_ROOT/etc/systemd/system/$3"
command=$(sed -n 's/^ExecStart=//p' "$unit")
setsid bash -c "echo \\$\\$ >\\$STUB_FOLDER/service.pid; until $command; do sleep 0.2; done" \
  >>"$STUB_FOLDER/service.log" 2>&1 </dev/null &
""",
    "shutdown": """#!/bin/bash
echo "shutdown $*" >>"$STUB_FOLDER/calls"
touch "$STUB_FOLDER/halted"
""",
    "blkid": """#!/bin/bash
echo "blkid $*" >>"$STUB_FOLDER/calls"
[ -e "$STUB_FOLDER/formatted" ] || exit 2
""",
    "mkfs.ext4": """#!/bin/bash
echo "mkfs.ext4 $*" >>"$STUB_FOLDER/calls"
touch "$STUB_FOLDER/formatted"
""",
    "mount": '#!/bin/bash\necho "mount $*" >>"$STUB_FOLDER/calls"\n',
    "umount": '#!/bin/bash\necho "umount $*" >>"$STUB_FOLDER/calls"\n',
}


class MetadataService:
    """Answers like the instance metadata service; `notice` is the spot instance action, `rebalance` the
    recommendation to leave the machine.
    """

    def __init__(self) -> None:
        self.notice: dict[str, str] | None = None
        self.rebalance: str | None = None
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                self._answer("token" if self.path == "/latest/api/token" else None)

            def do_GET(self) -> None:
                if self.headers.get("X-aws-ec2-metadata-token") != "token":
                    self.send_error(401)
                    return
                self._answer(service.answer(self.path))

            def _answer(self, text: str | None) -> None:
                self.send_response(404 if text is None else 200)
                self.end_headers()
                self.wfile.write((text or "").encode())

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        ).start()

    def answer(self, path: str) -> str | None:
        keys = {"AccessKeyId": "ASIATEST", "SecretAccessKey": "secret", "Token": "session"}
        return {
            "/latest/meta-data/instance-id": "i-0123456789abcdef0",
            "/latest/meta-data/iam/security-credentials/": "role",
            "/latest/meta-data/iam/security-credentials/role": json.dumps(
                {**keys, "Expiration": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 7200))}
            ),
            "/latest/meta-data/spot/instance-action": json.dumps(self.notice) if self.notice else None,
            "/latest/meta-data/events/recommendations/rebalance": self.rebalance,
        }.get(path)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@dataclass
class Machine:
    """One machine: a root folder, its programs, its metadata service, and the bucket of its job."""

    root: Path
    stubs: Path
    s3: Any
    environment: dict[str, str]
    metadata: MetadataService
    spec: dict[str, Any] = field(default_factory=dict)

    def boot(self, deadline_seconds: float = 3600) -> subprocess.CompletedProcess[bytes]:
        """Runs the user data to its end, as the first boot does."""
        bundle = build_bundle()
        digest = hashlib.sha256(bundle).hexdigest()
        self.s3.put_object(Bucket=BUCKET, Key=package_key("agent", digest), Body=bundle)
        config = {
            "job": "demo", "run": RUN, "region": REGION, "bucket": BUCKET, "account": ACCOUNT,
            "agent": {"key": package_key("agent", digest), "sha256": digest},
            "spec_key": spec_key(RUN), "spec_sha256": spec_digest(self.spec) if self.spec else "",
            "deadline_seconds": deadline_seconds,
        }  # fmt: skip
        script = self.stubs.parent / "user-data"
        script.write_text(render_user_data(config))
        script.chmod(0o755)
        return subprocess.run([script], env=self.environment, capture_output=True, timeout=120, check=False)

    def provide(self, files: Mapping[str, str], **changes: Any) -> None:
        """Stores code and spec of the run."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
            for name, text in files.items():
                entry = tarfile.TarInfo(name)
                entry.size = len(text.encode())
                archive.addfile(entry, io.BytesIO(text.encode()))
        digest = hashlib.sha256(buffer.getvalue()).hexdigest()
        self.s3.put_object(Bucket=BUCKET, Key=package_key("code", digest), Body=buffer.getvalue())
        self.spec = {
            "schema": SCHEMA, "job": "demo", "run": RUN, "attempt": 1, "lineage": RUN, "node": 0, "nodes": 1,
            "setup": None, "command": "true", "env": {},
            "code": {"key": package_key("code", digest), "sha256": digest},
            "volumes": [], "checkpoints": {"path": "checkpoints", "every_seconds": 0.3, "keep": 2},
            "artifacts": {"paths": []}, "limits": {"max_duration_seconds": None}, **changes,
        }  # fmt: skip
        self.s3.put_object(Bucket=BUCKET, Key=spec_key(RUN), Body=json.dumps(self.spec))

    def status(self) -> dict[str, Any]:
        """The run's status, empty before there is one."""
        try:
            found: dict[str, Any] = json.loads(self.read(status_key(RUN)))
        except self.s3.exceptions.NoSuchKey:
            return {}
        return found

    def read(self, key: str) -> bytes:
        return bytes(self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())

    def keys(self, prefix: str) -> list[str]:
        found = self.s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])
        return [item["Key"] for item in found]

    def logs(self) -> str:
        return b"".join(self.read(key) for key in sorted(self.keys(node_logs_prefix(RUN, 0)))).decode()

    def calls(self) -> list[str]:
        file = self.stubs / "calls"
        return file.read_text().splitlines() if file.exists() else []

    def wait_for(self, what: Callable[[], object], seconds: float = 30) -> None:
        """Blocks until `what()` is true."""
        give_up = time.monotonic() + seconds
        while not what():
            assert time.monotonic() < give_up, f"{self.status()}\n{self.console()}"
            time.sleep(0.1)

    def wait_until_halted(self) -> dict[str, Any]:
        self.wait_for((self.stubs / "halted").exists)
        return self.status()

    def console(self) -> str:
        log = self.stubs / "service.log"
        return log.read_text() if log.exists() else ""

    def agent_pid(self) -> int:
        """The agent's process: the only child of the service's shell."""
        shell = (self.stubs / "service.pid").read_text().strip()
        children = Path(f"/proc/{shell}/task/{shell}/children").read_text().split()
        return int(children[0])

    def power_off(self) -> None:
        """Ends whatever the machine still runs."""
        record = self.root / f"var/lib/runctl/runs/{RUN}/job.json"
        pids = (
            [int((self.stubs / "service.pid").read_text())] if (self.stubs / "service.pid").exists() else []
        )
        if record.exists():
            pids.append(json.loads(record.read_text())["pid"])
        for pid in pids:
            try:
                os.killpg(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue


@pytest.fixture(scope="session")
def cloud() -> Iterator[str]:
    """A plain moto server; yields its address."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def new_machine(tmp_path: Path, cloud: str) -> Iterator[Callable[..., Machine]]:
    """Makes machines that share the job's bucket, which is new for each test."""
    s3 = boto3.client(
        "s3", region_name=REGION, endpoint_url=cloud, aws_access_key_id="test", aws_secret_access_key="test"
    )
    s3.create_bucket(Bucket=BUCKET)
    machines: list[Machine] = []

    def make(python: str = getattr(sys, "_base_executable", sys.executable)) -> Machine:
        folder = tmp_path / f"machine-{len(machines)}"
        root, stubs = folder / "root", folder / "stubs"
        root.mkdir(parents=True)
        stubs.mkdir()
        for name, text in STUBS.items():
            (stubs / name).write_text(text)
            (stubs / name).chmod(0o755)
        (stubs / "python3").symlink_to(python)
        metadata = MetadataService()
        environment = {
            "PATH": f"{stubs}:/usr/bin:/bin",
            "HOME": str(root),
            "RUNCTL_ROOT": str(root),
            "STUB_FOLDER": str(stubs),
            "AWS_ENDPOINT_URL": cloud,
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": metadata.url,
        }
        machines.append(Machine(root, stubs, s3, environment, metadata))
        return machines[-1]

    yield make
    for machine in machines:
        machine.power_off()
        machine.metadata.close()
    for item in s3.list_objects_v2(Bucket=BUCKET).get("Contents", []):
        s3.delete_object(Bucket=BUCKET, Key=item["Key"])
    s3.delete_bucket(Bucket=BUCKET)


@pytest.fixture
def machine(new_machine: Callable[..., Machine]) -> Machine:
    return new_machine()
