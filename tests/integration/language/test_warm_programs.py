"""Programs that are forked from a warm parent do not touch each other."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import pytest
from support.language_hosts import WARM_MODULES, attached
from support.pulumi_engine import Project, is_alive, wait_until

_CLEAN = """
    import os, sys, threading
    import pulumi
    print("parent:", os.getppid())
    print("forked:", "wave" in sys.modules)
    print("mark:", getattr(pulumi, "mark", None), os.environ.get("MARK"))
    print("folder:", os.path.basename(os.getcwd()))
    print("threads:", sorted(t.name for t in threading.enumerate() if t.name.startswith("left")))
    print("arguments:", len(sys.argv), "path:", any("engine/language" in p for p in sys.path))
    print("session:", os.getsid(0) == os.getpid())
    """

_TRACES = """
    import os, sys, threading, time
    import pulumi
    pulumi.mark = "left"
    os.environ["MARK"] = "left"
    os.chdir("/")
    sys.path.insert(0, "/engine/language")
    threading.Thread(target=time.sleep, args=(1000,), name="left", daemon=True).start()
    """

_ENDS = {
    "raises": "raise ValueError('on purpose')",
    "leaves": "import os\nos._exit(7)",
    "aborts": "import os\nos.abort()",
    "is killed": "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)",
    "leaves traces": _TRACES,
}


def _said(output: str) -> dict[str, str]:
    return dict(re.findall(r"^ *(\w+): (.*?)\s*$", output, re.MULTILINE))


@pytest.mark.parametrize("how", _ENDS)
def test_a_program_touches_no_other(tmp_path: Path, how: str) -> None:
    clean = Project.create(tmp_path / "clean", _CLEAN)
    other = Project.create(tmp_path / "other", _ENDS[how])
    with attached(clean, other, modules=WARM_MODULES) as engine:
        before = clean.pulumi(engine, "preview")
        between = other.pulumi(engine, "preview")
        after = clean.pulumi(engine, "preview")
    assert before.returncode == after.returncode == 0, after.stdout
    assert (between.returncode == 0) is (how == "leaves traces"), between.stdout
    said = _said(after.stdout)
    assert said == _said(before.stdout), "the same parent, and nothing else has changed"
    assert said["forked"] == "True"
    assert said["mark"] == "None None"
    assert said["folder"] == "clean"
    assert said["threads"] == "[]"
    assert said["arguments"] == "1 path: False"
    assert said["session"] == "True"


def test_how_a_program_ended_is_told(tmp_path: Path, modules: tuple[str, ...]) -> None:
    left = Project.create(tmp_path / "left", _ENDS["leaves"])
    killed = Project.create(tmp_path / "killed", _ENDS["is killed"])
    with attached(left, killed, modules=modules) as engine:
        assert "non-zero exit code: 7" in left.pulumi(engine, "preview").stdout
        assert "ended by the signal SIGKILL" in killed.pulumi(engine, "preview").stdout


def test_exit_handlers_run_and_threads_are_awaited(tmp_path: Path, modules: tuple[str, ...]) -> None:
    project = Project.create(
        tmp_path / "handlers",
        """
        import atexit, threading, time
        atexit.register(print, "exit handler ran")
        def finish():
            time.sleep(0.5)
            print("thread finished")
        threading.Thread(target=finish).start()
        """,
    )
    with attached(project, modules=modules) as engine:
        done = project.pulumi(engine, "preview")
    assert done.returncode == 0, done.stdout
    assert "exit handler ran" in done.stdout
    assert "thread finished" in done.stdout


def test_programs_run_without_the_warm_parent_when_it_is_gone(tmp_path: Path) -> None:
    project = Project.create(tmp_path / "clean", _CLEAN)
    with attached(project, modules=WARM_MODULES) as engine:
        parent = int(_said(project.pulumi(engine, "preview").stdout)["parent"])
        os.kill(parent, signal.SIGKILL)
        wait_until(lambda: not is_alive(parent), "the warm parent ends")
        done = project.pulumi(engine, "preview")
    assert done.returncode == 0, done.stdout
    assert _said(done.stdout)["forked"] == "False"


def test_a_program_ends_with_its_warm_parent(tmp_path: Path) -> None:
    """What the host can no longer follow is not left running."""
    project = Project.create(
        tmp_path / "waits",
        """
        import os, pathlib, time
        note = pathlib.Path("processes")
        note.with_suffix(".new").write_text(f"{os.getpid()} {os.getppid()}")
        note.with_suffix(".new").rename(note)
        time.sleep(1000)
        """,
    )
    with attached(project, modules=WARM_MODULES) as engine:
        process = project.start(engine, "preview")
        note = project.folder / "processes"
        wait_until(note.exists, "the program runs")
        program, parent = (int(each) for each in note.read_text().split())
        os.kill(parent, signal.SIGKILL)
        wait_until(lambda: not is_alive(program), "the program ends")
        output, _ = process.communicate(timeout=120)
    assert process.returncode != 0
    assert "SIGKILL" in output


_LOADED = """
    import sys
    print("forked:", "wave" in sys.modules)
    print("loaded:", "runctl_beforehand" in sys.modules)
    print("searched:", any("beforehand-folder" in each for each in sys.path))
    """


def _beforehand(folder: Path, text: str) -> Path:
    folder.mkdir()
    (folder / "runctl_beforehand.py").write_text(text)
    return folder


def test_imports_from_the_given_folders_and_leaves_them(tmp_path: Path) -> None:
    project = Project.create(tmp_path / "loaded", _LOADED)
    folder = _beforehand(tmp_path / "beforehand-folder", "")
    with attached(project, modules=(*WARM_MODULES, "runctl_beforehand"), search=[folder]) as engine:
        said = _said(project.pulumi(engine, "preview").stdout)
    assert said == {"forked": "True", "loaded": "True", "searched": "False"}


def test_does_not_fork_a_process_with_threads(tmp_path: Path) -> None:
    """A lock that a thread holds at the time would stay locked in the child for ever."""
    project = Project.create(tmp_path / "loaded", _LOADED)
    folder = _beforehand(
        tmp_path / "beforehand-folder",
        "import threading, time\nthreading.Thread(target=time.sleep, args=(1000,), daemon=True).start()\n",
    )
    with attached(project, modules=(*WARM_MODULES, "runctl_beforehand"), search=[folder]) as engine:
        said = _said(project.pulumi(engine, "preview").stdout)
    assert said == {"forked": "False", "loaded": "False", "searched": "False"}
