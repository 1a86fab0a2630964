"""A checkpoint of 4,000 small files, as the agent saves it, against one object a file, one after the other.

Both go to the same emulated S3 in a process of its own. The memory is what Python allocates while it saves.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from statistics import median

import boto3

from runctl_auto.agent.keys import checkpoint_prefix, file_key
from runctl_auto.agent.saving.checkpoints import Checkpoints
from runctl_auto.agent.store.kept_web import KeptWeb
from runctl_auto.agent.store.s3 import S3
from runctl_auto.agent.store.s3_request import Bucket, S3Requests
from runctl_auto.agent.store.s3_store import S3Store
from runctl_auto.agent.store.sigv4 import Credentials
from runctl_auto.agent.store.web import Web

FILES = 4000
FILE_BYTES = 2000
ACCOUNT = "123456789012"
SERVER = """
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
input()
"""


def measure(folder: Path, rounds: int) -> None:
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert server.stdout is not None
        endpoint = f"http://127.0.0.1:{int(server.stdout.readline())}"
        keys = {"aws_access_key_id": "a", "aws_secret_access_key": "s", "region_name": "us-east-1"}
        boto3.client("s3", endpoint_url=endpoint, **keys).create_bucket(Bucket="saved")
        _report(folder, endpoint, rounds)
    finally:
        server.kill()
        server.wait()


def _report(folder: Path, endpoint: str, rounds: int) -> None:
    source = folder / "ck"
    source.mkdir()
    for number in range(FILES):
        (source / f"chunk-{number}").write_bytes(b"x" * FILE_BYTES)
    single, whole = _store(endpoint, Web()), _store(endpoint, KeptWeb())
    before = [_seconds(lambda: _one_by_one(single, source)) for _ in range(rounds)]
    after = [_seconds(lambda: _save(whole, source, folder)) for _ in range(rounds)]
    tracemalloc.start()
    _save(whole, source, folder)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    print(
        f"{FILES} files of {FILE_BYTES} bytes: one by one {median(before):.1f} s, as a checkpoint "
        f"{median(after):.1f} s, {median(before) / median(after):.1f} times as fast (bar: 3), "
        f"{peak / 2**20:.0f} MiB allocated at most",
        flush=True,
    )


def _store(endpoint: str, web: Web) -> S3Store:
    bucket = Bucket("saved", "us-east-1", ACCOUNT, endpoint)
    return S3Store(S3(S3Requests(web, bucket, lambda: Credentials("a", "s"))))


def _one_by_one(store: S3Store, source: Path) -> None:
    prefix = checkpoint_prefix("one-by-one", "00000000")
    for path in sorted(source.iterdir()):
        with path.open("rb") as file:
            store.upload(file_key(prefix, path.name), file, FILE_BYTES)


def _save(store: S3Store, source: Path, folder: Path) -> None:
    scratch = folder / "scratch"
    Checkpoints(store, "whole", folder=source, scratch=scratch, keep=1, say=print).save()
    shutil.rmtree(scratch, ignore_errors=True)


def _seconds(action: Callable[[], object]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began
