"""The loader without torch: what it yields, where it goes on; as a part and as the file that is written."""

from __future__ import annotations

import io
import json
import struct
import sys
import tarfile
import types
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from runctl_auto.job_file.load import load_job_file
from runctl_auto.transfer.loader import loading, samples_of_chunks, samples_of_tar
from runctl_auto.transfer.loader.caching import CachingReader
from runctl_auto.transfer.loader.files import FileReader
from runctl_auto.transfer.loader.order import Rank
from runctl_auto.transfer.loader.reading import Piece
from runctl_auto.transfer.loader.samples_of_objects import Samples, index_of
from runctl_auto.transfer.loader.writing import _READERS, _SAMPLES, LoaderSettings, loader_text

COUNT = 23


@pytest.fixture(autouse=True)
def _without_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "_has_torch", lambda: False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(COUNT):
        path = tmp_path / f"digit-{number % 3}" / f"{number:02}.txt"
        path.parent.mkdir(exist_ok=True)
        path.write_text(str(number))
    return tmp_path


def samples(folder: Path) -> Samples:
    reader = FileReader(folder)
    return Samples(reader, index_of(reader))


def loader(folder: Path, world: int = 1, rank: int = 0, **more: Any) -> loading.Loader:
    return loading.Loader(samples(folder), rank=Rank(rank, world), workers=2, **{"batch_size": 4, **more})


def values(batch: dict[str, Any]) -> list[int]:
    return [int(each) for each in batch.get("value", ())]


def test_an_epoch_yields_every_sample_once_with_its_label(folder: Path) -> None:
    found = list(loader(folder))
    assert sorted(number for batch in found for number in values(batch)) == list(range(COUNT))
    for batch in found:
        assert batch["label"] == [f"digit-{number % 3}" for number in values(batch)]


def test_it_knows_how_many_batches_are_left(folder: Path) -> None:
    under_way = loader(folder)
    assert len(under_way) == 6
    batches = iter(under_way)
    next(batches)
    assert len(under_way) == 5


@pytest.mark.parametrize("seed", range(20))
def test_killed_at_any_step_and_continued_with_other_workers_and_ranks(folder: Path, seed: int) -> None:
    import random

    dice = random.Random(seed)
    seen: dict[int, list[int]] = {0: [], 1: []}
    state: dict[str, Any] | None = None
    while state is None or state["epoch"] < 2:
        world, batch_size = dice.randint(1, 3), dice.randint(1, 6)
        ranks = [loader(folder, world, rank, batch_size=batch_size, seed=seed) for rank in range(world)]
        for each in ranks:
            if state is not None:
                each.load_state_dict(json.loads(json.dumps(state)))
        epoch = ranks[0].epoch
        if epoch > 1:
            break
        killed_after = dice.randint(1, 5)
        for step, together in enumerate(zip(*ranks, strict=True), 1):
            seen[epoch] += [number for batch in together for number in values(batch)]
            states = [each.state_dict() for each in ranks]
            assert states == states[:1] * world
            state = states[0]
            if step == killed_after:
                break
    assert sorted(seen[0]) == sorted(seen[1]) == list(range(COUNT))
    assert seen[0] != seen[1]


def test_a_state_after_the_last_batch_is_the_next_epoch(folder: Path) -> None:
    first = loader(folder)
    for _ in first:
        last = first.state_dict()
    second = loader(folder)
    second.load_state_dict(last)
    assert (second.epoch, second.position) == (first.epoch, first.position) == (1, 0)


def test_a_state_of_other_data_is_refused(folder: Path) -> None:
    state = loader(folder).state_dict()
    (folder / "digit-0/new.txt").write_text("99")
    with pytest.raises(ValueError, match="the data have changed"):
        loader(folder).load_state_dict(state)


def test_no_samples_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no samples"):
        loader(tmp_path)


def test_own_decoding_takes_the_place_of_the_usual_one(folder: Path) -> None:
    found = list(loader(folder, decode=lambda name, content: len(content), collate=sum))
    assert sum(found) == sum(len(str(number)) for number in range(COUNT))


class Objects:
    """Stands for S3; counts what is read from it."""

    makes_client = False

    def __init__(self, **content: bytes) -> None:
        self.content = {name.replace("__", "/").replace("_", "."): body for name, body in content.items()}
        self.asked: list[Piece] = []

    def names(self) -> list[tuple[str, int]]:
        return sorted((name, len(body)) for name, body in self.content.items())

    def read(self, pieces: Sequence[Piece]) -> list[bytes]:
        self.asked += pieces
        return [
            self.content[each.name][each.start : each.start + each.size if each.size >= 0 else None]
            for each in pieces
        ]


def test_a_cache_reads_each_object_once_and_goes_on_without_room(tmp_path: Path, capsys) -> None:
    objects = Objects(a=b"1", deep__b=b"22")
    cached = CachingReader(objects, tmp_path / "cache")
    for _ in range(3):
        assert cached.read([Piece("deep/b"), Piece("a"), Piece("deep/b", 1, 1)]) == [b"22", b"1", b"2"]
    assert len(objects.asked) == 3
    (tmp_path / "cache/full").write_text("a file where a folder would be")
    objects.content["full/c"] = b"3"
    assert [cached.read([Piece("full/c")]) for _ in range(2)] == [[b"3"], [b"3"]]
    assert "the cache is not filled any further" in capsys.readouterr().out


def tar_of(**files: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, body in files.items():
            info = tarfile.TarInfo(name.replace("_", "."))
            info.size = len(body)
            archive.addfile(info, io.BytesIO(body))
    return buffer.getvalue()


def test_files_of_one_stem_in_a_tar_are_one_sample() -> None:
    objects = Objects(
        s0_tar=tar_of(a_jpg=b"picture", a_cls=b"3", b_jpg=b"other", b_cls=b"4"), s1_tar=tar_of(c_cls=b"5")
    )
    found = samples_of_tar.Samples(objects, json.loads(json.dumps(samples_of_tar.index_of(objects))))
    assert found.names == ["s0.tar:a", "s0.tar:b", "s1.tar:c"]
    assert found.read([2, 0]) == [
        ("s1.tar:c", {"cls": b"5"}),
        ("s0.tar:a", {"jpg": b"picture", "cls": b"3"}),
    ]


def chunk_of(*samples: tuple[bytes, ...]) -> bytes:
    """As litdata writes it: the count, where each sample begins and the last one ends, then the samples."""
    bodies = [struct.pack(f"<{len(each)}I", *map(len, each)) + b"".join(each) for each in samples]
    at = 4 * (len(bodies) + 2)
    offsets = [at]
    for body in bodies:
        offsets.append(offsets[-1] + len(body))
    return struct.pack(f"<{len(bodies) + 2}I", len(bodies), *offsets) + b"".join(bodies)


def test_samples_of_litdatas_chunks_are_read_by_their_places() -> None:
    index = {
        "chunks": [
            {"filename": "chunk-0-0.bin", "chunk_size": 2},
            {"filename": "chunk-0-1.bin", "chunk_size": 1},
        ],
        "config": {"compression": None, "data_format": ["jpeg", "int"]},
    }
    objects = Objects(index_json=json.dumps(index).encode())
    objects.content["chunk-0-0.bin"] = chunk_of((b"one", b"1"), (b"", b"22"))
    objects.content["chunk-0-1.bin"] = chunk_of((b"three", b"3"))
    found = samples_of_chunks.Samples(objects, json.loads(json.dumps(samples_of_chunks.index_of(objects))))
    assert len(found) == 3
    assert [fields for _, fields in found.read([2, 0, 1])] == [[b"three", b"3"], [b"one", b"1"], [b"", b"22"]]


def test_a_chunk_that_differs_from_the_index_is_refused() -> None:
    index = {"chunks": [{"filename": "c", "chunk_size": 2}], "config": {"data_format": ["int"]}}
    objects = Objects(index_json=json.dumps(index).encode(), c=chunk_of((b"1",)) + b"12345678")
    with pytest.raises(ValueError, match="c holds 1 samples, not the 2 of the index"):
        samples_of_chunks.index_of(objects)


def written(strategy: str = "stage", form: Any = "files", **more: Any) -> str:
    settings = {
        "job": "images",
        "source": "s3://sets/images",
        "path": "data",
        "strategy": strategy,
        "form": form,
        "region": "eu-west-1",
        "workers": 3,
        "in_flight": 32,
    }
    return loader_text(LoaderSettings(**{**settings, **more}))


def run(text: str, monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    module = types.ModuleType("written_loader")
    monkeypatch.setitem(sys.modules, "written_loader", module)
    module.__file__ = "loader.py"
    exec(compile(text, "loader.py", "exec"), module.__dict__)
    monkeypatch.setattr(module, "_has_torch", lambda: False)
    return module


@pytest.mark.parametrize("form", sorted(_SAMPLES))
@pytest.mark.parametrize("strategy", sorted(_READERS))
def test_what_is_written_is_a_module_without_runctl(
    strategy: str, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = written(strategy, form)
    assert "import runctl" not in text
    assert "runctl_auto" not in text
    module = run(text, monkeypatch)
    assert (module.SOURCE, module.WORKERS) == ("s3://sets/images", 3)
    assert text.count("\nSOURCE = ") == 1
    names = [
        line.split("(")[0].split(":")[0] for line in text.splitlines() if line.startswith(("class ", "def "))
    ]
    assert len(names) == len(set(names)), "nothing is defined twice"


def test_the_written_loader_reads_the_files_that_the_agent_names(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = [{"source": "s3://sets/images", "strategy": "stage", "path": str(folder), "cache": None}]
    monkeypatch.setenv("RUNCTL_DATA", json.dumps(told))
    for strategy in ("stage", "auto", "volume"):
        module = run(written(strategy), monkeypatch)
        found = [number for batch in module.Loader() for number in values(batch)]
        assert sorted(found) == list(range(COUNT))


def test_a_job_file_writes_nothing_but_text_into_the_loader(monkeypatch: pytest.MonkeyPatch) -> None:
    hostile = 's3://sets/"; raise SystemExit #'
    assert hostile == run(written(source=hostile), monkeypatch).SOURCE
    assert run(written(source="s3://sets/'\\"), monkeypatch).SOURCE == "s3://sets/'\\"


def test_what_reads_ahead_stays_within_its_limit(folder: Path) -> None:
    begun: list[int] = []

    class Counted(Samples):
        def read(self, numbers: Sequence[int]) -> list[tuple[str, bytes]]:
            begun.append(len(numbers))
            return super().read(numbers)

    reader = FileReader(folder)
    under_way = loading.Loader(
        Counted(reader, index_of(reader)), rank=Rank(), batch_size=1, workers=2, prefetch=3
    )
    batches = iter(under_way)
    next(batches)
    assert 1 <= len(begun) <= 7
    consume: Callable[[Any], None] = list  # type: ignore[assignment]
    consume(batches)
    assert len(begun) == COUNT


def test_the_loader_of_the_example_is_the_one_that_is_written_for_its_job_file() -> None:
    example = Path(__file__).parents[5] / "stacks" / "examples" / "images"
    job = load_job_file(example / "job.yaml").spec
    (source,) = job.data
    text = written(source.strategy, source=source.source, region=job.region, workers=1)
    assert (example / "loader.py").read_text() == text, "write it again with `runctl data loader`"


def test_a_whole_bucket_is_found_in_what_the_agent_tells(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = [{"source": "s3://sets/", "strategy": "stage", "path": str(folder), "cache": None}]
    monkeypatch.setenv("RUNCTL_DATA", json.dumps(told))
    assert len(run(written(source="s3://sets"), monkeypatch).Loader().samples) == COUNT
