from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from support.agent_stand_ins import MemoryStore

from runctl_auto.agent.errors import AgentError
from runctl_auto.agent.job.output_log import PATIENT_PASSES, LogShipper
from runctl_auto.agent.keys import log_part_name, node_logs_prefix

PREFIX = node_logs_prefix("r1", 0)


def make(store: MemoryStore, folder: Path, **options) -> LogShipper:
    return LogShipper(store, PREFIX, source=folder / "out", position_file=folder / "position", **options)


def add(folder: Path, data: bytes) -> None:
    with (folder / "out").open("ab") as file:
        file.write(data)


def parts(store: MemoryStore) -> list[bytes]:
    return [store.objects[key] for key in sorted(store.object_sizes(PREFIX))]


def test_growth_becomes_numbered_parts(store: MemoryStore, tmp_path: Path) -> None:
    shipped: list[int] = []
    shipper = make(store, tmp_path, shipped=shipped.append)
    shipper.ship()
    add(tmp_path, b"one\ntwo\n")
    shipper.ship()
    shipper.ship()
    add(tmp_path, b"three\n")
    shipper.ship()
    assert list(store.objects) == [PREFIX + log_part_name(0), PREFIX + log_part_name(1)]
    assert parts(store) == [b"one\ntwo\n", b"three\n"]
    assert shipped == [1, 2]


def test_an_unfinished_line_waits_for_its_end(store: MemoryStore, tmp_path: Path) -> None:
    shipper = make(store, tmp_path)
    add(tmp_path, b"whole\nhal")
    shipper.ship()
    add(tmp_path, b"f\n")
    shipper.ship()
    assert parts(store) == [b"whole\n", b"half\n"]


def test_an_unfinished_line_does_not_wait_for_ever(store: MemoryStore, tmp_path: Path) -> None:
    shipper = make(store, tmp_path)
    add(tmp_path, b"continue? ")
    for _ in range(PATIENT_PASSES):
        shipper.ship()
        assert parts(store) == []
    shipper.ship()
    assert parts(store) == [b"continue? "]


def test_the_end_is_never_lost(store: MemoryStore, tmp_path: Path) -> None:
    shipper = make(store, tmp_path)
    add(tmp_path, b"line\nlast words")
    shipper.ship_all(store)
    assert b"".join(parts(store)) == b"line\nlast words"


def test_parts_are_bounded_and_cut_at_lines(store: MemoryStore, tmp_path: Path) -> None:
    add(tmp_path, b"aaaa\nbbbb\ncccc\n" + b"x" * 25)
    make(store, tmp_path, part_bytes=12).ship_all(store)
    assert parts(store) == [b"aaaa\nbbbb\n", b"cccc\n", b"x" * 12, b"x" * 12, b"x"]


def test_a_restarted_agent_sends_the_same_part_again(store: MemoryStore, tmp_path: Path) -> None:
    add(tmp_path, b"one\n")
    stored_but_unheard = MemoryStore()

    def lose_the_answer(key: str) -> None:
        stored_but_unheard.objects[key] = b"one\n"
        raise AgentError("no answer")

    store.before_put = lose_the_answer
    try:
        make(store, tmp_path).ship()
    except AgentError:
        add(tmp_path, b"two\n")
    store.before_put = lambda key: None
    make(store, tmp_path).ship()
    assert store.objects[PREFIX + log_part_name(0)] == stored_but_unheard.objects[PREFIX + log_part_name(0)]
    assert parts(store) == [b"one\n", b"two\n"]


def test_another_machine_numbers_on(store: MemoryStore, tmp_path: Path) -> None:
    store.objects[PREFIX + log_part_name(41)] = b"before\n"
    add(tmp_path, b"after\n")
    make(store, tmp_path).ship()
    assert store.objects[PREFIX + log_part_name(42)] == b"after\n"


PIECES = st.lists(st.one_of(st.binary(max_size=30), st.just(b"fail"), st.just(b"restart")), max_size=12)


@settings(max_examples=60, deadline=None)
@given(PIECES)
def test_whatever_happens_the_parts_are_the_output(pieces: list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder, store, written = Path(name), MemoryStore(), b""
        shipper = make(store, folder, part_bytes=16)
        seen: dict[str, bytes] = {}
        for piece in pieces:
            if piece == b"fail":
                store.fail_on(".log")
            elif piece == b"restart":
                shipper = make(store, folder, part_bytes=16)
            else:
                add(folder, piece)
                written += piece
            try:
                shipper.ship()
            except AgentError:
                continue
            assert all(store.objects[key] == data for key, data in seen.items()), "no part ever changes"
            seen = dict(store.objects)
        store.fail_on("nothing")
        shipper.ship_all(store)
        assert b"".join(parts(store)) == written


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet="aé日🎉\n", max_size=60), st.integers(4, 12), st.integers(1, 60))
def test_no_character_is_cut(text: str, part_bytes: int, cut: int) -> None:
    """Readers decode part by part."""
    data = text.encode()
    store = MemoryStore()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        log = make(store, folder, part_bytes=part_bytes)
        for piece in (data[:cut], data[cut:]):
            add(folder, piece)
            for _ in range(PATIENT_PASSES + 1):
                log.ship()
        log.ship_all(store)
    assert "".join(part.decode("utf-8", "replace") for part in parts(store)) == text


def test_bytes_of_another_encoding_are_not_held_back_for_ever(store: MemoryStore, tmp_path: Path) -> None:
    log = make(store, tmp_path)
    add(tmp_path, b"caf\xe9")
    for _ in range(PATIENT_PASSES + 1):
        log.ship()
    add(tmp_path, b"\n")
    log.ship()
    assert b"".join(parts(store)) == b"caf\xe9\n"


def test_names_that_are_no_parts_do_not_count(store: MemoryStore, tmp_path: Path) -> None:
    for name in (
        "evil.log",
        "9.log",
        "\u00b2\u00b2\u00b2\u00b2\u00b2\u00b2\u00b2\u00b2.log",
        "00000007.txt",
        "00000003.log",
        "00000001.log/x",
    ):
        store.put(PREFIX + name, b"planted")
    add(tmp_path, b"one\n")
    make(store, tmp_path).ship()
    assert store.objects[PREFIX + log_part_name(4)] == b"one\n"
