"""The file backend: what is on disk, when, and what a failure leaves."""

import json
import os
from unittest import mock

import pytest

from sandbox.engine.backend.bucket import Bucket
from sandbox.engine.backend.errors import (
    BackendError,
    StackHasResourcesError,
    StackLockedError,
    StackNameError,
    UnsupportedBackendError,
)
from sandbox.engine.backend.filestate import FileBackend
from sandbox.engine.backend.history import HistoryRecord
from sandbox.engine.backend.location import Location
from sandbox.engine.backend.reference import StackReference, parse_reference

DEV = StackReference("p", "dev")
PROD = StackReference("p", "prod")


@pytest.fixture
def backend(tmp_path):
    return FileBackend(f"file://{tmp_path}/state", tmp_path)


@pytest.fixture
def files(tmp_path):
    def names():
        root = tmp_path / "state" / ".pulumi"
        return sorted(str(p.relative_to(root)) for p in root.rglob("*") if p.is_file())

    return names


def test_the_layout_of_a_stack(backend, files):
    backend.create(DEV, '{"resources":[]}')
    backend.checkpoints.save(DEV, '{"resources":[{}]}')
    backend.record(DEV, HistoryRecord("update", 1, 2, "succeeded"))
    found = [name for name in files() if not name.endswith(".attrs")]
    assert found[1:2] == ["history/p/dev/" + found[1].rpartition("/")[2]]
    assert [name.rpartition("/")[0] for name in found] == [
        "backups/p/dev",
        "history/p/dev",
        "history/p/dev",
        "",
        "stacks/p",
        "stacks/p",
    ]
    assert found[-2:] == ["stacks/p/dev.json", "stacks/p/dev.json.bak"]
    assert len([name for name in files() if name.endswith(".attrs")]) == len(found)


def test_a_checkpoint_is_as_pulumi_writes_it_and_keeps_its_predecessor(backend, tmp_path):
    backend.create(DEV, '{"a":1}')
    backend.checkpoints.save(DEV, '{"a":2}', ["taint"])
    folder = tmp_path / "state" / ".pulumi" / "stacks" / "p"
    assert (folder / "dev.json").read_text() == (
        '{"version":3,"features":["taint"],"checkpoint":{"stack":"organization/p/dev","latest":{"a":2}}}'
    )
    assert json.loads((folder / "dev.json.bak").read_text())["checkpoint"]["latest"] == {"a": 1}
    assert json.loads((folder / "dev.json.attrs").read_text())["user.content_type"].startswith("text/plain")


@pytest.mark.parametrize("broken", ["os.fsync", "pathlib.Path.replace"])
def test_a_write_that_fails_leaves_the_old_content_and_no_rest(tmp_path, broken):
    bucket = Bucket(tmp_path)
    bucket.write("x", b"old")
    with (
        mock.patch(broken, autospec=True, side_effect=OSError("disk full")),
        pytest.raises(OSError, match="disk full"),
    ):
        bucket.write("x", b"new")
    assert bucket.read("x") == b"old"
    assert bucket.names("") == ["x"]
    assert not list(tmp_path.glob("*.tmp")) + list(tmp_path.glob(".*.tmp"))


def test_durable_writes_reach_the_disk_before_they_replace(tmp_path):
    bucket = Bucket(tmp_path)
    order = mock.Mock(spec=["fsync", "replace"])
    with (
        mock.patch("os.fsync", autospec=True, side_effect=order.fsync),
        mock.patch("pathlib.Path.replace", autospec=True, side_effect=order.replace),
    ):
        bucket.write("x", b"1")
    assert [call[0] for call in order.mock_calls] == ["replace", "fsync", "replace", "fsync"]


def test_keeping_a_predecessor_survives_file_systems_without_links(tmp_path):
    bucket = Bucket(tmp_path)
    bucket.write("x", b"1")
    with mock.patch("os.link", autospec=True, side_effect=PermissionError):
        bucket.keep_as("x", "x.bak")
    bucket.write("x", b"2")
    assert (bucket.read("x.bak"), bucket.read("x")) == (b"1", b"2")


def test_history_is_newest_first_and_in_pages(backend):
    backend.create(DEV, "{}")
    for start in range(3):
        record = HistoryRecord("update", start, start + 1, "succeeded", resource_changes={"same": start})
        backend.record(DEV, record)
    assert [r.start_time for r in backend.history.page(DEV)] == [2, 1, 0]
    assert [r.start_time for r in backend.history.page(DEV, 2, 1)] == [2, 1]
    assert [r.start_time for r in backend.history.page(DEV, 2, 2)] == [0]
    assert backend.history.page(DEV, 2, 3) == []
    assert backend.history.page(PROD) == []


def test_a_record_of_pulumi_reads_and_writes_the_same():
    from sandbox.engine.backend.history import from_json

    document = {
        "kind": "update",
        "startTime": 5,
        "message": "m",
        "environment": {"a": "b"},
        "config": {"p:k": {"secure": "v1:…"}},
        "version": 0,
        "result": "failed",
        "endTime": 6,
        "resourceChanges": {"create": 4},
    }
    written = from_json(document).to_json()
    assert written == document
    assert list(written) == list(document)


def test_a_lock_names_its_holder_and_goes_with_the_block(backend, tmp_path):
    backend.create(DEV, "{}")
    folder = tmp_path / "state/.pulumi/locks/organization/p/dev"
    with backend.locks.hold(DEV):
        (file,) = (f for f in folder.iterdir() if f.suffix == ".json")
        lock = json.loads(file.read_text())
        assert lock["pid"] == os.getpid()
        assert {"username", "hostname", "timestamp"} < lock.keys()
        other = FileBackend(backend.url, tmp_path)
        with pytest.raises(StackLockedError, match=rf"\(pid {os.getpid()}\)"), other.locks.hold(DEV):
            pass
        assert backend.locks.held(DEV)
    assert not list(folder.iterdir())


def test_a_lock_goes_when_the_block_fails(backend):
    backend.create(DEV, "{}")
    with pytest.raises(RuntimeError), backend.locks.hold(DEV):
        raise RuntimeError
    assert not backend.locks.held(DEV)


def test_remove_refuses_resources_but_takes_the_bare_stack(backend, files):
    backend.create(DEV, '{"resources":[{"type":"k:index:T"}]}')
    with pytest.raises(StackHasResourcesError):
        backend.remove(DEV, force=False)
    backend.checkpoints.save(DEV, '{"resources":[{"type":"pulumi:pulumi:Stack"}]}')
    backend.record(DEV, HistoryRecord("destroy", 1, 2, "succeeded"))
    backend.tags.save(DEV, {"a": "b"})
    backend.remove(DEV, force=False, with_backups=True)
    assert [name for name in files() if "dev" in name] == []


def test_rename_moves_everything(backend):
    backend.create(DEV, '{"a":1}')
    backend.record(DEV, HistoryRecord("update", 1, 2, "succeeded"))
    backend.tags.save(DEV, {"a": "b"})
    backend.rename(DEV, PROD, '{"a":2}')
    assert not backend.checkpoints.exists(DEV)
    assert backend.checkpoints.load(PROD) == {"a": 2}
    assert [r.kind for r in backend.history.page(PROD)] == ["update"]
    assert backend.tags.load(PROD) == {"a": "b"}
    backend.create(DEV, "{}")
    with pytest.raises(BackendError, match="already exists"):
        backend.rename(DEV, PROD, "{}")


def test_lists_ignore_what_is_no_stack(backend, tmp_path):
    backend.create(DEV, "{}")
    backend.create(StackReference("q", "x"), "{}")
    folder = tmp_path / "state/.pulumi/stacks"
    (folder / "p" / "bad name.json").write_text("{}")
    (folder / "p" / "dev.json.bak").write_text("{}")
    (folder / "stray.txt").write_text("")
    assert backend.list("p") == [DEV]
    assert backend.list(None) == [DEV, StackReference("q", "x")]


def test_old_layouts_and_compressed_checkpoints_are_refused(tmp_path, backend):
    backend.create(DEV, "{}")
    folder = tmp_path / "state/.pulumi/stacks/p"
    (folder / "zip.json.gz").write_text("")
    with pytest.raises(BackendError, match="compressed"):
        backend.checkpoints.load(StackReference("p", "zip"))
    old = tmp_path / "old/.pulumi/stacks"
    old.mkdir(parents=True)
    (old / "dev.json").write_text("{}")
    with pytest.raises(UnsupportedBackendError, match="pulumi state upgrade"):
        FileBackend(f"file://{tmp_path}/old", tmp_path)


def test_addresses(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Location("file://~/s", tmp_path).folder == tmp_path / "s"
    assert Location("file://./s", tmp_path).folder == tmp_path / "s"
    assert Location("file:///a/b?x=1", tmp_path).url_of("k") == "file:///a/b/k?no_tmp_dir=true&x=1"
    for url in ("s3://b", "https://api.pulumi.com", "gs://x"):
        with pytest.raises(UnsupportedBackendError, match="not supported by this engine"):
            Location(url, tmp_path)


@pytest.mark.parametrize(
    ("text", "reference"),
    [("dev", DEV), ("organization/dev", DEV), ("organization/q/x", StackReference("q", "x"))],
)
def test_references(text, reference):
    assert parse_reference(text, "p") == reference


def test_references_need_a_project():
    with pytest.raises(StackNameError, match=r"no Pulumi\.yaml"):
        parse_reference("dev", None)
    assert parse_reference("organization/q/x", None).display("p") == "organization/q/x"
