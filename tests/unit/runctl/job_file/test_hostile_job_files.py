"""Job files that are hostile or wrong: each one's whole message, exit code 7, and nothing made.

The readable ones stand in `hostile/*.txt`, content and message beside each other; FIELDS stands there for the
names of all fields, PROJECT for the folder.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from runctl_auto.cli.main import run
from runctl_auto.job_file.spec import JobSpec

SMALL = b"name: digits\nregion: us-east-1\nrun: python train.py\n"
NOT_READ = "the job file cannot be read\n  job.yaml"
NOT_VALID = "the job file is not valid\n  job.yaml"
NEXT = "  next:  Correct the named fields; `runctl schema` prints all that there are.\n"
JOB_NAME = "2 to 40 lower-case letters, digits and single hyphens, a letter first"
COMMANDS = [["validate", "job.yaml"], ["preview", "job.yaml"], ["up", "job.yaml", "--yes"]]


@dataclass(frozen=True)
class Hostile:
    """A job file that is refused with the message ``told``; ``bytes`` is its size, with holes."""

    name: str
    content: bytes
    told: str
    bytes: int = 0

    def __str__(self) -> str:
        return self.name


def readable() -> Iterator[Hostile]:
    for file in sorted((Path(__file__).parent / "hostile").glob("*.txt")):
        for case in re.split(r"^=== (?!told$)", file.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
            head, told = case.split("\n=== told\n")
            name, _, content = head.partition("\n")
            yield Hostile(f"{file.stem}: {name}", f"{content}\n".encode(), told.strip("\n"))


MADE = [
    Hostile("nothing", b"", f"{NOT_READ}:1:1: is empty; allowed: fields such as name: digits"),
    Hostile(
        "latin-1",
        "name: digits\nrun: échö\n".encode("latin-1"),
        f"{NOT_READ}:2:6: is not UTF-8 text; found the byte 0xe9",
    ),
    Hostile(
        "utf-16",
        "\ufeffname: digits\n".encode("utf-16-le"),
        f"{NOT_READ}:1:1: is not UTF-8 text; found the byte 0xff",
    ),
    Hostile(
        "a NUL byte",
        b"name: digits\nrun: a\x00b\n",
        rf"{NOT_READ}:2:7: holds a character that no text may hold; found \x00",
    ),
    Hostile(
        "an escape character",
        b"name: \x1b[31mdigits\n",
        rf"{NOT_READ}:1:7: holds a character that no text may hold; found \x1b",
    ),
    Hostile(
        "a directive with a long number",
        b"%YAML 1." + b"9" * 5000 + b"\n---\nname: digits\n",
        f"{NOT_READ}: is not YAML: a number in an escape or directive is out of range",
    ),
    Hostile(
        "deep and never closed",
        b"x: " + b"{a: " * 2000,
        f"{NOT_READ}:1:48: is nested too deeply; allowed: at most 12 levels",
    ),
    Hostile(
        "a hundred megabytes",
        SMALL,
        f"{NOT_READ}: is too large; allowed: at most 64 KB",
        bytes=100 << 20,
    ),
    Hostile(
        "line ends of all kinds",
        "name: Digits\r\nregion: us-east-1\rrun: x\u2028nodes: 0\n".encode(),
        f"{NOT_VALID}:1:1: name: is not a job name; found Digits; allowed: {JOB_NAME}\n"
        "  job.yaml:4:1: nodes: is less than 1; found 0; allowed: a whole number from 1 to 64",
    ),
    Hostile(
        "a byte order mark",
        b"\xef\xbb\xbfname: Digits\r\nregion: us-east-1\r\nrun: x\r\n",
        f"{NOT_VALID}:1:1: name: is not a job name; found Digits; allowed: {JOB_NAME}",
    ),
    Hostile(
        "a long key",
        SMALL + b"k" * 5000 + b": 1\n",
        f"{NOT_READ}:4:5001: is not YAML: could not find expected ':'",
    ),
    Hostile(
        "a key as long as YAML reads",
        SMALL + b"k" * 1000 + b": 1\n",
        f"{NOT_VALID}:4:1: {'k' * 57}...: is not a field of a job file; allowed: FIELDS",
    ),
    Hostile(
        "three hundred unknown fields",
        SMALL + b"".join(b"k%d: 1\n" % number for number in range(300)),
        "the job file is not valid; the first 50 of 300 problems:\n"
        + "\n".join(
            f"  job.yaml:{number + 4}:1: k{number}: is not a field of a job file; allowed: FIELDS"
            for number in range(50)
        ),
    ),
    Hostile(
        "fifteen hundred wrong items",
        SMALL + b"artifacts: {paths: [" + b"3," * 1_500 + b"]}\n",
        "the job file is not valid; the first 50 of 1500 problems:\n"
        + "\n".join(
            f"  job.yaml:4:{21 + 2 * number}: artifacts.paths[{number}]: is a number to YAML, not a text; "
            "quotes make it one; found 3; allowed: a list of paths inside the work folder"
            for number in range(50)
        ),
    ),
    Hostile(
        "five thousand values",
        SMALL + b"x: [" + b"1," * 5_000 + b"]\n",
        f"{NOT_READ}:4:7987: holds too many values; allowed: at most 4000 keys and values",
    ),
    Hostile(
        "a workdir of too long a name",
        SMALL + b"workdir: " + b"x" * 300 + b"\n",
        f"{NOT_VALID}:4:1: workdir: is not a folder; found {'x' * 57}...; allowed: a folder",
    ),
]
CASES = [*readable(), *MADE]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project"
    (folder / ".git").mkdir(parents=True)
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(folder)
    return folder


def everything_in(folder: Path) -> list[tuple[str, float]]:
    return sorted((str(each), each.lstat().st_mtime_ns) for each in folder.rglob("*"))


def test_there_are_enough_of_them() -> None:
    assert len(CASES) >= 90
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_it_is_refused_with_this_message_and_nothing_is_made(
    case: Hostile, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "job.yaml").write_bytes(case.content)
    os.truncate(project / "job.yaml", max(case.bytes, len(case.content)))
    before = everything_in(project.parent)
    told = case.told.replace("FIELDS", ", ".join(JobSpec.model_fields)).replace("PROJECT", str(project))
    end = "  where: file job.yaml\n" + (NEXT if told.startswith("the job file is not valid") else "")
    for command in COMMANDS if len(case.content) < 10_000 else COMMANDS[:1]:
        assert run(command) == 7
        said = capsys.readouterr()
        assert said.err == f"error: {told}\n{end}"
        assert said.out == ""
        assert said.err.replace("\n", "").isprintable()
    assert everything_in(project.parent) == before


def test_the_message_is_in_the_json_as_well(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import json

    (project / "job.yaml").write_bytes(SMALL + b"regoin: us-east-1\n")
    assert run(["--output", "json", "up", "job.yaml", "--yes"]) == 7
    error = json.loads(capsys.readouterr().out)["error"]
    assert (error["kind"], error["exit_code"]) == ("job-file", 7)
    assert error["problems"] == [
        {
            "file": "job.yaml",
            "line": 4,
            "column": 1,
            "field": "regoin",
            "message": "is not a field of a job file",
            "found": None,
            "allowed": ", ".join(JobSpec.model_fields),
            "nearest": "region",
        }
    ]


def special_files(folder: Path) -> Iterator[tuple[str, str]]:
    """Makes things that are no plain files; their names, and what is said of each."""
    os.mkfifo(folder / "pipe")
    yield "pipe", "is not a regular file; allowed: a file"
    yield "/dev/zero", "is not a regular file; allowed: a file"
    (folder / "folder").mkdir()
    yield "folder", "is a folder; allowed: a file"
    yield "absent", "cannot be read: No such file or directory"
    (folder / "circle").symlink_to("circle")
    yield "circle", "cannot be read: Too many levels of symbolic links"
    (folder / "endless").symlink_to("/dev/zero")
    yield "endless", "is not a regular file; allowed: a file"
    yield "folder/absent/job.yaml", "cannot be read: No such file or directory"
    yield "pipe/job.yaml", "cannot be read: Not a directory"
    yield "x" * 300, "cannot be read: File name too long"
    yield "/proc/self/mem", "cannot be read: Input/output error"


def test_what_is_no_plain_file_is_not_waited_for(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cases = list(special_files(project))
    before = everything_in(project)
    for name, told in cases:
        assert run(["up", name, "--yes"]) == 7
        assert capsys.readouterr().err == (
            f"error: the job file cannot be read\n  {name}: {told}\n  where: file {name}\n"
            + ("  next:  `runctl init` writes a job file.\n" if "absent" in name else "")
        )
    assert everything_in(project) == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_file_is_told(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "job.yaml").write_bytes(SMALL)
    (project / "job.yaml").chmod(0)
    assert run(["validate", "job.yaml"]) == 7
    assert "job.yaml: cannot be read: Permission denied" in capsys.readouterr().err


def links(folder: Path) -> Iterator[tuple[str, str]]:
    """Links in a work folder that lead out of it; their names and targets."""
    outside = folder.parent / "outside"
    outside.mkdir()
    for name, target in (
        ("passwords", "/etc/passwd"),
        ("above", "../outside"),
        ("absolute", str(folder / "job.yaml")),
        ("nowhere", "../../nowhere"),
        ("inner/far", "../../outside/x"),
    ):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).symlink_to(target)
        yield name, target
        (folder / name).unlink()


def test_links_out_of_the_work_folder_are_refused(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "job.yaml").write_bytes(SMALL)
    for name, target in links(project):
        for command in COMMANDS:
            assert run(command) == 7
            assert capsys.readouterr().err == (
                f"error: {name} is a link that leads out of the work folder, to {target}\n"
                f"  where: path {project / name}\n"
                "  next:  Copy what it points to into the work folder, make the link relative, or name it in "
                ".runctlignore.\n"
            )
    assert sorted(each.name for each in project.iterdir()) == [".git", "inner", "job.yaml"]


def test_a_workdir_that_is_a_link_out_of_the_project_is_refused(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "code").symlink_to("/etc")
    (project / "job.yaml").write_bytes(SMALL + b"workdir: code\n")
    assert run(["up", "job.yaml", "--yes"]) == 7
    assert "job.yaml:4:1: workdir: leads out of the project; found code" in capsys.readouterr().err


def test_a_pipe_in_the_work_folder_is_refused(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "job.yaml").write_bytes(SMALL)
    os.mkfifo(project / "pipe")
    assert run(["up", "job.yaml", "--yes"]) == 7
    assert "pipe is neither a file nor a folder nor a link" in capsys.readouterr().err


def test_a_workdir_elsewhere_in_the_project_is_taken(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "jobs").mkdir()
    (project / "jobs" / "job.yaml").write_bytes(SMALL + b"workdir: ..\n")
    assert run(["validate", "jobs/job.yaml"]) == 0
