from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from runctl_auto.agent.metrics.metric_files import ObjectsFile, TableFile


def unchanged(text: str) -> str:
    return text


def rows(file: TableFile) -> list[tuple[float | None, dict[str, float]]]:
    return [(each.counter, dict(each.values)) for each in file.records(unchanged)]


def test_a_table_that_grows_and_one_that_is_written_anew(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    file = TableFile(path)
    assert rows(file) == []
    path.write_text("epoch,step,loss\n0,1,0.5\n0,2,\n")
    assert rows(file) == [(1, {"loss": 0.5})]
    path.write_text("epoch,step,loss\n0,1,0.5\n0,2,\n0,3,0.25\n")
    assert rows(file) == [(3, {"loss": 0.25})]
    path.write_text("epoch,step,loss,val\n0,1,0.5,\n0,3,0.25,0.75\n")
    assert rows(file) == [(1, {"loss": 0.5}), (3, {"loss": 0.25, "val": 0.75})]


def test_secrets_are_hidden_before_a_table_is_read(tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").write_text("step,key1234\n1,1\n2,5678\n")
    hide = lambda text: text.replace("key1234", "***").replace("5678", "***")  # noqa: E731
    assert [dict(each.values) for each in TableFile(tmp_path / "metrics.csv").records(hide)] == [{"***": 1.0}]


@given(st.binary(max_size=300))
def test_whatever_a_file_holds(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "metrics.csv"
        for prefix in (b"", b"step,loss\n", b'{"step": 1, "loss": 2}\n'):
            path.write_bytes(prefix + content)
            list(TableFile(path).records(unchanged))
            list(ObjectsFile(path).records(unchanged, final=True))
