"""No byte of a secret leaves with the output, wherever the output was cut."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from support.agent_stand_ins import MemoryStore

from runctl_auto.agent.errors import AgentError
from runctl_auto.agent.job.output_log import LogShipper
from runctl_auto.agent.job.redaction import HiddenValues
from runctl_auto.agent.keys import node_logs_prefix

PREFIX = node_logs_prefix("r1", 0)
SECRET = "hf_abc-SECRET-xyz"
KEY = "-----BEGIN KEY-----\nMIIEvQIBADAN\nBgkqhkiG9w0B\n-----END KEY-----\n"


def shipper(store: MemoryStore, folder: Path, *values: str, part_bytes: int = 16) -> LogShipper:
    made = LogShipper(
        store,
        PREFIX,
        source=folder / "out",
        position_file=folder / "position",
        part_bytes=part_bytes,
        redaction=None,
    )
    made.hide(values)
    return made


def shipped(store: MemoryStore) -> bytes:
    return b"".join(store.objects[key] for key in sorted(store.object_sizes(PREFIX)))


def add(folder: Path, data: bytes) -> None:
    with (folder / "out").open("ab") as file:
        file.write(data)


def hidden(data: bytes, *values: str) -> bytes:
    return HiddenValues(values).redacted(b"", data, b"")


def test_every_occurrence_is_masked_and_the_rest_stays() -> None:
    assert hidden(b"a hf_abc-SECRET-xyz, hf_abc-SECRET-xyz.", SECRET) == b"a ***, ***."
    assert hidden(b"nothing here", SECRET) == b"nothing here"


def test_values_that_overlap_leave_no_rest_of_each_other() -> None:
    assert hidden(b"<abcdefgh>", "abcdef", "defgh") == b"<***>"


def test_lines_of_a_key_are_hidden_although_they_are_printed_indented() -> None:
    assert hidden(b"  MIIEvQIBADAN\n  BgkqhkiG9w0B\n", KEY) == b"  ***\n  ***\n"


def test_what_is_in_everything_is_not_looked_for() -> None:
    assert hidden(b"step 1 of 10", "1", "of") == b"step 1 of 10"


def test_a_value_with_an_end_of_line_is_hidden_without_it(tmp_path: Path) -> None:
    assert hidden(b"value=abcd1234\n", "abcd1234\n") == b"value=***"
    assert hidden(b"value=abcd1234.", "abcd1234\n") == b"value=***."


def test_a_secret_cut_by_the_size_of_parts_is_hidden(store: MemoryStore, tmp_path: Path) -> None:
    add(tmp_path, b"0123456789" + SECRET.encode() + b"9876543210\n")
    shipper(store, tmp_path, SECRET).ship()
    assert shipped(store) == b"0123456789***9876543210\n"
    assert len(store.objects) > 1


def test_a_secret_that_is_still_being_written_waits(store: MemoryStore, tmp_path: Path) -> None:
    log = shipper(store, tmp_path, SECRET, part_bytes=100)
    add(tmp_path, b"token: hf_abc-SEC")
    for _ in range(8):
        log.ship()
    assert shipped(store) == b"token: "
    add(tmp_path, b"RET-xyz\n")
    log.ship()
    assert shipped(store) == b"token: ***\n"


def test_a_secret_of_several_lines_is_hidden_as_a_whole(store: MemoryStore, tmp_path: Path) -> None:
    log = shipper(store, tmp_path, "ab\ncd\n", part_bytes=100)
    add(tmp_path, b"<ab\n")
    log.ship()
    add(tmp_path, b"cd\n>\n")
    log.ship()
    assert shipped(store) == b"<***>\n"


def test_most_of_a_secret_at_the_end_of_all_output_is_hidden(store: MemoryStore, tmp_path: Path) -> None:
    add(tmp_path, b"token: hf_abc-SECRET-x")
    shipper(store, tmp_path, SECRET, part_bytes=100).ship_all(store)
    assert shipped(store) == b"token: ***"


def test_nothing_is_shipped_before_it_is_known_what_to_hide(store: MemoryStore, tmp_path: Path) -> None:
    add(tmp_path, b"[runctl r1] restarted\n" + SECRET.encode() + b"\n[runctl r1] no secrets: denied\n")
    log = LogShipper(
        store, PREFIX, source=tmp_path / "out", position_file=tmp_path / "position", redaction=None
    )
    log.ship()
    assert store.objects == {}
    log.ship_all(store)
    assert shipped(store) == b"[runctl r1] restarted\n[runctl r1] no secrets: denied\n"


VALUES = st.lists(st.text("ab\n", min_size=4, max_size=9), min_size=1, max_size=3)
WRITES = st.lists(st.one_of(st.text("abc\n", max_size=12), st.sampled_from(["fail", "restart"])), max_size=14)


@settings(max_examples=30, deadline=None)
@given(VALUES, WRITES)
def test_however_it_is_cut_the_parts_are_the_hidden_output(values: list[str], writes: list[str]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder, store, written = Path(name), MemoryStore(), b""
        log = shipper(store, folder, *values, part_bytes=7)
        for write in writes:
            if write == "fail":
                store.fail_on(".log")
            elif write == "restart":
                log = shipper(store, folder, *values, part_bytes=7)
            else:
                add(folder, write.encode())
                written += write.encode()
            try:
                log.ship()
            except AgentError:
                continue
        store.fail_on("nothing")
        log.ship_all(store)
        assert shipped(store) == hidden(written, *values)
        whole = {value.encode() for value in values}
        assert not any(value in shipped(store) for value in whole)
