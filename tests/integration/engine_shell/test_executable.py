"""The executable itself: how it starts, what it imports, locks, signals, crashes."""

import json
import os
import signal
import subprocess
import sys
import time
from concurrent import futures
from pathlib import Path

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import events_pb2_grpc

pytestmark = pytest.mark.sandbox

WAITING = """import os, pathlib, time
import pulumi

pulumi.ComponentResource("k:index:C", "c")
folder = pathlib.Path(os.environ["SIGNS"])
(folder / "pid").write_text(str(os.getpid()))
while not (folder / "go").exists():
    time.sleep(0.02)
pulumi.export("done", True)
"""


def test_it_starts_from_a_checkout_through_links_and_from_any_folder(cli, tmp_path):
    link = tmp_path / "links" / "pulumi"
    link.parent.mkdir()
    link.symlink_to(os.path.relpath(cli.executable, link.parent))
    found = subprocess.run([link, "version"], cwd="/", capture_output=True, text=True, check=True)
    assert found.stdout == "v3.260.0\n"


def test_it_starts_from_an_installation_with_that_environments_interpreter(cli, installed):
    cli.executable = installed / "sandbox" / "engine" / "bin" / "pulumi"
    cli.ok("stack", "init", "dev")
    about = cli.json("about", "--json")
    assert about["cliAbout"]["version"] == "3.260.0"
    assert about["runtime"]["executable"] == str(installed.parents[2] / "bin" / "python3")


def test_a_persons_files_do_not_shadow_the_engine(cli):
    for name in ("sandbox.py", "json.py", "yaml.py", "sitecustomize.py"):
        (cli.folder / name).write_text("raise SystemExit('shadowed')\n")
    assert cli.ok("version", PYTHONPATH=str(cli.folder)) == "v3.260.0\n"
    cli.ok("stack", "init", "dev", PYTHONPATH=str(cli.folder))


def test_commands_that_only_read_state_import_neither_grpc_nor_pulumi(cli):
    cli.ok("stack", "init", "dev")
    code = (
        "import os, sys; from sandbox.engine.cli.main import main; "
        "codes = [main(words) for words in (['stack', 'ls'], ['stack'], ['stack', 'export'], "
        "['stack', 'output', '--json'], ['config', '--json'], ['stack', 'history'], ['preview', '--help'])]; "
        "heavy = {'grpc', 'pulumi', 'google.protobuf', 'cryptography'} & sys.modules.keys(); "
        "sys.exit(f'{codes} {heavy}' if heavy or any(codes) else 0)"
    )
    project = Path(__file__).resolve().parents[3]
    found = subprocess.run(
        [sys.executable, "-c", code],
        cwd=cli.folder,
        env={**cli.environment, "PYTHONPATH": str(project)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stderr


@pytest.fixture
def waiting(cli, tmp_path):
    """A stack whose program waits for a sign; what is left of it at the end is ended."""
    signs = tmp_path / "signs"
    signs.mkdir()
    (cli.folder / "__main__.py").write_text(WAITING)
    cli.environment["SIGNS"] = str(signs)
    cli.ok("stack", "init", "dev")
    yield signs
    (signs / "go").touch()


def _await(path, process):
    deadline = time.monotonic() + 30
    while not path.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_the_second_command_on_a_stack_fails_and_names_the_first(cli, waiting):
    first = cli.start("up", "--yes", "--skip-preview")
    _await(waiting / "pid", first)
    code, _, err = cli.run("up", "--yes", "--skip-preview")
    assert code == 1
    assert "the stack is currently locked by 1 lock(s)" in err
    assert f"(pid {first.pid})" in err
    (waiting / "go").touch()
    out, err = first.communicate(timeout=60)
    assert first.returncode == 0, err
    assert "done: true" in out
    assert cli.json("stack", "output", "--json") == {"done": True}


def test_killed_it_leaves_a_readable_state_and_a_lock_that_tells_its_owner(cli, waiting, tmp_path):
    process = cli.start("up", "--yes", "--skip-preview")
    _await(waiting / "pid", process)
    process.kill()
    process.communicate()
    assert cli.json("stack", "export")["version"] == 3
    code, _, err = cli.run("up", "--yes", "--skip-preview")
    assert code == 1
    assert f"(pid {process.pid})" in err
    cli.ok("cancel", "--yes")
    (waiting / "go").touch()
    cli.ok("up", "--yes", "--skip-preview")
    assert not list((tmp_path / "state" / ".pulumi").rglob("*.tmp"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_cancels_in_order(cli, waiting, tmp_path, number):
    process = cli.start("up", "--yes", "--skip-preview")
    _await(waiting / "pid", process)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (1, "")
    assert "received; cancelling" in out
    assert "error: update canceled" in out
    assert not list((tmp_path / "state/.pulumi/locks/organization/p/dev").iterdir())
    assert cli.json("stack", "history", "--json")[0]["result"] == "failed"


class _Events(events_pb2_grpc.EventsServicer):
    """Takes the stream of events, and answers only when it has ended."""

    def __init__(self):
        self.events = []
        self.streams = 0

    def StreamEvents(self, request_iterator, context):
        for request in request_iterator:
            self.events.append(json.loads(request.event))
        self.streams += 1
        return empty_pb2.Empty()


def test_events_are_streamed_to_a_server_before_the_command_ends(cli):
    (cli.folder / "__main__.py").write_text("import pulumi\npulumi.export('x', 1)\n")
    cli.ok("stack", "init", "dev")
    servicer = _Events()
    server = grpc.server(futures.ThreadPoolExecutor(2))
    events_pb2_grpc.add_EventsServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        cli.ok("preview", "--event-log", f"tcp://127.0.0.1:{port}")
    finally:
        server.stop(0)
    assert servicer.streams == 1
    kinds = [next(key for key in event if key.endswith("Event")) for event in servicer.events]
    assert kinds[0] == "preludeEvent"
    assert kinds[-2:] == ["summaryEvent", "cancelEvent"]
    assert [event["sequence"] for event in servicer.events] == list(range(len(kinds)))
    assert all(isinstance(event["timestamp"], int) for event in servicer.events)


def test_events_are_appended_to_a_file(cli, tmp_path):
    (cli.folder / "__main__.py").write_text("import pulumi\npulumi.export('x', 1)\n")
    cli.ok("stack", "init", "dev")
    cli.ok("up", "--yes", "--skip-preview", "--event-log", str(tmp_path / "log"))
    lines = (tmp_path / "log").read_text().splitlines()
    assert json.loads(lines[-2])["summaryEvent"]["resourceChanges"] == {"create": 1}


def test_a_secret_that_the_program_makes_gives_the_stack_its_salt(cli, tmp_path):
    program = "import pulumi\npulumi.export('token', pulumi.Output.secret('s3cret'))\n"
    (cli.folder / "__main__.py").write_text(program)
    cli.ok("stack", "init", "dev")
    assert not (cli.folder / "Pulumi.dev.yaml").exists()
    cli.ok("up", "--yes", "--skip-preview")
    assert "encryptionsalt: v1:" in (cli.folder / "Pulumi.dev.yaml").read_text()
    assert "s3cret" not in (tmp_path / "state/.pulumi/stacks/p/dev.json").read_text()
    assert cli.json("stack", "output", "--json", "--show-secrets") == {"token": "s3cret"}
    (cli.folder / "Pulumi.dev.yaml").unlink()
    assert cli.json("stack", "output", "--json", "--show-secrets") == {"token": "s3cret"}
    cli.ok("preview", "--expect-no-changes")
    cli.ok("config", "refresh")
    assert "encryptionsalt: v1:" in (cli.folder / "Pulumi.dev.yaml").read_text()
