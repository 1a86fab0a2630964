"""The metrics that a run left, as people's programs write them."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from runctl_auto.jobs.artifacts.fetch import Download
from runctl_auto.jobs.artifacts.metrics import read_metrics


def metrics(folder: Path, content: bytes) -> dict[str, object]:
    (folder / "metrics.json").write_bytes(content)
    return read_metrics(Download(folder, ("metrics.json",), len(content), fetched=True))


def test_numbers_that_json_lacks_are_read(tmp_path: Path) -> None:
    read = metrics(tmp_path, b'{"loss": NaN, "best": Infinity, "acc": 0.5}')
    assert math.isnan(float(str(read["loss"])))
    assert read["best"] == math.inf


def test_a_byte_order_mark_is_no_obstacle(tmp_path: Path) -> None:
    assert metrics(tmp_path, b'\xef\xbb\xbf{"acc": 0.5}') == {"acc": 0.5}


@pytest.mark.parametrize(
    "content",
    [b"", b"[1, 2]", b"{", b"\xff\xfe{}", b'{"a": ' * 20_000, b"[" * 90_000, b'{"a": ' + b"9" * 5_000 + b"}"],
    ids=["empty", "list", "cut", "no text", "deep objects", "deep lists", "long number"],
)
def test_what_cannot_be_read_is_no_metric_and_no_error(tmp_path: Path, content: bytes) -> None:
    read = metrics(tmp_path, content)
    assert read == {} or set(read) == {"a"}
