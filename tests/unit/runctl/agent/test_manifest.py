from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runctl_auto.agent.contract import Manifest, StoredFile
from runctl_auto.agent.errors import IntegrityError
from runctl_auto.agent.manifest import parse_manifest

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=8).filter(
    lambda name: name not in (".", "..")
)
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
FILES = st.builds(
    StoredFile, PATHS, st.integers(0, 2**50), st.text("0123456789abcdef", min_size=64, max_size=64)
)


@settings(max_examples=50)
@given(st.lists(FILES, max_size=5), st.dictionaries(PATHS, PATHS, max_size=3))
def test_a_manifest_is_read_as_it_was_written(files: list[StoredFile], links: dict[str, str]) -> None:
    manifest = parse_manifest(Manifest(tuple(files), links).to_json())
    assert manifest.files == tuple(files)
    assert manifest.links == links
    assert manifest.total_bytes == sum(file.bytes for file in files)


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
