from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from support.agent_stand_ins import MemoryStore

from runctl_auto.agent.errors import AgentError, IntegrityError
from runctl_auto.agent.keys import checkpoint_prefix, manifest_key, part_prefix
from runctl_auto.agent.nodes.common_checkpoints import CommonCheckpoints, NodePart, merged
from runctl_auto.agent.nodes.messages import Do, Message
from runctl_auto.agent.saving.checkpoints import Killed, Saved
from runctl_auto.agent.saving.lineage import Lineage
from runctl_auto.agent.saving.manifest import Manifest, StoredFile
from runctl_auto.agent.saving.manifest_reading import parse_manifest

FIRST = checkpoint_prefix("line", "00000000")


class Cluster:
    """Nodes with a folder each, one bucket, and a node 0 that asks them one after the other."""

    def __init__(self, folder: Path, count: int = 2, keep: int = 2) -> None:
        self.store = MemoryStore()
        self.folder = folder
        self.lost: set[int] = set()
        self.writes = 0
        self.saved: list[Saved] = []
        self.said: list[str] = []
        self.parts = [self.boot(node) for node in range(count)]
        self.common = CommonCheckpoints(
            self.store, "line", self.ask, keep=keep, say=self.said.append, saved=self.saved.append
        )

    def boot(self, node: int) -> NodePart:
        return NodePart(
            self.store,
            "line",
            node=node,
            folder=self.place(node),
            scratch=self.folder / f"scratch-{node}",
            keep=1,
            say=self.said.append,
            wait=lambda _: None,
            clock=lambda: 1_000_000.0,
            run="r1",
        )

    def place(self, node: int) -> Path:
        return self.folder / f"node-{node}"

    def write(self, node: int, **files: str) -> None:
        for name, text in files.items():
            path = self.place(node) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            self.writes += 1
            os.utime(path, (self.writes, self.writes))

    def read(self, node: int) -> dict[str, str]:
        files = (path for path in self.place(node).rglob("*") if path.is_file())
        return {str(path.relative_to(self.place(node))): path.read_text() for path in files}

    def ask(self, message: Message, answer: str) -> Mapping[int, Message]:
        answers: dict[int, Message] = {}
        for node, part in enumerate(self.parts):
            if node in self.lost:
                raise AgentError(f"node {node} is lost")
            try:
                if message["do"] == Do.LOOK:
                    answers[node] = {"ok": True, "changed": part.has_changed()}
                else:
                    part.store(message["checkpoint"], final=message["final"])
                    answers[node] = {"ok": True}
            except AgentError as error:
                answers[node] = {"ok": False, "why": str(error)}
        return answers

    def restore(self, sequence: str | None) -> None:
        for part in self.parts:
            part.restore_this(sequence)


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    found = Cluster(tmp_path)
    found.restore(None)
    return found


def test_all_nodes_get_what_all_have_saved(cluster: Cluster) -> None:
    cluster.write(0, model="weights", shard0="a")
    cluster.write(1, shard1="b")
    assert cluster.common.save() == "00000000"
    assert [each.sequence for each in cluster.saved] == ["00000000"]
    cluster.restore(cluster.common.choose(()))
    everything = {"model": "weights", "shard0": "a", "shard1": "b"}
    assert cluster.read(0) == cluster.read(1) == everything


def test_each_node_finds_its_own_file_where_several_have_one_name(cluster: Cluster) -> None:
    cluster.write(0, state="of 0")
    cluster.write(1, state="of 1")
    cluster.common.save()
    cluster.restore("00000000")
    assert (cluster.read(0), cluster.read(1)) == ({"state": "of 0"}, {"state": "of 1"})
    manifest = parse_manifest(cluster.store.objects[manifest_key(FIRST)])
    assert [(file.path, file.node) for file in manifest.files] == [("state", 0)]


def test_many_small_files_of_several_nodes_are_restored_from_their_packs(cluster: Cluster) -> None:
    for node in range(2):
        cluster.write(node, **{f"file-{node}-{number}": f"{node} {number}" for number in range(100)})
    cluster.common.save()
    cluster.restore("00000000")
    assert len(cluster.read(1)) == 200
    assert cluster.read(1)["file-0-99"] == "0 99"


def test_nothing_is_saved_while_nothing_changes(cluster: Cluster) -> None:
    cluster.write(0, model="1")
    assert cluster.common.save() == "00000000"
    assert cluster.common.save() is None
    cluster.write(1, log="2")
    assert cluster.common.save() == "00000001"
    cluster.restore("00000001")
    assert cluster.common.save() is None


def test_a_checkpoint_is_complete_only_when_all_parts_are(cluster: Cluster) -> None:
    cluster.write(0, model="1")
    cluster.common.save()
    cluster.write(0, model="2")
    cluster.store.fail_on(part_prefix(checkpoint_prefix("line", "00000001"), 1))
    with pytest.raises(AgentError, match="node 1: "):
        cluster.common.save()
    assert cluster.common.choose(()) == "00000000"
    assert cluster.common.save() == "00000002", "also if nothing has changed since"
    assert cluster.common.choose(()) == "00000002"


def test_a_node_that_is_lost_while_it_is_saved_leaves_the_checkpoint_before(cluster: Cluster) -> None:
    cluster.write(0, model="1")
    cluster.common.save()
    cluster.write(0, model="2")
    cluster.lost = {1}
    with pytest.raises(AgentError, match="node 1 is lost"):
        cluster.common.save()
    assert [each.sequence for each in Lineage(cluster.store, "line").all() if each.is_complete] == [
        "00000000"
    ]


def test_a_part_that_is_not_what_was_saved_is_found(cluster: Cluster) -> None:
    cluster.write(0, model="1")
    cluster.write(1, shard="2")
    cluster.common.save()
    cluster.store.objects[f"{part_prefix(FIRST, 1)}files/shard"] = b"x"
    with pytest.raises(IntegrityError, match="shard"):
        cluster.parts[0].restore_this("00000000")
    del cluster.store.objects[f"{part_prefix(FIRST, 1)}files/shard"]
    with pytest.raises(IntegrityError, match="shard is missing"):
        cluster.parts[0].restore_this("00000000")
    assert cluster.common.choose(("00000000",)) is None


def test_old_checkpoints_go_with_the_parts_of_all_nodes(cluster: Cluster) -> None:
    for step in range(4):
        cluster.write(0, model=str(step))
        cluster.write(1, shard=str(step))
        cluster.common.save()
    folders = cluster.store.list_folders("checkpoints/line/")
    assert folders == ["00000002", "00000003"]


def test_files_that_were_cut_off_make_the_whole_checkpoint_suspect(cluster: Cluster) -> None:
    cluster.write(0, model="1")
    cluster.common.save()
    cluster.write(1, shard="half")
    place = (cluster.place(1) / "shard").stat()
    cluster.parts[1].killed = lambda: Killed(open_files=frozenset({(place.st_dev, place.st_ino)}))
    assert cluster.common.save(final=True) == "00000001"
    assert cluster.saved[-1].suspect[0].path == "shard"
    assert cluster.common.choose(()) == "00000000", "the newest that is whole"


def test_the_manifest_of_all_is_one_that_is_read() -> None:
    parts = {
        0: Manifest((StoredFile("a/b", 1, "0f"),), links={"last": "a"}),
        1: Manifest((StoredFile("a", 2, "1f"), StoredFile("last", 2, "2f"), StoredFile("c", 3, "3f"))),
    }
    found = parse_manifest(merged(parts).to_json())
    assert [(file.path, file.node) for file in found.files] == [("a/b", 0), ("c", 1)]
    assert [problem.path for problem in found.problems] == ["a", "last"]


def test_a_manifest_without_nodes_is_what_it_was() -> None:
    file = json.loads(Manifest((StoredFile("a", 1, "0f"),)).to_json())["files"][0]
    assert "node" not in file
