from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.event_files import event, part, record, scalar, tensor, version

from runctl_auto.agent.metrics.crc32c import crc32c
from runctl_auto.agent.metrics.event_file import MOST_RECORD, EventFile, scalars

NAME = "events.out.tfevents.1790000000.host.1.0"


def test_the_checksum() -> None:
    """The check value of CRC-32C (RFC 3720, B.4)."""
    assert crc32c(b"123456789") == 0xE3069283
    assert crc32c(bytes(32)) == 0x8A9136AA


def test_scalars_as_torch_and_as_tensorflow_write_them(tmp_path: Path) -> None:
    path = tmp_path / NAME
    path.write_bytes(
        record(version())
        + record(event(1, scalar("loss", 0.5), scalar("lr", 0.25)))
        + record(event(2, tensor("loss", 0.125)))
    )
    found = list(EventFile(path).records())
    assert [(each.counter, dict(each.values)) for each in found] == [
        (1.0, {"loss": 0.5, "lr": 0.25}),
        (2.0, {"loss": 0.125}),
    ]
    assert found[0].at == 1_790_000_000.0


def test_only_what_is_new_is_read_and_a_record_only_when_it_is_whole(tmp_path: Path) -> None:
    path, content = tmp_path / NAME, record(event(1, scalar("loss", 1.0)))
    file = EventFile(path)
    assert list(file.records()) == []
    path.write_bytes(content + content[:20])
    assert len(list(file.records())) == 1
    assert list(file.records()) == []
    path.write_bytes(content * 2)
    assert len(list(file.records())) == 1


def test_a_record_that_was_changed_does_not_count(tmp_path: Path) -> None:
    changed = bytearray(record(event(1, scalar("loss", 1.0))))
    changed[-6] ^= 1
    path = tmp_path / NAME
    path.write_bytes(bytes(changed) + record(event(2, scalar("loss", 2.0))))
    assert [each.counter for each in EventFile(path).records()] == [2.0]


def test_a_length_that_was_changed_ends_the_file(tmp_path: Path) -> None:
    changed = bytearray(record(event(1, scalar("loss", 1.0))))
    changed[1] ^= 1
    path = tmp_path / NAME
    path.write_bytes(bytes(changed) + record(event(2, scalar("loss", 2.0))))
    file = EventFile(path)
    assert list(file.records()) == []
    assert file.is_broken


def test_pictures_are_passed_over(tmp_path: Path) -> None:
    picture = record(event(1, part(1, part(1, b"image") + part(4, bytes(MOST_RECORD)))))
    path = tmp_path / NAME
    path.write_bytes(picture + record(event(2, scalar("loss", 2.0))))
    assert [each.counter for each in EventFile(path).records()] == [2.0]


def test_the_folder_of_a_set_is_part_of_the_name(tmp_path: Path) -> None:
    for folder, name in (("validation", "validation/loss"), ("version_0", "loss")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / NAME).write_bytes(record(event(1, scalar("loss", 1.0))))
        (found,) = EventFile(tmp_path / folder / NAME).records()
        assert list(found.values) == [name]


def test_links_and_pipes_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(record(event(1, scalar("loss", 1.0))))
    (tmp_path / NAME).symlink_to(tmp_path / "real")
    assert list(EventFile(tmp_path / NAME).records()) == []
    os.mkfifo(tmp_path / "pipe")
    assert list(EventFile(tmp_path / "pipe").records()) == []


@given(st.binary(max_size=200))
def test_whatever_an_event_is(content: bytes) -> None:
    list(scalars(content))
    list(scalars(event(1, part(1, content))))
    list(scalars(event(1, part(1, part(1, b"a") + part(8, content)))))


@pytest.mark.parametrize("step", [-1, 2**62])
def test_a_step_that_can_be_none(step: int) -> None:
    content = event(step & (2**64 - 1), scalar("loss", 1.0))
    assert list(scalars(content)) == []
    assert list(scalars(struct.pack("<d", 1.0))) == []
