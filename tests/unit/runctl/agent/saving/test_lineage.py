from __future__ import annotations

import json

import pytest

from runctl_auto.agent.contract import MOST_MANIFEST_BYTES
from runctl_auto.agent.keys import checkpoint_prefix, chosen_key, file_key, manifest_key
from runctl_auto.agent.saving.lineage import Choice, OwnLineage, SavedCheckpoint, start_order
from runctl_auto.agent.saving.manifest import Manifest, Problem

WHOLE = Manifest(())
SUSPECT = Manifest((), suspect=(Problem("a", "was being written"),))


def found(**states: Manifest | None) -> list[SavedCheckpoint]:
    """Checkpoints by their number, the newest first."""
    return [SavedCheckpoint(f"{int(name[1:]):08d}", {}, state) for name, state in states.items()]


def numbers(order: list[SavedCheckpoint]) -> list[int]:
    return [int(each.sequence) for each in order]


CASES = [
    (found(n3=WHOLE, n2=WHOLE, n1=WHOLE), None, (), [3, 2, 1]),
    (found(n3=None, n2=WHOLE), None, (), [2]),
    (found(n3=SUSPECT, n2=WHOLE, n1=WHOLE), None, (), [2, 1]),
    (found(n3=SUSPECT, n2=SUSPECT), None, (), [3, 2]),
    (found(n3=WHOLE, n2=WHOLE), None, (3,), [2]),
    (found(n3=WHOLE, n2=WHOLE), None, (3, 2), []),
    (found(n3=WHOLE, n2=WHOLE, n1=WHOLE), (2, 3), (), [2, 1]),
    (found(n3=SUSPECT, n2=WHOLE), (3, 3), (), [3, 2]),
    (found(n4=WHOLE, n3=WHOLE, n2=WHOLE), (2, 3), (), [4, 3, 2]),
    (found(n4=None, n3=WHOLE, n2=WHOLE), (2, 3), (), [2]),
    (found(n3=WHOLE, n1=WHOLE), (2, 3), (), [3, 1]),
    ([], (2, 3), (), []),
]


@pytest.mark.parametrize(("checkpoints", "choice", "tried", "order"), CASES)
def test_the_order_of_starts(
    checkpoints: list[SavedCheckpoint],
    choice: tuple[int, int] | None,
    tried: tuple[int, ...],
    order: list[int],
) -> None:
    chosen = None if choice is None else Choice(f"{choice[0]:08d}", f"{choice[1]:08d}")
    assert numbers(start_order(checkpoints, chosen, [f"{each:08d}" for each in tried])) == order


def put(store, number: int, manifest: Manifest | None = WHOLE) -> None:
    prefix = checkpoint_prefix("line", f"{number:08d}")
    store.put(file_key(prefix, "a"), b"x")
    if manifest is not None:
        store.put(manifest_key(prefix), manifest.to_json())


def left(store) -> list[str]:
    return sorted(OwnLineage(store, "line").sequences())


def test_a_choice_counts_until_a_newer_one_is_complete(store) -> None:
    for number in (1, 2, 3):
        put(store, number)
    lineage = OwnLineage(store, "line")
    lineage.choose("00000002")
    assert numbers(start_order(lineage.all(), lineage.choice())) == [2, 1]
    put(store, 4)
    assert numbers(start_order(lineage.all(), lineage.choice())) == [4, 3, 2, 1]
    lineage.choose_none()
    lineage.choose_none()
    assert lineage.choice() is None


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"sequence": "1"}', b"7"])
def test_an_unreadable_choice_is_none(store, content: bytes) -> None:
    store.put(chosen_key("line"), content)
    assert OwnLineage(store, "line").choice() is None


def test_a_choice_is_no_checkpoint(store) -> None:
    put(store, 1)
    OwnLineage(store, "line").choose("00000001")
    assert left(store) == ["00000001"]


def test_old_ones_and_leftovers_go_and_one_suspect_stays(store) -> None:
    put(store, 1)
    put(store, 2, None)
    put(store, 3)
    put(store, 4, SUSPECT)
    put(store, 5)
    put(store, 6, SUSPECT)
    put(store, 7)
    put(store, 8, None)  # being written by the next save
    OwnLineage(store, "line").drop_old("00000007", keep=2)
    assert left(store) == ["00000005", "00000006", "00000007", "00000008"]


def test_a_removed_one_loses_its_manifest_first(store, monkeypatch) -> None:
    put(store, 1)
    deleted: list[str] = []
    monkeypatch.setattr(store, "delete", deleted.append)
    OwnLineage(store, "line").remove("00000001")
    assert deleted[0] == manifest_key(checkpoint_prefix("line", "00000001"))
    assert len(deleted) == 2


def test_a_damaged_manifest_is_told(store) -> None:
    put(store, 1)
    store.put(manifest_key(checkpoint_prefix("line", "00000001")), b"{")
    (damaged,) = OwnLineage(store, "line").all()
    assert not damaged.is_complete
    assert "cannot be understood" in str(damaged.damage)


def test_only_names_that_are_written_are_checkpoints(store) -> None:
    put(store, 1)
    for name in ("\u00b2\u00b2\u00b2\u00b2\u00b2\u00b2\u00b2\u00b2", "2", "000000003", "-0000004", "..x"):
        store.put(f"checkpoints/line/{name}/manifest.json", WHOLE.to_json())
    assert left(store) == ["00000001"]
    assert OwnLineage(store, "line").next_number() == 2


def test_a_manifest_that_is_too_large_is_damage(store) -> None:
    put(store, 1)
    store.put(manifest_key(checkpoint_prefix("line", "00000001")), b" " * (MOST_MANIFEST_BYTES + 1))
    (damaged,) = OwnLineage(store, "line").all()
    assert "is larger than" in str(damaged.damage)


def test_a_choice_of_something_else_is_none(store) -> None:
    for sequence in ("../../other", "1", 7, None, "x" * 9999):
        store.put(chosen_key("line"), json.dumps({"sequence": sequence, "newest": "00000001"}).encode())
        assert OwnLineage(store, "line").choice() is None
