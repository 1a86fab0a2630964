"""The dashboard and `top` of a job that ran, as a person opens them."""

from __future__ import annotations

import http.client
import json
import signal
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml
from support.runctl_cli import Runctl
from support.terminal_session import TerminalSession

pytestmark = pytest.mark.sandbox

PLANTED = "planted-5b8e1c"
PATIENCE_SECONDS = 300


@pytest.fixture
def seen(runctl: Runctl, ended: list[str]) -> str:
    """The name of a job that has ended, whose script printed its secret."""
    ended.append("seen")
    job = {
        "name": "seen",
        "region": "us-east-1",
        "resources": {"instance_types": ["m5.large"], "disk": "20GB"},
        "max_duration": "1h",
        "secrets": ["SEEN_TOKEN"],
        "run": 'echo "step=1 loss=0.5 <b>$SEEN_TOKEN</b>"',
    }
    file = runctl.folder / "seen.yaml"
    file.write_text(yaml.safe_dump(job))
    runctl.env["SEEN_TOKEN"] = PLANTED
    runctl("up", str(file), "--yes")
    return "seen"


def get(address: str, path: str = "", **headers: str) -> tuple[int, str]:
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.netloc, timeout=PATIENCE_SECONDS)
    connection.request("GET", parts.path + path, headers=headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


def wait_for(what: Callable[[], object]) -> None:
    began = time.monotonic()
    while not what():
        assert time.monotonic() - began < PATIENCE_SECONDS


def test_a_job_that_ran_is_seen_on_pages_in_files_and_on_a_terminal(
    runctl: Runctl, seen: str, tmp_path: Path
) -> None:
    served = runctl.start("--output", "json", "dashboard")
    try:
        assert served.stdout is not None
        address = json.loads(served.stdout.readline())["address"]
        wait_for(lambda: f"job-{seen}" in get(address)[1])
        pages = [
            get(address, each) for each in ("", f"job-{seen}", f"log-{seen}", "costs", "leaks", "receipts")
        ]
        assert {status for status, _ in pages} == {200}
        assert "succeeded" in pages[1][1]
        assert "step=1 loss=0.5 &lt;b&gt;" in pages[1][1]
        assert "m5.large" in pages[1][1]
        assert not any(PLANTED in text for _, text in pages)
        assert get(address, Host="evil.example")[0] == 421
        assert get(f"http://{urlsplit(address).netloc}/")[0] == 404
    finally:
        served.send_signal(signal.SIGINT)
        _, err = served.communicate(timeout=PATIENCE_SECONDS)
    assert served.returncode == 130, err
    assert "Traceback" not in err

    exported = runctl.json("dashboard", "--export", str(tmp_path / "pages"), "--no-leaks")
    files = list((tmp_path / "pages").iterdir())
    assert (exported["files"], Path(exported["index"]).name) == (len(files), "index.html")
    assert all(PLANTED not in each.read_text() for each in files)
    assert "loss=0.5" in (tmp_path / "pages" / f"job-{seen}.html").read_text()

    assert terminal_shows(runctl, seen, seen, "loss=0.5")


def terminal_shows(runctl: Runctl, job: str, *texts: str) -> bool:
    """Whether `top` shows all texts of a job, in this order, on 80 columns, and ends on its key."""
    environment = {**runctl.environment(), "TERM": "xterm-256color"}
    terminal = TerminalSession(runctl.command("top"), runctl.folder, environment, (24, 80))
    try:
        terminal.wait_for("Find", PATIENCE_SECONDS)
        terminal.type(f"/{job}\r")  # other jobs of the project are listed too
        for each in texts:
            terminal.wait_for(each, PATIENCE_SECONDS)
        assert PLANTED not in terminal.everything
        terminal.type("q")
        return terminal.end(PATIENCE_SECONDS) == 0
    finally:
        terminal.close()
