"""Nothing outlives the engine or the command that it was started for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from support.language_hosts import WARM_MODULES, attached
from support.pulumi_engine import Project, is_alive, wait_until

from runctl_auto.engine.language.attached import LanguageHost
from runctl_auto.engine.language.errors import LanguageHostError

_WAITS = """
    import os, pathlib, subprocess, time
    helper = subprocess.Popen(["sleep", "1000"])
    note = pathlib.Path("processes")
    note.with_suffix(".new").write_text(f"{os.getpid()} {helper.pid} {os.getppid()}")
    note.with_suffix(".new").rename(note)
    while True:
        time.sleep(1)
    """


def _processes(project: Project) -> list[int]:
    """The program, its helper, and the parent of the program, once they run."""
    note = project.folder / "processes"
    wait_until(note.exists, "the program runs")
    return [int(each) for each in note.read_text().split()]


def test_a_killed_engine_leaves_no_program(tmp_path: Path, modules: tuple[str, ...]) -> None:
    project = Project.create(tmp_path / "waits", _WAITS)
    with attached(project, modules=modules) as engine:
        process = project.start(engine, "preview")
        program, helper, _ = _processes(project)
        process.kill()
        process.communicate()
        for each in (program, helper):
            wait_until(lambda each=each: not is_alive(each), f"process {each} ends")


def test_an_interrupted_engine_ends_its_program(tmp_path: Path, modules: tuple[str, ...]) -> None:
    project = Project.create(tmp_path / "waits", _WAITS)
    with attached(project, modules=modules) as engine:
        process = project.start(engine, "preview")
        program, helper, _ = _processes(project)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=120)
        for each in (program, helper):
            wait_until(lambda each=each: not is_alive(each), f"process {each} ends")
    assert process.returncode != 0
    assert "SIGTERM" not in output, "stopping on request is not a failure of the program"


def test_a_closed_host_leaves_nothing(tmp_path: Path, modules: tuple[str, ...]) -> None:
    project = Project.create(tmp_path / "waits", _WAITS)
    host = LanguageHost.start(project.environment, programs=[project.folder], modules=modules)
    process = project.start({"PULUMI_DEBUG_LANGUAGES": f"python:{host.port()}"}, "preview")
    left = _processes(project)
    host.close()
    host.close()
    for each in left:
        wait_until(lambda each=each: not is_alive(each), f"process {each} ends")
    process.communicate(timeout=120)
    assert process.returncode != 0


def test_a_killed_command_leaves_nothing(tmp_path: Path, modules: tuple[str, ...]) -> None:
    """The command starts the engine itself: the host serves nobody else."""
    project = Project.create(tmp_path / "waits", _WAITS)
    script = textwrap.dedent(
        f"""
        import os, pathlib, subprocess, sys, time
        from runctl_auto.engine.language.attached import LanguageHost
        folder = pathlib.Path.cwd()
        host = LanguageHost.start(os.environ, programs=[folder], modules={modules!r})
        os.environ["PULUMI_DEBUG_LANGUAGES"] = f"python:{{host.port()}}"
        nothing = subprocess.DEVNULL
        print(subprocess.Popen(sys.argv[1:], stdin=nothing, stdout=nothing).pid, flush=True)
        time.sleep(1000)
        """
    )
    command = subprocess.Popen(
        [sys.executable, "-c", script, *project.command("preview")],
        cwd=project.folder,
        env=dict(project.environment),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert command.stdout is not None
    engine = int(command.stdout.readline())
    left = [*_processes(project), *_children(command.pid, "attached"), engine]
    command.kill()
    command.communicate()
    for each in left:
        wait_until(lambda each=each: not is_alive(each), f"process {each} ends")


def test_a_killed_host_leaves_nothing(tmp_path: Path, modules: tuple[str, ...]) -> None:
    project = Project.create(tmp_path / "waits", _WAITS)
    before = _hosts(os.getpid(), "attached")  # those of drivers end with this process
    with attached(project, modules=modules) as variables:
        (host,) = _hosts(os.getpid(), "attached") - before
        engine = project.start(variables, "preview")
        left = _processes(project)
        os.kill(host, signal.SIGKILL)
        for each in left:
            wait_until(lambda each=each: not is_alive(each), f"process {each} ends")
        engine.communicate(timeout=120)
    assert engine.returncode != 0


def _children(process: int, mode: str) -> set[int]:
    """As ``_hosts``; there is one at least."""
    found = _hosts(process, mode)
    assert found, "a host has been started"
    return found


def _hosts(process: int, mode: str) -> set[int]:
    """The processes of a language host in this mode that the process itself has started."""
    numbers = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return {each for each in numbers if _parent(each) == process and mode in _arguments(each)}


def _arguments(process: int) -> list[str]:
    try:
        return Path(f"/proc/{process}/cmdline").read_text().split("\0")
    except OSError:
        return []


def _parent(process: int) -> int | None:
    try:
        return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, IndexError):
        return None


def test_a_host_that_cannot_serve_says_why(tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(bare)], check=True)
    with (
        LanguageHost.start(os.environ, programs=[tmp_path], python=str(bare / "bin" / "python")) as host,
        pytest.raises(LanguageHostError, match="No module named"),
    ):
        host.port()


def test_a_python_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(LanguageHostError, match="no-such-python"):
        LanguageHost.start(os.environ, programs=[tmp_path], python=str(tmp_path / "no-such-python"))


def test_a_failing_import_beforehand_is_left_to_the_program(tmp_path: Path) -> None:
    project = Project.create(tmp_path / "writes", "import sys\nprint('has wave:', 'wave' in sys.modules)")
    with attached(project, modules=("no_such_module", *WARM_MODULES)) as engine:
        done = project.pulumi(engine, "preview")
    assert "has wave: True" in done.stdout
