"""An engine that is tied to its process is interrupted when that is killed; else it runs as always."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the tie is the system's, of Linux")

ENGINE = """#!{python}
import os, signal, sys, time
if "version" in sys.argv:
    print("v3.274.1")
    sys.exit()
def interrupted(*_):
    open({ended!r}, "w").write("interrupted")
    sys.exit(1)
signal.signal(signal.SIGINT, interrupted)
print("arguments", *sys.argv[1:], flush=True)
print("path", os.environ["PATH"].split(os.pathsep)[0], flush=True)
if "--wait" in sys.argv:
    open({begun!r}, "w").write(str(os.getpid()))
    while True:
        time.sleep(0.05)
"""
WORKER = """
import signal, sys, threading
from pathlib import Path
signal.signal(signal.SIGINT, signal.SIG_IGN)  # as in the background of a shell
from runctl_auto.engine.automation_edge import engine_command
command = engine_command(Path(sys.argv[1]), tied=True)
work = threading.Thread(target=command.run, args=(["up", "--wait"], ".", {}))
work.start()
work.join()
"""


@pytest.fixture
def engine(tmp_path: Path) -> Path:
    """The root of an engine that tells what it was started with."""
    executable = tmp_path / "bin" / "pulumi"
    executable.parent.mkdir()
    text = ENGINE.format(python=sys.executable, ended=str(tmp_path / "ended"), begun=str(tmp_path / "begun"))
    executable.write_text(text)
    executable.chmod(0o755)
    return tmp_path


def await_file(path: Path) -> str:
    deadline = time.monotonic() + 60
    while not (path.exists() and path.read_text()):
        assert time.monotonic() < deadline, f"{path} was not written"
        time.sleep(0.02)
    return path.read_text()


def test_the_engine_gets_its_arguments_and_its_own_folder_first_on_the_path(engine: Path) -> None:
    from runctl_auto.engine.automation_edge import engine_command

    told = engine_command(engine, tied=True).run(["stack", "ls", "--json"], str(engine), {"A": "b"}).stdout
    assert "arguments --non-interactive stack ls --json" in told
    assert f"path {engine / 'bin'}" in told


def test_a_killed_process_takes_its_engine_with_it(engine: Path) -> None:
    worker = subprocess.Popen([sys.executable, "-c", WORKER, str(engine)], cwd=engine)
    pid = int(await_file(engine / "begun"))
    worker.kill()
    worker.wait()
    assert await_file(engine / "ended") == "interrupted"
    deadline = time.monotonic() + 60
    while Path(f"/proc/{pid}").exists() and "Z" not in Path(f"/proc/{pid}/stat").read_text().split()[2]:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_an_engine_whose_process_is_gone_already_does_not_begin(engine: Path) -> None:
    from runctl_auto.engine.tied_engine import tied_arguments

    words = tied_arguments(str(engine / "bin" / "pulumi"), ["up"])
    words[3] = str(os.getppid())  # not the process that starts it
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "is gone" in done.stderr
    assert done.stdout == ""
