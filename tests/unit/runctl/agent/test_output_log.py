from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from support.agent_stand_ins import MemoryBucket

from runctl_auto.agent.errors import AgentError
from runctl_auto.agent.output_log import PATIENT_PASSES, LogShipper

PREFIX = "runs/r1/logs/0/"


def make(bucket: MemoryBucket, folder: Path, **options) -> LogShipper:
    return LogShipper(bucket, PREFIX, source=folder / "out", position_file=folder / "position", **options)


def add(folder: Path, data: bytes) -> None:
    with (folder / "out").open("ab") as file:
        file.write(data)


def parts(bucket: MemoryBucket) -> list[bytes]:
    return [bucket.objects[key] for key in sorted(bucket.list_objects(PREFIX))]


def test_growth_becomes_numbered_parts(bucket: MemoryBucket, tmp_path: Path) -> None:
    shipped: list[int] = []
    shipper = make(bucket, tmp_path, shipped=shipped.append)
    shipper.ship()
    add(tmp_path, b"one\ntwo\n")
    shipper.ship()
    shipper.ship()
    add(tmp_path, b"three\n")
    shipper.ship()
    assert list(bucket.objects) == [f"{PREFIX}00000000.log", f"{PREFIX}00000001.log"]
    assert parts(bucket) == [b"one\ntwo\n", b"three\n"]
    assert shipped == [1, 2]


def test_an_unfinished_line_waits_for_its_end(bucket: MemoryBucket, tmp_path: Path) -> None:
    shipper = make(bucket, tmp_path)
    add(tmp_path, b"whole\nhal")
    shipper.ship()
    add(tmp_path, b"f\n")
    shipper.ship()
    assert parts(bucket) == [b"whole\n", b"half\n"]


def test_an_unfinished_line_does_not_wait_for_ever(bucket: MemoryBucket, tmp_path: Path) -> None:
    shipper = make(bucket, tmp_path)
    add(tmp_path, b"continue? ")
    for _ in range(PATIENT_PASSES):
        shipper.ship()
        assert parts(bucket) == []
    shipper.ship()
    assert parts(bucket) == [b"continue? "]


def test_the_end_is_never_lost(bucket: MemoryBucket, tmp_path: Path) -> None:
    shipper = make(bucket, tmp_path)
    add(tmp_path, b"line\nlast words")
    shipper.ship_all(bucket)
    assert b"".join(parts(bucket)) == b"line\nlast words"


def test_parts_are_bounded_and_cut_at_lines(bucket: MemoryBucket, tmp_path: Path) -> None:
    add(tmp_path, b"aaaa\nbbbb\ncccc\n" + b"x" * 25)
    make(bucket, tmp_path, part_bytes=12).ship_all(bucket)
    assert parts(bucket) == [b"aaaa\nbbbb\n", b"cccc\n", b"x" * 12, b"x" * 12, b"x"]


def test_a_restarted_agent_sends_the_same_part_again(bucket: MemoryBucket, tmp_path: Path) -> None:
    add(tmp_path, b"one\n")
    stored_but_unheard = MemoryBucket()

    def lose_the_answer(key: str) -> None:
        stored_but_unheard.objects[key] = b"one\n"
        raise AgentError("no answer")

    bucket.before_put = lose_the_answer
    try:
        make(bucket, tmp_path).ship()
    except AgentError:
        add(tmp_path, b"two\n")
    bucket.before_put = lambda key: None
    make(bucket, tmp_path).ship()
    assert bucket.objects[f"{PREFIX}00000000.log"] == stored_but_unheard.objects[f"{PREFIX}00000000.log"]
    assert parts(bucket) == [b"one\n", b"two\n"]


def test_another_machine_numbers_on(bucket: MemoryBucket, tmp_path: Path) -> None:
    bucket.objects[f"{PREFIX}00000041.log"] = b"before\n"
    add(tmp_path, b"after\n")
    make(bucket, tmp_path).ship()
    assert bucket.objects[f"{PREFIX}00000042.log"] == b"after\n"


PIECES = st.lists(st.one_of(st.binary(max_size=30), st.just(b"fail"), st.just(b"restart")), max_size=12)


@settings(max_examples=60, deadline=None)
@given(PIECES)
def test_whatever_happens_the_parts_are_the_output(pieces: list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder, bucket, written = Path(name), MemoryBucket(), b""
        shipper = make(bucket, folder, part_bytes=16)
        seen: dict[str, bytes] = {}
        for piece in pieces:
            if piece == b"fail":
                bucket.fail_on(".log")
            elif piece == b"restart":
                shipper = make(bucket, folder, part_bytes=16)
            else:
                add(folder, piece)
                written += piece
            try:
                shipper.ship()
            except AgentError:
                continue
            assert all(bucket.objects[key] == data for key, data in seen.items()), "no part ever changes"
            seen = dict(bucket.objects)
        bucket.fail_on("nothing")
        shipper.ship_all(bucket)
        assert b"".join(parts(bucket)) == written
