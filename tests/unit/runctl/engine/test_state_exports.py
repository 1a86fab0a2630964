"""States are read where their files lie; what the files do not tell is exported."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from runctl_auto.backend.backend import open_backend
from runctl_auto.engine.state_exports import read_states
from runctl_auto.errors import EngineError, RunctlError
from runctl_auto.stack.state import StackState


def write(root: Path, name: str, content: Any, *, compressed: bool = False) -> None:
    folder = root / ".pulumi" / "stacks" / "runctl"
    folder.mkdir(parents=True, exist_ok=True)
    data = json.dumps(content).encode()
    if compressed:
        (folder / f"{name}.json.gz").write_bytes(gzip.compress(data))
    else:
        (folder / f"{name}.json").write_bytes(data)


def checkpoint(*ids: str, version: int = 3) -> dict[str, Any]:
    resources = [{"urn": f"urn::t::{each}", "type": "t", "id": each, "custom": True} for each in ids]
    return {"version": version, "checkpoint": {"stack": "s", "latest": {"resources": resources}}}


def ids(state: StackState | RunctlError) -> list[str]:
    assert isinstance(state, StackState)
    return [each.id for each in state.resources]


def read(backend: str, *jobs: str, exported: list[str] | None = None) -> dict[str, StackState | RunctlError]:
    def exporter() -> Any:
        def export(job: str) -> StackState | RunctlError:
            if exported is None:
                return EngineError(f"no {job}")
            exported.append(job)
            return StackState((), ())

        return export

    return read_states(open_backend(backend, "runctl"), jobs, exporter)


def test_plain_and_compressed_files_need_no_engine(tmp_path: Path) -> None:
    write(tmp_path, "a", checkpoint("i-1", "i-2"))
    write(tmp_path, "b", checkpoint("i-3"), compressed=True)
    write(tmp_path, "new", {"version": 3, "checkpoint": {"stack": "new"}})
    found = read(tmp_path.as_uri(), "a", "b", "new")
    assert {job: ids(state) for job, state in found.items()} == {"a": ["i-1", "i-2"], "b": ["i-3"], "new": []}


@pytest.mark.parametrize(
    "content", [{"version": 99, "checkpoint": {}}, {"checkpoint": {}}, [], {"version": 3, "checkpoint": []}]
)
def test_what_files_do_not_tell_is_exported(tmp_path: Path, content: Any) -> None:
    write(tmp_path, "odd", content)
    exported: list[str] = []
    found = read(tmp_path.as_uri(), "odd", "missing", exported=exported)
    assert sorted(exported) == sorted(found) == ["missing", "odd"]


@pytest.mark.parametrize(
    "backend", ["s3://bucket/prefix", "https://api.pulumi.com", "file://~", "file://./x"]
)
def test_other_backends_are_asked_through_the_engine(backend: str) -> None:
    exported: list[str] = []
    assert list(read(backend, "a", exported=exported)) == ["a"]
    assert exported == ["a"]


def test_one_that_cannot_be_read_does_not_hide_the_others(tmp_path: Path) -> None:
    write(tmp_path, "a", checkpoint("i-1"))
    found = read(tmp_path.as_uri(), "a", "b")
    assert ids(found["a"]) == ["i-1"]
    assert isinstance(found["b"], EngineError)
