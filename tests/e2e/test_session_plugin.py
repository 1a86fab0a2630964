"""Amazon's own Session Manager plugin against the sandbox: what it accepts is what AWS speaks."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from support.fetched_tools import go_command
from support.port_echo import SERVER, echo
from support.runctl_cli import Runctl
from support.terminal_session import TerminalSession

pytestmark = [pytest.mark.sandbox, pytest.mark.matrix]

JOB = "plugged"
PLUGIN = (
    "github.com/aws/session-manager-plugin/src/sessionmanagerplugin-main@v0.0.0-20260401221635-b79d06c1d3a2"
)
REPLACED = "replace github.com/twinj/uuid => github.com/twinj/uuid v0.0.0-20151029044442-89173bcdda19"


@pytest.fixture(scope="module")
def plugged(runctl: Runctl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of a person who has the plugin, and a job that runs."""
    kept = os.environ.get("SESSION_PLUGIN_FOLDER")
    folder = Path(kept) if kept else tmp_path_factory.mktemp("plugin")
    folder.mkdir(parents=True, exist_ok=True)
    built = go_command(folder, PLUGIN, replaced=REPLACED)
    shutil.copy2(built, folder / "session-manager-plugin")
    job = {
        "name": JOB,
        "region": "us-east-1",
        "workdir": f"{JOB}-work",
        "resources": {"instance_types": ["m5.large"], "disk": "20GB"},
        "max_duration": "1h",
        "env": {"GREETING": "hello to the plugin"},
        "run": "cat > echo.py <<'END'\n" + SERVER + "END\npython3 echo.py",
    }
    (runctl.folder / f"{JOB}-work").mkdir()
    (runctl.folder / f"{JOB}-work" / "readme.txt").write_text("the job writes its program itself\n")
    (runctl.folder / f"{JOB}.yaml").write_text(yaml.safe_dump(job))
    runctl("up", f"{JOB}.yaml", "--yes", "--detach")
    try:
        environment = runctl.environment()
        yield {**environment, "PATH": f"{folder}:{environment['PATH']}"}
    finally:
        runctl("down", JOB, "--yes", "--discard-artifacts", "--grace", "1", code=None)


def test_the_plugin_opens_a_shell(runctl: Runctl, plugged: dict[str, str]) -> None:
    terminal = TerminalSession(runctl.command("shell", JOB), runctl.folder, plugged, (33, 101))
    try:
        terminal.wait_for("Starting session with SessionId")
        terminal.wait_for("# ")
        terminal.type("echo $GREETING is said; pwd\r")
        terminal.wait_for("hello to the plugin is said")
        terminal.type("sleep 2; echo rows $(stty size)\r")
        terminal.wait_for("rows 33 101")
        terminal.interrupt_and_leave()
    finally:
        terminal.close()


def test_the_plugin_forwards_a_port(runctl: Runctl, plugged: dict[str, str]) -> None:
    wait = "until test -s echo.port; do sleep 0.1; done; cat echo.port"
    port = runctl("exec", JOB, "--", wait).out
    terminal = TerminalSession(runctl.command("forward", JOB, f"{port}:0"), runctl.folder, plugged, (24, 80))
    try:
        terminal.wait_for("127.0.0.1:")
        terminal.wait_for("Waiting for connections")
        local = int(terminal.everything.partition("127.0.0.1:")[2].split()[0])
        assert echo(local, 1_000_000).is_same
        assert echo(local, 10).is_same
        terminal.type("\x03")
        terminal.end()
    finally:
        terminal.close()
