"""The command killed with SIGKILL at random moments, and repeated: nothing lost, nothing sent twice for long.

The full counts run against versitygw, which keeps checksums of parts; it is built with Go. The sample of the
suite runs against the emulated S3.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from moto.server import ThreadedMotoServer

from benchmarks import s3_tools

RUNCTL = Path(sys.executable).parent / "runctl"
PART = 8 << 20
CONNECTIONS = 4
SIZE = 6 * PART + 12345
RATE = 80_000_000
"""Slow enough that a kill at a random moment hits every phase."""
KILLS = 20
LONGEST = 60.0


@dataclass(frozen=True)
class Store:
    """A server with a bucket, and the environment in which commands reach it.

    Without checksums of parts in its listings, a part that arrived when the command no longer lived to write
    it down cannot be told from a broken one, and is sent again: one a connection at most.
    """

    variables: dict[str, str]
    client: Any
    lists_checksums: bool


@pytest.fixture(scope="module")
def emulated() -> Iterator[Store]:
    running = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    place = s3_tools.Server(f"http://127.0.0.1:{running.get_host_and_port()[1]}", Path())
    client = place.client()
    client.create_bucket(Bucket="data")
    yield Store(place.variables, client, lists_checksums=False)
    running.stop()


@pytest.fixture(scope="module")
def faithful(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with s3_tools.server(tmp_path_factory.mktemp("server")) as place:
        client = place.client()
        client.create_bucket(Bucket="data")
        yield Store(place.variables, client, lists_checksums=True)


class Command:
    """`runctl transfer` as a process, in a folder of its own."""

    def __init__(self, store: Store, folder: Path, arguments: Sequence[str]) -> None:
        (folder / "home").mkdir(exist_ok=True)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        self._process = subprocess.Popen(
            [str(RUNCTL), "--output", "json", "transfer", *arguments],
            cwd=folder,
            env={**environment, **store.variables, "HOME": str(folder / "home")},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def kill_at(self, journals: Path, lines: int, further: float) -> bool:
        """Kills it once a journal in the folder has so many lines, and `further` seconds later.

        Whether it still ran then.
        """
        while self._process.poll() is None:
            if any(
                _lines(each) >= lines for each in (*journals.glob("*.upload"), *journals.glob("*.journal"))
            ):
                time.sleep(further)
                self._process.kill()
                break
            time.sleep(0.002)
        self._process.communicate(timeout=LONGEST)
        return self._process.returncode == -signal.SIGKILL

    def result(self) -> dict[str, Any]:
        out, err = self._process.communicate(timeout=LONGEST)
        assert self._process.returncode == 0, err + out
        found: dict[str, Any] = json.loads(out.splitlines()[-1])["result"]
        return found


def _lines(journal: Path) -> int:
    try:
        return journal.read_bytes().count(b"\n")
    except FileNotFoundError:
        return 0


def moment(seed: int) -> tuple[int, float]:
    """A moment to kill at: lines of the journal, then seconds."""
    chosen = random.Random(seed)
    return chosen.randrange(1, 9), chosen.uniform(0, 0.05)


def written(path: Path, seed: int, size: int = SIZE) -> Path:
    path.write_bytes(random.Random(seed).randbytes(size))
    return path


def upload_once(store: Store, folder: Path, seed: int) -> tuple[bool, int]:
    """An upload that is killed and continued; whether it was killed, and the bytes sent by the second one."""
    source = written(folder / "file", seed)
    key = f"up-{seed}"
    arguments = [str(source), f"s3://data/{key}", "--connections", str(CONNECTIONS), "--bandwidth", str(RATE)]
    journals = folder / "home" / ".local" / "state" / "runctl" / "transfers"
    killed = Command(store, folder, arguments).kill_at(journals, *moment(seed))
    left = store.client.list_multipart_uploads(Bucket="data").get("Uploads", [])
    arrived = 0
    for each in left:
        listed = store.client.list_parts(Bucket="data", Key=each["Key"], UploadId=each["UploadId"])
        arrived += sum(part["Size"] for part in listed.get("Parts", []))
    result = Command(store, folder, arguments).result()
    assert store.client.get_object(Bucket="data", Key=key)["Body"].read() == source.read_bytes()
    assert not store.client.list_multipart_uploads(Bucket="data").get("Uploads")
    assert list(journals.glob("*")) == []
    store.client.delete_object(Bucket="data", Key=key)
    if result["files"]:
        in_flight = 0 if store.lists_checksums else CONNECTIONS * PART
        assert result["sent_bytes"] <= SIZE - arrived + in_flight + 100_000, "parts were sent again"
    return killed and bool(left), result["sent_bytes"]


def download_once(store: Store, folder: Path, seed: int) -> bool:
    """A download that is killed and continued; whether it was killed with parts at hand."""
    content = written(folder / "content", seed).read_bytes()
    key = f"down-{seed}"
    store.client.put_object(Bucket="data", Key=key, Body=content, ChecksumAlgorithm="CRC64NVME")
    target = folder / "here"
    target.mkdir()
    arguments = [
        f"s3://data/{key}",
        str(target / "file"),
        "--connections",
        str(CONNECTIONS),
        "--bandwidth",
        str(RATE),
    ]
    killed = Command(store, folder, arguments).kill_at(target, *moment(seed))
    assert not killed or not (target / "file").exists() or (target / "file").read_bytes() == content
    journals = list(target.glob("*.journal"))
    Command(store, folder, arguments).result()
    assert (target / "file").read_bytes() == content
    assert [each.name for each in target.iterdir()] == ["file"]
    store.client.delete_object(Bucket="data", Key=key)
    return killed and bool(journals)


@pytest.mark.sandbox
def test_a_killed_command_is_continued_both_ways(emulated: Store, tmp_path: Path) -> None:
    for name in ("up", "down"):
        (tmp_path / name).mkdir()
    upload_once(emulated, tmp_path / "up", 1)
    download_once(emulated, tmp_path / "down", 2)


@pytest.mark.matrix
def test_twenty_kills_of_uploads(faithful: Store, tmp_path: Path) -> None:
    interrupted = 0
    for seed in range(KILLS):
        folder = tmp_path / str(seed)
        folder.mkdir()
        interrupted += upload_once(faithful, folder, seed)[0]
    print(f"{interrupted} of {KILLS} uploads were killed with parts in the bucket")
    assert interrupted >= KILLS // 2


@pytest.mark.matrix
def test_twenty_kills_of_downloads(faithful: Store, tmp_path: Path) -> None:
    interrupted = 0
    for seed in range(KILLS):
        folder = tmp_path / str(seed)
        folder.mkdir()
        interrupted += download_once(faithful, folder, 100 + seed)
    print(f"{interrupted} of {KILLS} downloads were killed with parts on the disk")
    assert interrupted >= KILLS // 2
