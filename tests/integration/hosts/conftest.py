"""A scripted cloud that speaks the control interface, and the process that runs hosts."""

import base64
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.parse
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest

from sandbox.access.keys import new_keys

ROOT = Path(__file__).resolve().parents[3]
SERVE = ROOT / "sandbox/hosts/serve.py"
KEYS = new_keys()
PATIENCE_SECONDS = 120.0
"""How long a busy machine may take for what is due at once."""


class ScriptedCloud:
    """Instances that the test moves from state to state; hosts' reports are obeyed like the cloud does."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.version = 1
        self.instances: dict[str, dict] = {}
        self.volumes: set[str] = set()
        self.user_data: dict[str, bytes] = {}
        self.ended: list[tuple[str, int]] = []
        self.closed = False
        cloud = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                path, _, query = self.path.partition("?")
                assert self.headers["Authorization"] == KEYS.bearer
                assert path == "/sandbox-api/instances"
                told = dict(urllib.parse.parse_qsl(query))
                self.answer(json.dumps(cloud.poll(int(told["since"]), float(told["timeout"]))).encode())

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.path.startswith("/sandbox-api/"):
                    cloud.report(self.path.split("/")[3], json.loads(body)["boot"])
                    return self.answer(b"{}")
                return self.answer(cloud.query(dict(urllib.parse.parse_qsl(body.decode()))))

            def answer(self, body):
                with contextlib.suppress(ConnectionError):
                    self.send_response(200)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05})
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def close(self) -> None:
        self.closed = True
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def poll(self, since, timeout):
        with self.changed:
            self.changed.wait_for(lambda: self.version > since or self.closed, timeout)
            return {
                "version": self.version,
                "instances": json.loads(json.dumps(list(self.instances.values()))),
                "volumes": sorted(self.volumes),
            }

    def report(self, instance, boot):
        with self.changed:
            found = self.instances.get(instance)
            self.ended.append((instance, boot))
            if found and found["boot"] == boot and found["state"] in ("running", "shutting-down", "stopping"):
                stops = found["state"] == "stopping" or (
                    found["state"] == "running" and found["shutdown_behavior"] == "stop"
                )
                found["state"] = "stopped" if stops else "terminated"
                self.version += 1
            self.changed.notify_all()

    def query(self, parameters):
        if parameters["Action"] == "DescribeInstanceAttribute":
            data = base64.b64encode(self.user_data[parameters["InstanceId"]]).decode()
            return f'<R xmlns="http://x/"><userData><value>{data}</value></userData></R>'.encode()
        if parameters["Action"] == "DescribeInstances":
            return b"<R><iamInstanceProfile><arn>arn:p</arn><id>AIPA1</id></iamInstanceProfile></R>"
        assert parameters["Action"] == "AssumeRole"
        return (
            b"<R><Credentials><AccessKeyId>ASIA1</AccessKeyId><SecretAccessKey>s</SecretAccessKey>"
            b"<SessionToken>t</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></R>"
        )

    def run(self, name, user_data="", **fields):
        """A new running instance with this user data."""
        self.user_data[name] = user_data.encode() if isinstance(user_data, str) else user_data
        told = {
            "id": name, "region": "us-east-1", "zone": "us-east-1a", "type": "t3.micro", "image": "ami-1",
            "state": "running", "market": "spot", "shutdown_behavior": "terminate",
            "account": "123456789012", "private_ip": "10.0.0.7",
            "role": "arn:aws:iam::123456789012:role/trainer",
            "tags": {"Name": name},
            "boot": 1, "volumes": [], "interruption": None,
        }  # fmt: skip
        self.change(name, **{**told, **fields})

    def change(self, name, **fields):
        with self.changed:
            self.instances.setdefault(name, {}).update(fields)
            self.version += 1
            self.changed.notify_all()

    def remove_volume(self, volume):
        with self.changed:
            self.volumes.discard(volume)
            self.version += 1
            self.changed.notify_all()

    def await_state(self, name, state, seconds=PATIENCE_SECONDS):
        with self.changed:
            reached = self.changed.wait_for(lambda: self.instances[name]["state"] == state, seconds)
            assert reached, f"{name} is {self.instances[name]['state']}"


class HostsProcess:
    """`serve.py` as the supervisor starts it."""

    def __init__(
        self, cloud: ScriptedCloud, folder: Path, environment, prefix=(), python=sys.executable
    ) -> None:
        self.folder = folder
        self.ready_file = folder / "hosts.ready"
        self.ready_file.unlink(missing_ok=True)
        self.log = folder / "hosts.log"
        command = [*prefix, python, "-I", str(SERVE), "--cloud", cloud.url, "--folder", str(folder)]
        keys = folder / "keys.json"
        if not keys.exists():
            keys.write_text(json.dumps(asdict(KEYS)))
            keys.chmod(0o644)  # hosts of another user's are started in some tests
        command += ["--ready-file", str(self.ready_file), "--keys", str(keys)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=folder,
                umask=0o077,  # the strictest that a caller may have
            )
        self.ready = json.loads(wait_until(self._read_ready))

    def _read_ready(self):
        assert self.process.poll() is None, self.log.read_text()
        return self.ready_file.read_text() if self.ready_file.exists() else None

    def kill(self):
        self.process.kill()
        self.process.wait(PATIENCE_SECONDS)

    def stop(self):
        if self.process.poll() is None:
            os.kill(self.ready["pid"], signal.SIGTERM)
            assert self.process.wait(PATIENCE_SECONDS) == 0, self.log.read_text()

    def root(self, name) -> Path:
        place = self.folder / "hosts/place.json"
        base = Path(json.loads(place.read_text())["place"]) if place.exists() else self.folder
        return base / "hosts" / name / "root"

    def console(self, name) -> str:
        path = self.folder / "hosts" / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def record(self, name) -> dict:
        return json.loads((self.folder / "hosts" / f"{name}.json").read_text())


def wait_until(look, seconds=PATIENCE_SECONDS):
    """The first true value of `look`, asked every 20 ms."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
    return found


@pytest.fixture
def cloud():
    cloud = ScriptedCloud()
    yield cloud
    cloud.close()


@pytest.fixture
def waiting():
    return wait_until


def available_isolations() -> list[str]:
    return ["bubblewrap", "unshare", "plain"]


def environment_for(isolation: str, folder: Path) -> dict[str, str]:
    """The caller's environment, with only one kind of isolation to be found."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "RUNCTL_"))}
    if isolation == "auto":
        return environment
    if isolation == "plain":
        return {**environment, "RUNCTL_SANDBOX_ISOLATION": "plain"}
    programs = folder / "only"
    programs.mkdir(exist_ok=True)
    name = {"bubblewrap": "bwrap", "unshare": "unshare"}[isolation]
    import shutil

    found = shutil.which(name)
    if not found:
        pytest.skip(f"{name} is not installed")
    if not (programs / name).exists():
        (programs / name).symlink_to(found)
    probe = (
        [found, "-Ur", "true"]
        if name == "unshare"
        else [found, "--unshare-user", "--ro-bind", "/", "/", "true"]
    )
    if subprocess.run(probe, capture_output=True, check=False).returncode != 0:
        pytest.skip("this machine allows no user namespaces")
    return {**environment, "PATH": str(programs), "RUNCTL_SANDBOX_ISOLATION": "namespaces"}


@pytest.fixture(params=available_isolations())
def isolation(request):
    return request.param


@pytest.fixture
def start_process(cloud):
    """Starts `serve.py` for a folder; everything it started has ended after the test."""
    started: list[HostsProcess] = []

    def start(isolation, folder, *, prefix=(), python=sys.executable, **more):
        environment = {**environment_for(isolation, folder), **more}
        process = HostsProcess(cloud, folder, environment, prefix, python)
        started.append(process)
        return process

    yield start
    for process in started:
        process.stop()
    for folder in {process.folder for process in started if process.folder.exists()}:
        stopped = [sys.executable, "-I", str(SERVE), "--stop-hosts", "--folder", str(folder)]
        assert subprocess.run(stopped, check=False).returncode == 0


@pytest.fixture
def start_hosts(start_process, tmp_path):
    """Starts `serve.py` as the caller, again and again for the same folder."""
    folder = tmp_path / "cloud"
    folder.mkdir()
    return lambda isolation, **more: start_process(isolation, folder, **more)


@pytest.fixture
def hosts(start_hosts, isolation):
    return start_hosts(isolation)


@pytest.fixture
def restart(start_hosts, isolation):
    """Starts the next process that runs hosts, for the same folder."""
    return lambda: start_hosts(isolation)


@pytest.fixture
def machine(hosts, cloud, waiting):
    """`machine(script)` runs it as user data of an instance and gives what it left in /root/result."""

    def run(script, name="i-0machine", **fields):
        text = f'#!/bin/bash\nROOT="${{RUNCTL_ROOT:-}}"\n{script}\ntouch "$ROOT/root/done"\n'
        cloud.run(name, text, **fields)
        root = hosts.root(name)
        waiting((root / "root/done").exists, 30)
        result = root / "root/result"
        return SimpleNamespace(
            name=name,
            root=root,
            result=result.read_text() if result.exists() else "",
        )

    return run
