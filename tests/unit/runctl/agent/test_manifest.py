from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runctl_auto.agent.errors import IntegrityError
from runctl_auto.agent.manifest import Manifest, Problem, StoredFile, StoredFolder, parse_manifest

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=8).filter(
    lambda name: name not in (".", "..")
)
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
MODES = st.integers(0, 0o7777)
TIMES = st.integers(0, 2**62)
EXTENTS = st.none() | st.just(()) | st.just(((0, 4096), (8192, 1)))
FILES = st.builds(
    StoredFile,
    PATHS,
    st.integers(2**14, 2**50),
    st.text("0123456789abcdef", min_size=64, max_size=64),
    mode=st.none() | MODES,
    mtime_ns=st.none() | TIMES,
    extents=EXTENTS,
)
PACKED = st.builds(replace, FILES, pack=st.integers(0, 99), offset=st.integers(0, 2**23))
PROBLEMS = st.builds(Problem, PATHS, st.text(min_size=1))
MANIFESTS = st.builds(
    Manifest,
    st.lists(FILES | PACKED, max_size=5).map(tuple),
    links=st.dictionaries(PATHS, PATHS, max_size=3),
    absolute_links=st.dictionaries(PATHS, PATHS, max_size=3),
    folders=st.lists(st.builds(StoredFolder, PATHS, MODES, TIMES), max_size=3).map(tuple),
    problems=st.lists(PROBLEMS, max_size=3).map(tuple),
    suspect=st.lists(PROBLEMS, max_size=3).map(tuple),
    saved_at=st.none() | st.just("2026-01-31T12:00:00.000Z"),
    run=st.none() | st.just("0123456789"),
)


@settings(max_examples=50)
@given(MANIFESTS)
def test_a_manifest_is_read_as_it_was_written(manifest: Manifest) -> None:
    assert parse_manifest(manifest.to_json()) == manifest
    assert manifest.total_bytes == sum(file.bytes for file in manifest.files)


def test_a_manifest_of_an_older_version_is_read() -> None:
    found = parse_manifest(
        b'{"files": [{"path": "a", "bytes": 1, "sha256": "0f"}], "links": {"latest": "a"}}'
    )
    assert found == Manifest((StoredFile("a", 1, "0f"),), {"latest": "a"})
    assert (found.files[0].stored_bytes, found.files[0].pack) == (1, None)


@pytest.mark.parametrize(
    "wrong",
    [
        {"extents": [[5, 1], [0, 1]]},
        {"extents": [[0, 11]]},
        {"extents": [[0, 0]]},
        {"extents": 1},
        {"pack": -1},
        {"pack": 0, "offset": -1},
        {"mode": "x"},
    ],
    ids=str,
)
def test_an_impossible_file_is_refused(wrong: dict[str, object]) -> None:
    entry = {"path": "a", "bytes": 10, "sha256": "0", **wrong}
    with pytest.raises(IntegrityError):
        parse_manifest(json.dumps({"files": [entry]}).encode())


@pytest.mark.parametrize(
    "wrong",
    [
        {"folders": [{"path": "../up", "mode": 0, "mtime_ns": 0}]},
        {"links": {"/etc/x": "a"}},
        {"absolute_links": {"a": "../../etc"}},
        {"absolute_links": {"a": "/etc"}},
    ],
    ids=str,
)
def test_folders_and_links_that_lead_out_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(IntegrityError, match="work folder"):
        parse_manifest(json.dumps({"files": [], **wrong}).encode())


@pytest.mark.parametrize("path", ["/etc/passwd", "../up", "a/../../up", "a\0b"])
def test_a_path_that_leads_out_is_refused(path: str) -> None:
    with pytest.raises(IntegrityError, match="work folder"):
        parse_manifest(json.dumps({"files": [{"path": path, "bytes": 1, "sha256": "0"}]}).encode())


@pytest.mark.parametrize(
    "document", [b"", b"[]", b"{}", b'{"files": [{}]}', b'{"files": [], "links": []}', b"\xff"]
)
def test_what_is_no_manifest_is_refused(document: bytes) -> None:
    with pytest.raises(IntegrityError):
        parse_manifest(document)
