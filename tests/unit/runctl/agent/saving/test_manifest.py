from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runctl_auto.agent.contract import MOST_ENTRIES
from runctl_auto.agent.errors import AgentError, IntegrityError
from runctl_auto.agent.saving.manifest import Manifest, Problem, StoredFile, StoredFolder, refuse_too_many
from runctl_auto.agent.saving.manifest_reading import parse_manifest

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


def is_possible(manifest: Manifest) -> bool:
    """Whether a folder can hold all that is listed."""
    leaves = [*(file.path for file in manifest.files), *manifest.links, *manifest.absolute_links]
    paths = [*leaves, *(folder.path for folder in manifest.folders)]
    above = {path.rsplit("/", count)[0] for path in paths for count in range(1, path.count("/") + 1)}
    above.update(folder.path for folder in manifest.folders)
    return len(set(leaves)) == len(leaves) and not above & set(leaves)


@settings(max_examples=50)
@given(MANIFESTS.filter(is_possible))
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
        {"mode": -1},
        {"bytes": -1},
        {"bytes": 2**60},
        {"bytes": True},
        {"bytes": 1.5},
        {"bytes": "10"},
        {"bytes": None},
        {"sha256": "z"},
        {"sha256": "a" * 65},
        {"mtime_ns": 2**63},
        {"pack": 10**8},
        {"extents": [[0, 1, 2]]},
        {"extents": [0]},
        {"path": None},
        {"path": "."},
        {"path": "a//b"},
        {"path": "a/"},
        {"path": "\ud800"},
        {"path": "x" * 256},
        {"path": "/".join(["x" * 200] * 21)},
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
    "wrong",
    [
        {"files": ["a", "a"]},
        {"files": ["a", "a/b"]},
        {"files": ["a"], "folders": ["a"]},
        {"files": ["a/b"], "links": {"a": "c"}},
        {"links": {"a": "b", "a/x": "b"}},
        {"links": {"a": "b"}, "folders": ["a/b"]},
        {"links": {"a": "b"}, "absolute_links": {"a": "b"}},
    ],
    ids=str,
)
def test_nothing_is_written_where_something_else_is_or_below_a_link(wrong: dict[str, Any]) -> None:
    files = [{"path": path, "bytes": 1, "sha256": "0"} for path in wrong.pop("files", [])]
    folders = [{"path": path, "mode": 0, "mtime_ns": 0} for path in wrong.pop("folders", [])]
    with pytest.raises(IntegrityError, match="lists"):
        parse_manifest(json.dumps({"files": files, "folders": folders, **wrong}).encode())


@pytest.mark.parametrize(
    "target", ["/etc/passwd", "../..", "../../x", "b/../../..", "", "a\0b", 7, None, "x" * 5000]
)
def test_a_link_that_leads_out_is_refused(target: object) -> None:
    with pytest.raises(IntegrityError, match="is a link to what is no"):
        parse_manifest(json.dumps({"files": [], "links": {"d/a": target}}).encode())


def test_more_entries_than_are_written_are_refused_and_not_written() -> None:
    entry = '{"path": "%d", "why": "x"}'
    listed = ", ".join(entry % number for number in range(MOST_ENTRIES + 1))
    with pytest.raises(IntegrityError, match="more than 100000 entries"):
        parse_manifest(f'{{"files": [], "problems": [{listed}]}}'.encode())
    with pytest.raises(AgentError, match="put them in archives"):
        refuse_too_many(MOST_ENTRIES + 1)
    extents = tuple((number * 2, 1) for number in range(MOST_ENTRIES))
    with pytest.raises(AgentError, match="put them in archives"):
        Manifest((StoredFile("a", 2 * MOST_ENTRIES, "0", extents=extents),)).to_json()


@pytest.mark.parametrize(
    "document",
    [
        b'{"files": [' + b"{}," * 1_000_000,
        b'{"other": [' + b"[1]," * 1_000_000 + b'1], "files": []}',
        b'{"files": [[' + b"{}," * 1_000_000,
        b'{"files": ' + b"[" * 100_000,
        b'{"other": ' + b'{"a":' * 100_000,
        b'{"files": []' + b" " * (32 * 1024 * 1024),
        b'{"files": [], "run": "' + b"a" * 2_000_000 + b'"}',
        b'{"files": []} {}',
        b'{"files": [],}',
        b'{"files": [] "run": "a"}',
        b'{"files": [], 7: 1}',
        b'{"files": {"a": 1}}',
        b'{"files": 7}',
        b'{"files": [], "links": 7}',
        b'{"files": [], "saved_at": "yesterday"}',
        b'{"files": [], "run": ["a"]}',
        b'{"files": [{"path": "a", "bytes": 1' + b"0" * 5000 + b"}]}",
        b'{"files": [{"path": "a", "bytes": NaN}]}',
        '{"files": [], "run": "ä"}'.encode(),
    ],
    ids=lambda document: f"{document[:30]!r} of {len(document)} bytes",
)
def test_what_would_exhaust_a_reader_is_refused(document: bytes) -> None:
    with pytest.raises(IntegrityError):
        parse_manifest(document)


@pytest.mark.parametrize("padding", [2000, 2030, 2045, 2048, 2100])
def test_an_entry_may_end_anywhere(padding: int) -> None:
    """Entries are read in pieces of 2,048 characters; a number at the end of a piece may go on."""
    path = "/".join(["x" * 200] * (padding // 201))
    document = {
        "files": [
            {"bytes": 123456789, "sha256": "0", "path": path},
            {"path": "b", "bytes": 12, "sha256": "1"},
        ]
    }
    found = parse_manifest(json.dumps({"other": [10**15] * 300, **document}).encode())
    assert [(file.path, file.bytes) for file in found.files] == [(path, 123456789), ("b", 12)]


@pytest.mark.parametrize(
    "document", [b"", b"[]", b"{}", b'{"files": [{}]}', b'{"files": [], "links": []}', b"\xff"]
)
def test_what_is_no_manifest_is_refused(document: bytes) -> None:
    with pytest.raises(IntegrityError):
        parse_manifest(document)
