"""The written loader with torch, against an S3 server: killed and continued, and beside other loaders.

Needs Go for the server, and the trainers' packages (support/trainer_packages.py).
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.trainer_packages import trainer_packages

from benchmarks import loader as bench
from benchmarks.s3_tools import REGION, Server, server
from runctl_auto.transfer.loader.writing import LoaderSettings, loader_text

pytestmark = pytest.mark.matrix

KILLS, COUNT = 20, 300
SCRIPT = Path(__file__).with_name("loader_killed.py")


@pytest.fixture(scope="module")
def environment() -> dict[str, str]:
    return {"PYTHONPATH": str(trainer_packages()), "OMP_NUM_THREADS": "1"}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Server]:
    with server(tmp_path / "buckets") as running:
        yield running


def fill(store: Server, count: int) -> list[str]:
    """Objects whose content begins with their name."""
    client = store.client()
    client.create_bucket(Bucket="sets")
    names = [f"{number % 7}/{number:05}.bin" for number in range(count)]
    for name in names:
        client.put_object(Bucket="sets", Key=f"set/{name}", Body=name.encode() + b" " * 1000)
    return names


def write_loader(folder: Path) -> None:
    settings: dict[str, Any] = {"job": "j", "source": "s3://sets/set", "path": "data", "region": REGION}
    text = loader_text(LoaderSettings(**settings, strategy="direct", form="files", workers=2, in_flight=32))
    (folder / "loader.py").write_text(text)


def test_killed_at_20_random_steps_every_sample_comes_once_an_epoch(
    tmp_path: Path, store: Server, environment: dict[str, str]
) -> None:
    names, dice = fill(store, COUNT), random.Random(20)
    work = tmp_path / "work"
    work.mkdir()
    write_loader(work)
    state, log = work / "state.json", work / "log"
    variables = {**os.environ, **store.variables, **environment}
    kills = 0
    while kills < KILLS:
        setting = (dice.randint(1, 3), dice.randint(0, 3), dice.randint(2, 7), dice.randint(1, 4))
        ended = subprocess.run(
            [sys.executable, str(SCRIPT), str(state), str(log), *map(str, setting)],
            cwd=work,
            env={**variables, "PYTHONPATH": f"{work}:{environment['PYTHONPATH']}"},
            check=False,
            timeout=300,
        )
        assert ended.returncode in (0, -signal.SIGKILL), setting
        kills += ended.returncode == -signal.SIGKILL
    steps = [json.loads(line) for line in log.read_text().splitlines()]
    last = steps[-1]["epoch"]
    by_epoch = {epoch: Counter[str]() for epoch in range(last + 1)}
    for step in steps:
        by_epoch[step["epoch"]].update(name for rank in step["got"] for name in rank)
    for epoch in range(last):
        assert by_epoch[epoch] == Counter(names), f"epoch {epoch}"
    assert set(by_epoch[last].values()) <= {1}
    assert sum(by_epoch[last].values()) == steps[-1]["state"]["position"]
    total = sum(map(Counter.total, by_epoch.values()))
    told = f"{total} samples in {last} epochs and a part, none twice"
    print(f"{kills} of {KILLS} kills at random steps: {told}")


def test_it_reads_small_objects_faster_than_others(
    tmp_path: Path, store: Server, environment: dict[str, str]
) -> None:
    bench.fill(store)
    found = bench.compare(store, tmp_path, 3, [sys.executable], environment)
    bench.told(found)
    own = found["runctl"].samples_second
    assert own >= 3 * found["boto3"].samples_second
    assert own >= 1.2 * found["s3torchconnector map"].samples_second
    assert own >= 1.2 * found["s3torchconnector iterable"].samples_second
