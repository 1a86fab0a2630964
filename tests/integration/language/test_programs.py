"""What an engine shows of programs that an attached host runs."""

from __future__ import annotations

from pathlib import Path

from support.language_hosts import attached
from support.pulumi_engine import Project


def test_shows_what_a_program_writes(tmp_path: Path, modules: tuple[str, ...]) -> None:
    project = Project.create(
        tmp_path / "writes",
        """
        import sys
        print("to the output")
        print("to the error stream", file=sys.stderr)
        sys.stdout.write("without an end of line")
        """,
    )
    with attached(project, modules=modules) as engine:
        done = project.pulumi(engine, "preview")
    assert done.returncode == 0, done.stdout
    for text in ("to the output", "to the error stream", "without an end of line"):
        assert text in done.stdout


def test_shows_a_traceback_from_the_first_frame_of_the_program_on(
    tmp_path: Path, modules: tuple[str, ...]
) -> None:
    project = Project.create(
        tmp_path / "raises",
        """
        def deeper():
            raise KeyError("the cause")

        deeper()
        """,
    )
    with attached(project, modules=modules) as engine:
        done = project.pulumi(engine, "preview")
    assert done.returncode != 0
    frames = [line.strip() for line in done.stdout.splitlines() if line.strip().startswith("File ")]
    main = project.folder / "__main__.py"
    assert frames == [f'File "{main}", line 5, in <module>', f'File "{main}", line 3, in deeper']
    assert "KeyError: 'the cause'" in done.stdout
    assert "unhandled error occurred" not in done.stdout  # said once


def test_shows_a_syntax_error_without_frames_of_the_host(tmp_path: Path, modules: tuple[str, ...]) -> None:
    project = Project.create(tmp_path / "broken", "def f(:\n")
    with attached(project, modules=modules) as engine:
        done = project.pulumi(engine, "preview")
    assert done.returncode != 0
    assert "SyntaxError" in done.stdout
    assert "runpy" not in done.stdout


def test_shows_a_run_error_as_a_sentence(tmp_path: Path, modules: tuple[str, ...]) -> None:
    project = Project.create(
        tmp_path / "refuses", 'import pulumi\nraise pulumi.RunError("No volume is left.")'
    )
    with attached(project, modules=modules) as engine:
        done = project.pulumi(engine, "preview")
    assert done.returncode != 0
    assert "No volume is left." in done.stdout
    assert "Traceback" not in done.stdout
    assert "non-zero exit code" not in done.stdout


def test_tells_the_exit_code_of_a_program_that_leaves(tmp_path: Path, modules: tuple[str, ...]) -> None:
    project = Project.create(tmp_path / "leaves", "import sys\nsys.exit(3)")
    with attached(project, modules=modules) as engine:
        done = project.pulumi(engine, "preview")
    assert done.returncode != 0
    assert "program exited with non-zero exit code: 3" in done.stdout


def test_gives_a_program_its_folder_configuration_and_environment(
    tmp_path: Path, modules: tuple[str, ...]
) -> None:
    project = Project.create(
        tmp_path / "surroundings",
        """
        import os
        import sys
        import beside
        import pulumi
        config = pulumi.Config()
        pulumi.export("folder", os.getcwd())
        pulumi.export("beside", beside.NAME)
        pulumi.export("plain", config.require("plain"))
        pulumi.export("secret", config.require_secret("hidden"))
        pulumi.export("engine", os.environ.get("ONLY_ENGINE"))
        pulumi.export("home", os.environ["PULUMI_HOME"])
        pulumi.export("argv", sys.argv[1:])
        """,
    )
    (project.folder / "beside.py").write_text("NAME = __name__")
    for name, kind in (("plain", "--plaintext"), ("hidden", "--secret")):
        assert project.pulumi({}, "config", "set", name, f"value of {name}", kind).returncode == 0
    with attached(project, modules=modules) as engine:
        done = project.pulumi({**engine, "ONLY_ENGINE": "1"}, "up", "--yes", "--skip-preview")
    assert done.returncode == 0, done.stdout
    for line in (
        f'folder: "{project.folder}"',
        'beside: "beside"',
        'plain : "value of plain"',
        "secret: [secret]",
        f'home  : "{project.environment["PULUMI_HOME"]}"',
    ):
        assert line in done.stdout
    assert "engine:" not in done.stdout


def test_runs_a_program_that_is_a_file(tmp_path: Path, modules: tuple[str, ...]) -> None:
    project = Project.create(tmp_path / "file", "")
    (project.folder / "__main__.py").rename(project.folder / "named.py")
    (project.folder / "beside.py").write_text("NAME = __name__")
    (project.folder / "named.py").write_text("import beside, pulumi\npulumi.export('name', beside.NAME)")
    (project.folder / "Pulumi.yaml").write_text("name: file\nruntime: python\nmain: named.py\n")
    with attached(project, modules=modules) as engine:
        done = project.pulumi(engine, "preview")
    assert done.returncode == 0, done.stdout
    assert 'name: "beside"' in done.stdout


def test_runs_several_stacks_at_once(tmp_path: Path, modules: tuple[str, ...]) -> None:
    """Each output reaches its own engine."""
    meeting = tmp_path / "meeting"
    meeting.mkdir()
    program = """
        import os, pathlib, time
        name = pathlib.Path.cwd().name
        meeting = pathlib.Path(os.environ["MEETING"])
        (meeting / name).touch()
        deadline = time.monotonic() + 120
        while len(list(meeting.iterdir())) < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
        print(f"{name} met {len(list(meeting.iterdir())) - 1}")
        """
    projects = [Project.create(tmp_path / name, program) for name in ("one", "two")]
    projects[0].environment = {**projects[0].environment, "MEETING": str(meeting)}
    with attached(*projects, modules=modules) as engine:
        running = [project.start(engine, "preview") for project in projects]
        outputs = [process.communicate(timeout=180)[0] for process in running]
    assert [process.returncode for process in running] == [0, 0], outputs
    assert "one met 1" in outputs[0]
    assert "two met 1" in outputs[1]
    assert "two met" not in outputs[0]
