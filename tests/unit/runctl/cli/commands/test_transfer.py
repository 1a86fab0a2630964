"""What `runctl transfer` prints, for people and for scripts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.objects_in_memory import ObjectsInMemory
from support.output_schemas import check_output

from runctl_auto.cli.invocation import Invocation
from runctl_auto.cli.main import run
from runctl_auto.errors import AccessDeniedError, ExitCode


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ObjectsInMemory:
    made = ObjectsInMemory()
    monkeypatch.setattr(Invocation, "open_bucket", lambda _, name: made)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "one").write_bytes(b"1" * 2000)
    (tmp_path / "src" / "tw\no").write_bytes(b"2")
    return made


def test_for_people(data: ObjectsInMemory, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["transfer", "src", "s3://bucket/p", "--exclude", "no*"]) == ExitCode.DONE
    assert capsys.readouterr().out == "2 files, 2.0 kB moved\n"
    data.put("p/old", b"x")
    assert run(["transfer", "src", "s3://bucket/p", "--delete", "--dry-run"]) == ExitCode.DONE
    assert (
        capsys.readouterr().out == "would delete  old\n0 files, 0 B to move; 2 there already; 1 to delete\n"
    )
    assert run(["transfer", "src", "s3://bucket/p", "--delete"]) == ExitCode.FAILURE
    assert "p/old" in data.objects
    assert run(["transfer", "src", "s3://bucket/p", "--delete", "--yes"]) == ExitCode.DONE
    assert "p/old" not in data.objects
    data.put("p/../out", b"x", sums=False)
    data.put("p/unsummed", b"x", sums=False)
    capsys.readouterr()
    assert run(["transfer", "s3://bucket/p", "dst"]) == ExitCode.DONE
    assert capsys.readouterr().out.splitlines() == [
        "not moved     ../out: it leads to another folder",
        "not verified  1 files: S3 keeps no checksum of their whole objects",
        "3 files, 2.0 kB moved",
    ]
    assert run(["transfer", "--verify", "src", "s3://bucket/p"]) == ExitCode.FAILURE
    assert "unsummed: only in the bucket" in capsys.readouterr().err


def test_for_scripts_every_line_is_an_object(
    data: ObjectsInMemory, capsys: pytest.CaptureFixture[str]
) -> None:
    def lines(*arguments: str) -> list[dict[str, object]]:
        whole = ["--output", "json", "transfer", *arguments]
        run(whole)
        out = capsys.readouterr().out
        check_output(whole, out)
        return [json.loads(line) for line in out.splitlines()]

    told = lines("src", "s3://bucket/p")
    assert [next(iter(line)) for line in told] == ["progress", "result"]
    assert told[-1]["result"]["files"] == 2  # type: ignore[index]
    assert [next(iter(line)) for line in lines("src", "s3://bucket/p", "--dry-run")] == ["result"]
    assert lines("--verify", "src", "s3://bucket/p") == [
        {"verified": {"same": 2, "read": 0, "differences": []}}
    ]

    def refuse(operation: str, key: str) -> None:
        if operation == "write":
            raise AccessDeniedError("denied", code="AccessDenied")

    data.before = refuse
    error = lines("src", "s3://bucket/other")[-1]["error"]
    assert [each["kind"] for each in error["failures"]] == ["access-denied"] * 2  # type: ignore[index]


def test_bad_usage_is_told_before_anything_is_asked(data: ObjectsInMemory) -> None:
    for arguments in (["src", "dst"], ["src", "s3://bucket", "--bandwidth", "fast"], ["src", "gs://bucket"]):
        assert run(["transfer", *arguments]) == ExitCode.USAGE
    assert data.requests == []
